// @vitest-environment node
/**
 * The store against a scripted server, in one tab: what is shown when, what it does with loss, sleep,
 * refusals and wrong tokens. All time is virtual.
 */
import { afterEach, describe, expect, test, vi } from 'vitest'
import { figures, open, openLive } from './opened.js'

afterEach(() => vi.restoreAllMocks())

describe('first number', () => {
  test('nothing happens before somebody subscribes', async () => {
    const { world, tab, store, getToken } = open()
    await world.pass(60_000)
    expect(tab.sockets).toEqual([])
    expect(getToken).not.toHaveBeenCalled()
    expect(store.getSnapshot()).toMatchObject({ status: 'idle', loading: true, credits: 0 })
  })

  test('connects, authenticates by the first frame, and shows what the hello says', async () => {
    const { store, tab } = await openLive()
    expect(store.getSnapshot()).toMatchObject({
      user: 'ada',
      unit: 'credits',
      credits: 100,
      available: 100,
      held: 0,
      version: 1,
      loading: false,
      status: 'live',
      error: null,
    })
    const [socket] = tab.sockets
    expect(socket?.address).toBe('wss://shop.test/api/v1/credits/live')
    expect(socket?.said[0]).toEqual({ type: 'auth', token: 'screen:ada' })
    expect(socket?.address).not.toContain('screen:ada')
  })

  test.each([
    ['/billing/credits', 'wss://shop.test/billing/credits/api/v1/credits/live'],
    ['/billing/credits/', 'wss://shop.test/billing/credits/api/v1/credits/live'],
    ['http://other.test:8300', 'ws://other.test:8300/api/v1/credits/live'],
  ])('is mounted at %s', async (url, address) => {
    const { tab } = await openLive({ url })
    expect(tab.sockets[0]?.address).toBe(address)
  })

  test('an account without an entry is a known zero', async () => {
    const { world, store } = open()
    store.subscribe(() => {})
    await world.pass(50)
    expect(store.getSnapshot()).toMatchObject({ loading: false, credits: 0, version: 0, updatedAt: null })
  })

  test('signed out: no request, no number, no loading', async () => {
    const { world, store, tab, getToken } = open({ user: null })
    store.subscribe(() => {})
    await world.pass(1_000)
    expect(store.getSnapshot()).toMatchObject({
      status: 'signed-out',
      loading: false,
      credits: 0,
      user: null,
    })
    expect([tab.sockets.length, getToken.mock.calls.length]).toEqual([0, 0])
  })

  test('without a `user`, the token tells who it is', async () => {
    const { store } = await openLive({ user: undefined, getToken: () => 'screen:ada' })
    expect(store.getSnapshot()).toMatchObject({ user: 'ada', credits: 100 })
  })
})

describe('snapshots', () => {
  test('are the same object until something in them changed', async () => {
    const { world, server, store } = await openLive()
    server.units = ['credits', 'images']
    const [credits, images] = [store.getSnapshot(), store.getSnapshot('images')]
    server.tick()
    server.push(server.state('ada'))
    await world.pass(50)
    expect(store.getSnapshot()).toBe(credits)
    server.change('ada', 5, { unit: 'images' })
    await world.pass(50)
    expect(store.getSnapshot()).toBe(credits)
    expect(store.getSnapshot('images')).not.toBe(images)
    expect(figures(store, 'images')).toMatchObject({ credits: 5, version: 1 })
  })

  test('tell when and why', async () => {
    const { world, server, store } = await openLive()
    server.change('ada', -5)
    await world.pass(50)
    expect(store.getSnapshot()).toMatchObject({
      cause: { kind: 'adjust', amount: -5 },
      updatedAt: world.now - 50,
    })
  })
})

