/** A store that is open in one tab of a scripted world: what the tests of the store begin with. */
import { vi } from 'vitest'
import { createStore } from '../src/store.js'
import type { CreditsOptions, CreditsStore } from '../src/types.js'
import { World } from './world.js'

export function open(options: Partial<CreditsOptions> = {}, world = new World()) {
  const tab = world.openTab()
  const user = 'user' in options ? options.user : 'ada'
  const getToken = vi.fn(
    (_request: { fresh: boolean }): string | null | Promise<string | null> => `screen:${user}`,
  )
  const store = createStore({ url: '', getToken, user, log: false, ...options }, tab.environment)
  return { world, server: world.server, tab, store, getToken }
}

export async function openLive(options: Partial<CreditsOptions> = {}) {
  const all = open(options)
  all.server.commit('ada', 100)
  const stop = all.store.subscribe(() => {})
  await all.world.pass(50)
  return { ...all, stop }
}

export const openOperator = () => openLive({ user: undefined, operator: true, getToken: () => 'operator' })
export const figures = (store: CreditsStore, unit?: string) => {
  const { credits, available, pending, version } = store.getSnapshot(unit)
  return { credits, available, pending, version }
}
