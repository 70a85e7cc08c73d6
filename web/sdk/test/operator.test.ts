// @vitest-environment node
/** What an operator's store adds: everybody's changes, other users' numbers, and the lists that moved. All time is virtual. */
import { afterEach, describe, expect, test, vi } from 'vitest'
import { openLive, openOperator } from './opened.js'
import { settle } from './world.js'

afterEach(() => vi.restoreAllMocks())

describe('an operator', () => {
  test('watches users, counted and together; unwatches when the last is gone', async () => {
    const { world, server, store, tab } = await openOperator()
    const stops = [store.watch(['ada', 'bob']), store.watch(['bob'])]
    await world.pass(50)
    const [socket] = tab.sockets
    expect(socket?.saidOf('watch')).toEqual([{ type: 'watch', users: ['ada', 'bob'] }])
    expect(store.getWatched('ada')).toMatchObject({ user: 'ada', credits: 100, version: 1 })
    expect(store.getWatched('eve')).toBeUndefined()
    stops[0]?.()
    stops[0]?.()
    await world.pass(50)
    expect(socket?.saidOf('unwatch')).toEqual([{ type: 'unwatch', users: ['ada'] }])
    expect(store.getWatched('ada')).toBeUndefined()
    const updates: string[] = []
    store.on('update', (userId) => updates.push(userId))
    const before = store.getWatched('bob')
    server.change('ada', 1)
    expect(store.getWatched('bob')).toBe(before)
    server.change('bob', 5)
    await world.pass(50)
    expect([store.getWatched('bob')?.credits, updates]).toEqual([5, ['bob']])
  })

  test('a row that unmounts and mounts again sends nothing', async () => {
    const { world, store, tab } = await openOperator()
    store.watch(['ada'])
    await world.pass(50)
    const stop = store.watch(['bob'])
    stop()
    store.watch(['ada'])
    await world.pass(50)
    expect(tab.sockets[0]?.said.filter(({ type }) => type.includes('watch')).length).toBe(1)
  })

  test('watches again after a reconnect, and shows the last number meanwhile', async () => {
    const { world, server, store, tab } = await openOperator()
    store.watch(['ada'])
    store.follow(['users', 'audit'])
    await world.pass(50)
    tab.sockets[0]?.end(4000)
    server.commit('ada', 1)
    await world.pass(17)
    expect(store.getWatched('ada')?.credits).toBe(100)
    await world.pass(100)
    expect(store.getWatched('ada')?.credits).toBe(101)
    expect(tab.sockets[1]?.follows).toEqual(['users', 'audit'])
  })

  test('500 users fit into frames that the server reads; more are not watched', async () => {
    const { world, store, tab } = await openOperator()
    store.watch(Array.from({ length: 600 }, (_, n) => `${'ü'.repeat(100)}${n}`))
    await world.pass(50)
    const frames = tab.sockets[0]?.saidOf('watch') ?? []
    for (const frame of frames)
      expect(new TextEncoder().encode(JSON.stringify(frame)).length).toBeLessThanOrEqual(4096)
    expect(frames.flatMap(({ users }) => users).length).toBe(500)
  })

  test('follows lists, counted', async () => {
    const { world, store, tab } = await openOperator()
    const stop = store.follow(['users'])
    store.follow(['users', 'audit'])
    await world.pass(50)
    stop()
    await world.pass(50)
    expect(tab.sockets[0]?.saidOf('follow')).toEqual([{ type: 'follow', lists: ['users', 'audit'] }])
  })

  test('broadcasts by asking the server too, with the cookie; a failure is nobody’s concern', async () => {
    const log = vi.spyOn(console, 'log').mockImplementation(() => {})
    const { server, store, tab } = await openLive({
      user: undefined,
      operator: true,
      getToken: () => 'operator',
      log: true,
    })
    store.broadcast('a/b')
    await settle()
    expect(server.broadcasts).toEqual(['a/b'])
    expect(tab.requests[0]).toMatchObject({
      address: '/api/v1/admin/users/a%2Fb/broadcast',
      init: { method: 'POST', credentials: 'include' },
    })
    expect(log.mock.calls).toEqual([['📢 Broadcasting credit update for user a/b']])
    server.nextAnswer = Response.json({ code: 'forbidden', detail: 'No.' }, { status: 403 })
    store.broadcast('ada')
    await settle()
    expect(store.getSnapshot().error).toBeNull()
  })

  test('has no credits of its own: refresh asks nothing, nothing is loading', async () => {
    const { store, tab } = await openOperator()
    await store.refresh({ force: true })
    expect(tab.requests).toEqual([])
    expect(store.getSnapshot()).toMatchObject({ credits: 0, loading: false, status: 'live' })
  })

  test('may show a change of a watched user before it is confirmed', async () => {
    const { world, server, store } = await openOperator()
    store.watch(['ada'])
    await world.pass(50)
    const change = store.optimistic(50, async () => server.change('ada', 50), { user: 'ada' })
    expect(store.getWatched('ada')).toMatchObject({ credits: 150, available: 100, pending: 1 })
    await change
    await world.pass(50)
    expect(store.getWatched('ada')).toMatchObject({ credits: 150, available: 150, pending: 0 })
  })
})

test('under a screen token a broadcast makes no request', async () => {
  const { store, tab } = await openLive()
  store.broadcast('ada')
  await settle()
  expect(tab.requests).toEqual([])
})