describe('pushes', () => {
  test('are shown, and call the callbacks with the id', async () => {
    const { world, server, store } = await openLive()
    const updates: string[] = []
    store.on('update', (userId) => updates.push(userId))
    server.change('ada', 20)
    await world.pass(50)
    expect([figures(store).credits, updates]).toEqual([120, ['ada']])
  })

  test('that are repeated call again and change nothing', async () => {
    const { world, server, store } = await openLive()
    const updates = vi.fn()
    store.on('update', updates)
    server.push(server.state('ada'))
    await world.pass(50)
    expect([figures(store).version, updates.mock.calls]).toEqual([1, [['ada']]])
  })

  test('lost without a trace are found by the next tick', async () => {
    const { world, server, store } = await openLive()
    server.commit('ada', 7)
    await world.pass(5_000)
    expect(figures(store).credits).toBe(100)
    server.tick()
    await world.pass(50)
    expect(figures(store).credits).toBe(107)
  })

  test('a flood of frames from another epoch asks once, not a hundred times', async () => {
    const { world, server, store, tab } = await openLive()
    server.epoch = 'ep_2'
    server.states.clear()
    server.commit('ada', 33)
    for (let n = 0; n < 100; n++) server.push(server.state('ada'))
    await world.pass(50)
    expect(tab.sockets[0]?.saidOf('resync').length).toBe(1)
    expect(figures(store)).toMatchObject({ credits: 33, version: 1 })
  })

  test('hints reach the lists that they name', async () => {
    const { world, server, store } = await openLive()
    const heard: string[] = []
    store.on('changed', (lists) => heard.push(lists.join()))
    store.on('vouchers', () => heard.push('vouchers!'))
    store.on('orders', () => heard.push('orders!'))
    server.hint('history', 'vouchers')
    server.hint('orders')
    await world.pass(50)
    expect(heard).toEqual(['history,vouchers', 'vouchers!', 'orders', 'orders!'])
  })
})

describe('callbacks', () => {
  test('are a set; one that throws stops nobody; removing twice is harmless', async () => {
    const complaints = vi.spyOn(console, 'error').mockImplementation(() => {})
    const { store } = open()
    const good = vi.fn()
    store.on('update', () => {
      throw new Error('mine')
    })
    const removeOne = store.on('update', good)
    store.on('update', good)
    store.broadcast('ada')
    expect(good.mock.calls).toEqual([['ada']])
    expect(complaints).toHaveBeenCalledTimes(1)
    removeOne()
    removeOne()
    store.broadcast('ada')
    expect(good).toHaveBeenCalledTimes(1)
  })

  test('status is told with its moment', async () => {
    const { world, store } = open()
    const told: string[] = []
    store.on('status', (status) => told.push(status))
    store.subscribe(() => {})
    await world.pass(50)
    expect(told).toEqual(['connecting', 'live'])
  })
})

