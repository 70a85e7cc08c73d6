// @vitest-environment node
/** Changes that are shown before the server has answered: pending, settled by the push, taken back. All time is virtual. */
import { afterEach, describe, expect, test, vi } from 'vitest'
import { figures, openLive } from './opened.js'
import { settle } from './world.js'

afterEach(() => vi.restoreAllMocks())

describe('optimistic changes', () => {
  test('show at once, settle with the frame that names the key, and never twice', async () => {
    const { world, server, store } = await openLive()
    const seen: number[] = []
    store.subscribe(() => seen.push(store.getSnapshot().credits))
    let used = ''
    const answer = store.optimistic(-5, async (key) => {
      used = key
      await new Promise<void>((resume) => world.at(30, resume))
      const { version, epoch } = server.change('ada', -5, { key })
      await new Promise<void>((resume) => world.at(30, resume))
      return { version, epoch, user_id: 'ada' }
    })
    expect(figures(store)).toEqual({ credits: 95, available: 100, pending: 1, version: 1 })
    await world.pass(200)
    await answer
    expect(figures(store)).toEqual({ credits: 95, available: 95, pending: 0, version: 2 })
    expect(new Set(seen)).toEqual(new Set([95]))
    expect(used.length).toBeGreaterThan(20)
  })

  test('are dropped when refused, and the refusal is handed on as it is', async () => {
    const { store } = await openLive()
    const refusal = new Error('Not enough credits')
    await expect(store.optimistic(-500, () => Promise.reject(refusal))).rejects.toBe(refusal)
    expect(figures(store)).toMatchObject({ credits: 100, pending: 0 })
  })

  test('without a version in the answer, settle by a read', async () => {
    const { server, store } = await openLive()
    server.silent = true
    const result = await store.optimistic(-5, async () => {
      server.commit('ada', -5)
      return 'done'
    })
    expect([result, figures(store).credits]).toEqual(['done', 95])
    await settle()
    expect(figures(store)).toEqual({ credits: 95, available: 95, pending: 0, version: 2 })
  })

  test('of amounts that are not exact integers are not even tried', async () => {
    const { store } = await openLive()
    const change = vi.fn()
    for (const delta of [0.5, Number.NaN, 2 ** 53, Number.POSITIVE_INFINITY]) {
      await expect(store.optimistic(delta, change)).rejects.toThrow(RangeError)
    }
    expect(change).not.toHaveBeenCalled()
  })

  test('keep the key that the app gives, so that a retry pays once', async () => {
    const { store } = await openLive()
    const change = vi.fn(async () => ({ version: 1 }))
    await store.optimistic(-5, change, { key: 'kept' })
    expect(change).toHaveBeenCalledWith('kept')
  })
})
