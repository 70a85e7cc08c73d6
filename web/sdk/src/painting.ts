/**
 * What this tab has really painted.
 *
 * Promise: a version counts as painted only after subscribers were told of it and a frame was composed
 * while the tab was visible.
 */
import type { Environment } from './environment.js'
import type { Versions } from './frames.js'
import { same } from './view.js'

/**
 * @param shown - The versions that components show by now.
 * @param painted - Called with what the frame brought to the screen.
 * @returns What to call whenever the number may have changed or the tab came to be seen.
 */
export function notePainting(
  environment: Environment,
  shown: () => Versions,
  painted: (versions: Versions) => void,
): () => void {
  let last: Versions = {}
  let isWaiting = false

  return function note() {
    const now = shown()
    if (isWaiting || !environment.visible() || same(now, last)) return
    isWaiting = true
    environment.onFrame(() => {
      isWaiting = false
      if (!environment.visible()) return
      last = now
      painted(now)
      note()
    })
  }
}