describe('lost connections', () => {
  test('reconnecting, then stale since the number was last right, then the truth', async () => {
    const { world, server, store, tab } = await openLive()
    const right = world.now
    server.down = true
    tab.sockets[0]?.end(1006)
    await world.pass(1_000)
    expect(store.getSnapshot()).toMatchObject({ status: 'reconnecting', credits: 100 })
    await world.pass(10_000)
    expect(store.getSnapshot().status).toBe('stale')
    expect(store.getSnapshot().since).toBeLessThanOrEqual(right)
    server.down = false
    server.commit('ada', 1)
    await world.pass(20_000)
    expect(store.getSnapshot()).toMatchObject({ status: 'live', credits: 101, error: null })
  })

  test('a half-open line is noticed after one and a half heartbeats', async () => {
    const { world, server, store, tab } = await openLive()
    server.silent = true
    await world.pass(29_000)
    expect(store.getSnapshot().status).toBe('live')
    await world.pass(1_100)
    expect(store.getSnapshot().status).toBe('reconnecting')
    expect(tab.openSockets.length).toBeLessThanOrEqual(1)
  })

  test('offline for a day, 100,000 changes missed: one frame, right within three seconds of waking', async () => {
    const { world, server, store, tab } = await openLive()
    const frames = vi.fn()
    tab.freeze([])
    for (const socket of tab.openSockets) socket.drop()
    await world.pass(86_400_000)
    for (let n = 0; n < 100_000; n++) server.commit('ada', 1)
    store.subscribe(frames)
    tab.thaw(['visibility', 'network'])
    await world.pass(2_900)
    expect(store.getSnapshot()).toMatchObject({ status: 'live', credits: 100_100, version: 100_001 })
    expect(tab.openSockets.length).toBe(1)
  })

  test('a restored ledger, one that is behind, is shown as it is', async () => {
    const { world, server, store, tab } = await openLive()
    server.states.clear()
    server.commit('ada', 3)
    server.epoch = 'ep_restored'
    server.states.set('ada credits', { ...server.state('ada'), epoch: 'ep_restored' })
    tab.sockets[0]?.end(4000)
    await world.pass(100)
    expect(figures(store)).toMatchObject({ credits: 3, version: 1 })
  })

  test('the server learns what the screen painted before, and never in the address', async () => {
    const { world, tab } = await openLive()
    tab.sockets[0]?.end(4000)
    await world.pass(100)
    expect(tab.sockets[1]?.said[0]).toEqual({
      type: 'auth',
      token: 'screen:ada',
      epoch: 'ep_1',
      held: { credits: 1 },
    })
  })

  test('a socket that cannot even be made is tried again, and said so', async () => {
    const { world, tab, store } = open()
    const openSocket = tab.environment.openSocket
    let refusals = 1
    tab.environment.openSocket = (...input) => {
      if (refusals-- > 0) throw new DOMException('insecure', 'SecurityError')
      return openSocket(...input)
    }
    store.subscribe(() => {})
    await world.pass(100)
    expect(store.getSnapshot()).toMatchObject({ status: 'reconnecting', error: { code: 'connect_failed' } })
    await world.pass(2_000)
    expect(store.getSnapshot()).toMatchObject({ status: 'live', error: null })
  })

  test('no network is named, and its return is used at once', async () => {
    const { world, server, store, tab } = await openLive()
    server.silent = true
    tab.online = false
    tab.tell('network')
    await world.pass(2_100)
    expect(store.getSnapshot().status).toBe('offline')
    server.silent = false
    tab.online = true
    tab.tell('network')
    await world.pass(3_000)
    expect(store.getSnapshot().status).toBe('live')
  })
})

describe('tokens', () => {
  test('an expired one is replaced before the server minds', async () => {
    const { world, server, store, tab, getToken } = open()
    server.tokenLasts_ms = 60_000
    server.keepTicking()
    store.subscribe(() => {})
    await world.pass(43_000)
    expect(getToken.mock.calls).toEqual([[{ fresh: false }], [{ fresh: true }]])
    expect(tab.sockets[0]?.saidOf('auth').length).toBe(2)
    expect([tab.sockets.length, store.getSnapshot().status]).toEqual([1, 'live'])
  })

  test('a refused one is replaced at once; null then means signed out', async () => {
    const { world, server, store, getToken } = await openLive()
    getToken.mockReturnValue(null)
    server.sockets[0]?.end(4202, 'token_revoked: The token or the session was revoked.')
    await world.pass(100)
    expect(getToken).toHaveBeenLastCalledWith({ fresh: true })
    expect(store.getSnapshot()).toMatchObject({ status: 'signed-out', credits: 0, loading: false })
    expect(store.getSnapshot().error).toMatchObject({ code: 'token_revoked', status: 4202 })
  })

  test('a reconnect uses the token that still holds', async () => {
    const { world, tab, getToken } = await openLive()
    tab.sockets[0]?.end(1006)
    await world.pass(2_000)
    expect([tab.sockets.length, getToken.mock.calls.length]).toEqual([2, 1])
  })

  test('of another user are never shown', async () => {
    const { world, server, store } = open({ getToken: () => 'screen:bob' })
    server.commit('bob', 666)
    const seen = new Set<number>()
    store.subscribe(() => seen.add(store.getSnapshot().credits))
    await world.pass(30_000)
    expect([...seen]).toEqual([0])
    expect(store.getSnapshot()).toMatchObject({ loading: true, error: { code: 'wrong_user' } })
  })

  test('"stay away" is obeyed until somebody asks to try again', async () => {
    const { world, server, store, tab } = open()
    server.refuse = [4302, 'too_many_screens: Too many open screens of this user.']
    store.subscribe(() => {})
    await world.pass(600_000)
    expect(tab.sockets.length).toBe(1)
    expect(store.getSnapshot()).toMatchObject({
      status: 'error',
      loading: false,
      error: { code: 'too_many_screens', detail: 'Too many open screens of this user.', status: 4302 },
    })
    server.refuse = undefined
    await store.refresh()
    await world.pass(100)
    expect(store.getSnapshot()).toMatchObject({ status: 'live', error: null })
  })
})

