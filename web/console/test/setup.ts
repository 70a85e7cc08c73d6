/** What jsdom lacks and Mantine needs; and a clean page before each test. */

import { notifications } from '@mantine/notifications'
import { cleanup, configure, getConfig } from '@testing-library/react'
import { afterEach, beforeEach, vi } from 'vitest'
import { forgetAnnouncements } from '../src/announce'
import { clearAllLayers } from '../src/board'

window.matchMedia = (query: string) =>
  ({
    matches: false,
    media: query,
    addEventListener: () => {},
    removeEventListener: () => {},
    addListener: () => {},
    removeListener: () => {},
  }) as unknown as MediaQueryList

window.ResizeObserver = class {
  observe() {}
  unobserve() {}
  disconnect() {}
}

window.scrollTo = () => {}
Element.prototype.scrollIntoView = () => {}
// The chart draws for real, onto a canvas that keeps nothing.
HTMLCanvasElement.prototype.getContext = (() =>
  new Proxy({}, { get: () => () => ({ width: 0 }), set: () => true })) as never
// biome-ignore lint/suspicious/noExplicitAny: jsdom has no paths
;(window as any).Path2D = class {
  rect() {}
  moveTo() {}
  lineTo() {}
  arc() {}
  closePath() {}
}
// Mantine's scroll areas and comboboxes ask for fonts and layouts that are never there.
Object.defineProperty(document, 'fonts', { value: { addEventListener() {}, removeEventListener() {} } })

// A busy machine renders slowly; a behaviour that never comes still fails.
configure({ asyncUtilTimeout: 5000 })
// While something is waited for, its query fails again and again. The page is written out once, when the time is up.
const withThePage = getConfig().getElementError
configure({
  getElementError(message, container) {
    const { _disableExpensiveErrorDiagnostics: isWaiting } = getConfig() as unknown as Record<string, unknown>
    if (!isWaiting) return withThePage(message, container)
    return Object.assign(new Error(message ?? ''), { name: 'TestingLibraryElementError' })
  },
})
vi.setConfig({ testTimeout: 20_000 })

beforeEach(() => {
  document.head.innerHTML = '<base href="/console/">'
  sessionStorage.clear()
  localStorage.clear()
})

afterEach(() => {
  cleanup()
  notifications.clean()
  clearAllLayers()
  forgetAnnouncements()
  vi.restoreAllMocks()
  vi.unstubAllGlobals()
})