describe('reads', () => {
  test('join one that runs; force begins another', async () => {
    const { store, tab } = await openLive()
    await Promise.all([store.refresh(), store.refresh()])
    expect(tab.requests.length).toBe(1)
    await Promise.all([store.refresh(), store.refresh({ force: true })])
    expect(tab.requests.length).toBe(3)
    await store.refresh()
    expect(tab.requests.length).toBe(4)
  })

  test('carry the token in the header and never in the address', async () => {
    const { store, tab } = await openLive()
    await store.refresh({ unit: 'a&b' })
    expect(tab.requests[0]).toMatchObject({
      address: '/api/v1/credits/balance?unit=a%26b',
      init: { headers: { authorization: 'Bearer screen:ada' }, cache: 'no-store' },
    })
  })

  test('bring the number even where no socket comes through', async () => {
    const { world, server, store } = open()
    server.commit('ada', 42)
    server.silent = true
    store.subscribe(() => {})
    await world.pass(100)
    expect(store.getSnapshot().loading).toBe(true)
    await store.refresh()
    expect(store.getSnapshot()).toMatchObject({ loading: false, credits: 42, version: 1 })
    expect(store.getSnapshot('images')).toMatchObject({ loading: true, credits: 0 })
  })

  test('never reject; the reason stands in the snapshot until one succeeds', async () => {
    const { server, store } = await openLive()
    const detail = 'The service is being restarted.'
    server.nextAnswer = Response.json({ code: 'draining', detail }, { status: 503 })
    await store.refresh()
    expect(store.getSnapshot().error).toEqual({ code: 'draining', detail, status: 503 })
    await store.refresh()
    expect(store.getSnapshot().error).toBeNull()
    server.down = true
    await store.refresh()
    expect(store.getSnapshot()).toMatchObject({ credits: 100, error: { code: 'network' } })
  })

  test('wait as long as Retry-After says', async () => {
    const { world, server, store, tab } = await openLive()
    server.nextAnswer = new Response('busy', { status: 429, headers: { 'retry-after': '7' } })
    await store.refresh()
    await world.pass(6_000)
    await store.refresh()
    expect(tab.requests.length).toBe(1)
    expect(store.getSnapshot().error).toEqual({ code: 'http', detail: 'HTTP 429', status: 429 })
    await world.pass(1_100)
    await store.refresh()
    expect(tab.requests.length).toBe(2)
    expect(store.getSnapshot().error).toBeNull()
  })

  test('renew a refused token once', async () => {
    const { server, store, getToken, tab } = await openLive()
    server.nextAnswer = Response.json({ code: 'token_expired', detail: 'Expired.' }, { status: 401 })
    await store.refresh()
    expect(getToken).toHaveBeenLastCalledWith({ fresh: true })
    expect([tab.requests.length, store.getSnapshot().error]).toEqual([2, null])
  })

  test('refreshUser reads for the current user only, and calls the callbacks in any case', async () => {
    const log = vi.spyOn(console, 'log').mockImplementation(() => {})
    const { store, tab } = await openLive({ log: true })
    const updates: string[] = []
    store.on('update', (userId) => updates.push(userId))
    await store.refreshUser('bob')
    expect(tab.requests.length).toBe(0)
    await store.refreshUser('ada')
    expect(tab.requests.length).toBe(1)
    expect(updates).toEqual(['bob', 'ada'])
    expect(log.mock.calls).toEqual([['🔄 Refreshing credits for user ada (current user)']])
  })
})

describe('receipts', () => {
  test('a tick is answered with what was painted, after it was painted', async () => {
    const { world, server, tab } = await openLive()
    server.tick()
    await world.pass(10)
    server.change('ada', 1)
    server.tick()
    await world.pass(50)
    expect(tab.sockets[0]?.saidOf('pong')).toEqual([
      { type: 'pong', painted: { credits: 1 }, visible: true, tabs: 1 },
      { type: 'pong', painted: { credits: 1 }, visible: true, tabs: 1 },
    ])
    server.tick()
    await world.pass(50)
    expect(tab.sockets[0]?.saidOf('pong').at(-1)?.painted).toEqual({ credits: 2 })
  })

  test('a hidden tab paints nothing', async () => {
    const { world, server, tab } = await openLive()
    tab.show(false)
    server.change('ada', 1)
    await world.pass(50)
    server.tick()
    await world.pass(50)
    const last = () => tab.sockets[0]?.saidOf('pong').at(-1)
    expect(last()).toEqual({ type: 'pong', painted: {}, visible: false, tabs: 1 })
    tab.show(true)
    await world.pass(50)
    server.tick()
    await world.pass(50)
    expect(last()).toEqual({ type: 'pong', painted: { credits: 2 }, visible: true, tabs: 1 })
  })
})

test('a connection that was given up and made again tells what is painted, though nothing changed', async () => {
  const { world, server, tab, store, stop } = await openLive()
  stop()
  await world.pass(2_000)
  store.subscribe(() => {})
  await world.pass(50)
  server.tick()
  await world.pass(50)
  expect(tab.sockets[1]?.saidOf('pong').at(-1)?.painted).toEqual({ credits: 1 })
})

describe('the end', () => {
  test('a second of grace between the last subscriber and the next keeps the connection', async () => {
    const { world, tab, store, stop } = await openLive()
    stop()
    stop()
    await world.pass(900)
    const again = store.subscribe(() => {})
    await world.pass(5_000)
    expect([tab.sockets.length, store.getSnapshot().status]).toEqual([1, 'live'])
    again()
    await world.pass(1_100)
    expect([tab.openSockets.length, store.getSnapshot().status]).toEqual([0, 'idle'])
    store.subscribe(() => {})
    await world.pass(100)
    expect([tab.sockets.length, store.getSnapshot().status]).toEqual([2, 'live'])
  })

  test('close is at once and for good: no late frame, no read, no callback', async () => {
    const { world, server, store, tab } = await openLive()
    const called = vi.fn()
    store.subscribe(called)
    store.on('update', called)
    store.on('status', called)
    server.change('ada', 1)
    const read = store.refresh()
    store.close()
    await read
    store.subscribe(called)
    await world.pass(10_000)
    expect(called).not.toHaveBeenCalled()
    expect([tab.openSockets.length, tab.sockets.length]).toEqual([0, 1])
    expect(store.getSnapshot()).toMatchObject({ credits: 100, status: 'idle' })
  })

  test('debug traces frames and steps, and never a token', async () => {
    const debug = vi.spyOn(console, 'debug').mockImplementation(() => {})
    await openLive({ debug: true })
    expect(debug.mock.calls.length).toBeGreaterThan(3)
    expect(JSON.stringify(debug.mock.calls)).not.toContain('screen:ada')
  })
})
