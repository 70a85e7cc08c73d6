// @vitest-environment node
/**
 * The race of the two carriers: a network that lets no WebSocket through still shows the number within five
 * seconds and says nothing wrong meanwhile; whatever comes through first is used, and remembered.
 */
import { describe, expect, test, vi } from 'vitest'
import { createStore } from '../src/store.js'
import type { CreditsOptions } from '../src/types.js'
import { type Tab, World } from './world.js'

const HOUR_MS = 3_600_000

function open(world = new World(), options: Partial<CreditsOptions> = {}, tab: Tab = world.openTab()) {
  const getToken = vi.fn((): string | null => 'screen:ada')
  const store = createStore({ url: '', user: 'ada', log: false, getToken, ...options }, tab.environment)
  const statuses: string[] = []
  store.on('status', (status) => statuses.push(status))
  const shown = () => {
    const { credits, loading, status } = store.getSnapshot()
    return [loading ? '…' : credits, status]
  }
  return { world, server: world.server, tab, store, statuses, shown, getToken }
}

function begin(blocks: World['server']['blocksSockets'], options: Partial<CreditsOptions> = {}) {
  const all = open(new World(), options)
  all.server.blocksSockets = blocks
  all.server.commit('ada', 100)
  all.store.subscribe(() => {})
  return all
}

describe('where WebSockets do not come through', () => {
  test('a refused handshake is followed by a stream at once', async () => {
    const { world, server, shown, statuses, store } = begin('refused')
    await world.pass(100)
    expect(shown()).toEqual([100, 'live'])
    expect(statuses).toEqual(['connecting', 'live'])
    server.change('ada', 5)
    await world.pass(50)
    expect(shown()).toEqual([105, 'live'])
    expect(server.streams.length).toBe(1)
    store.close()
    await world.pass(10)
    expect(server.streams[0]?.isOpen).toBe(false)
  })

  test('a handshake that is never answered is waited for three seconds', async () => {
    const { world, shown, server, tab } = begin('in silence')
    await world.pass(2_990)
    expect([shown(), server.streams.length]).toEqual([['…', 'connecting'], 0])
    await world.pass(100)
    expect(shown()).toEqual([100, 'live'])
    expect(tab.sockets.length).toBe(1)
  })

  test('the token goes into the header, never into the address', async () => {
    const { world, tab } = begin('refused')
    await world.pass(100)
    const [request] = tab.requests
    expect(request?.address).toBe('https://shop.test/api/v1/credits/live')
    expect(request?.init.headers).toMatchObject({ authorization: 'Bearer screen:ada' })
  })

  test('frames of the screen go up by POST, one request at a time', async () => {
    const { world, server } = begin('refused')
    await world.pass(100)
    server.tick()
    await world.pass(50)
    expect(server.streams[0]?.saidOf('pong')).toEqual([
      { type: 'pong', painted: { credits: 1 }, visible: true, tabs: 1 },
    ])
    server.commit('ada', 7)
    server.tick()
    await world.pass(50)
    expect(server.streams[0]?.saidOf('resync').length).toBe(1)
  })

  test('an operator’s many wishes go up in requests of at most four frames', async () => {
    const { world, server, tab, store } = begin('refused', {
      user: undefined,
      operator: true,
      getToken: () => 'operator',
    })
    store.watch(Array.from({ length: 500 }, (_, n) => `a-user-with-a-name-of-some-length-${n}`))
    await world.pass(200)
    expect(server.streams[0]?.watched.size).toBe(500)
    const posted = tab.requests.filter(({ init }) => init.method === 'POST')
    expect(posted.every(({ init }) => JSON.parse(String(init.body)).length <= 4)).toBe(true)
    expect(posted.every(({ init }) => String(init.body).length <= 16_384)).toBe(true)
  })

  test('a stream that is cut is made again; its status tells', async () => {
    const { world, server, shown, statuses } = begin('refused')
    await world.pass(100)
    server.commit('ada', 1)
    server.streams[0]?.drop()
    await world.pass(20)
    expect(shown()).toEqual([100, 'reconnecting'])
    await world.pass(1_000)
    expect(shown()).toEqual([101, 'live'])
    expect(statuses).toEqual(['connecting', 'live', 'reconnecting', 'live'])
  })

  test('the verdict that ends a stream is obeyed as a close code is', async () => {
    const { world, server, getToken, shown } = begin('refused')
    await world.pass(100)
    getToken.mockReturnValue(null)
    server.streams[0]?.end(4200, 'token_expired: The token has expired; get a new one.')
    await world.pass(100)
    expect(shown()).toEqual([0, 'signed-out'])
    expect(getToken).toHaveBeenLastCalledWith({ fresh: true })
  })

  test('a renewed token goes up, and is the one that later requests carry', async () => {
    const all = open()
    all.server.blocksSockets = 'refused'
    all.server.tokenLasts_ms = 60_000
    all.server.keepTicking()
    all.store.subscribe(() => {})
    await all.world.pass(100)
    all.getToken.mockReturnValue('screen:ada-2')
    await all.world.pass(45_000)
    expect(all.server.streams[0]?.saidOf('auth')[0]?.token).toBe('screen:ada-2')
    const headers = all.tab.requests.at(-1)?.init.headers as Record<string, string>
    expect(headers['authorization']).toBe('Bearer screen:ada-2')
    expect(all.server.streams.length).toBe(1)
  })

  test('a screen that the server knows no more is made again', async () => {
    const { world, server, shown } = begin('refused')
    await world.pass(100)
    const [first] = server.streams
    // The server lost it; the proxy between keeps its half of the line open.
    if (first) first.isOpen = false
    server.commit('ada', 1)
    // The answer to a wake is what finds it out.
    world.tabs[0]?.show(true)
    await world.pass(3_000)
    world.tabs[0]?.show(true)
    await world.pass(1_500)
    expect(shown()).toEqual([101, 'live'])
    expect(server.streams.length).toBe(2)
  })
})

describe('what the service says to a stream', () => {
  const refuse = (status: number, body: object, headers = {}) => Response.json(body, { status, headers })

  test.each([
    [401, 'token_invalid', { fresh: true }],
    [503, 'draining', { fresh: false }],
  ])('%i is obeyed as the close code would be', async (status, code, asked) => {
    const { world, server, getToken } = begin('refused')
    server.nextAnswer = refuse(status, { code, detail: 'No.' })
    await world.pass(2_000)
    expect(getToken.mock.calls.length).toBe(status === 401 ? 2 : 1)
    expect(getToken).toHaveBeenLastCalledWith(asked.fresh ? asked : { fresh: false })
  })

  test('Retry-After is waited for', async () => {
    const { world, server, shown } = begin('refused')
    server.nextAnswer = refuse(503, { code: 'draining', detail: 'Later.' }, { 'retry-after': '7' })
    await world.pass(6_900)
    expect(server.streams.length).toBe(0)
    await world.pass(1_000)
    expect(shown()).toEqual([100, 'live'])
  })

  test('403 means stay away, and why is told', async () => {
    const { world, server, store, shown } = begin('refused')
    server.nextAnswer = refuse(403, { code: 'origin_not_allowed', detail: 'Not from here.' })
    await world.pass(60_000)
    expect(shown()[1]).toBe('error')
    expect(store.getSnapshot().error).toEqual({
      code: 'origin_not_allowed',
      detail: 'Not from here.',
      status: 4301,
    })
  })

  test.each([
    ['a proxy’s page', () => new Response('<h1>Forbidden</h1>', { status: 403 })],
    ['a page in place of a stream', () => new Response('<h1>Welcome to this hotel</h1>')],
  ])('%s decides nothing', async (_name, page) => {
    const { world, server, shown } = begin('refused')
    server.nextAnswer = page()
    await world.pass(2_000)
    expect(shown()).toEqual([100, 'live'])
  })
})

describe('the first hello wins', () => {
  test('a socket that greets late but first keeps the connection', async () => {
    const { world, server, tab, shown } = begin(undefined)
    server.silent = true
    server.buffersStreams = true
    await world.pass(3_500)
    expect(server.streams[0]?.isOpen).toBe(true)
    server.silent = false
    const [socket] = tab.sockets
    if (socket) server.hear(socket, { type: 'auth', token: 'screen:ada' })
    await world.pass(50)
    expect(shown()).toEqual([100, 'live'])
    expect([tab.openSockets.length, server.streams[0]?.isOpen]).toEqual([1, false])
    server.change('ada', 1)
    await world.pass(50)
    expect(shown()).toEqual([101, 'live'])
  })

  test('a stream that a proxy buffers never wins over a socket', async () => {
    const { world, server, tab, shown } = begin(undefined)
    server.buffersStreams = true
    await world.pass(100)
    expect([shown(), server.streams.length, tab.openSockets.length]).toEqual([[100, 'live'], 0, 1])
  })

  test('where neither comes through, it is said and tried again', async () => {
    const { world, server, shown, store } = begin('in silence')
    server.buffersStreams = true
    await world.pass(9_000)
    expect(shown()).toEqual(['…', 'connecting'])
    await world.pass(3_000)
    expect(shown()).toEqual(['…', 'stale'])
    server.blocksSockets = undefined
    await world.pass(20_000)
    expect(shown()).toEqual([100, 'live'])
    store.close()
    await world.pass(10)
    expect(server.live).toEqual([])
  })

  test('the server’s own verdict on the socket ends the race', async () => {
    const { world, server, shown } = begin(undefined)
    server.refuse = [4301, 'forbidden: No.']
    await world.pass(60_000)
    expect(shown()[1]).toBe('error')
    expect(server.streams.length).toBe(0)
  })
})

describe('what is remembered', () => {
  const reload = (world: World) => {
    const again = open(world)
    again.store.subscribe(() => {})
    return again
  }

  test('a stream that won is tried first for an hour, by every page of this browser', async () => {
    const { world, server, store } = begin('in silence')
    await world.pass(3_100)
    store.close()
    server.blocksSockets = undefined
    const soon = reload(world)
    await world.pass(100)
    expect([soon.shown(), soon.tab.sockets.length]).toEqual([[100, 'live'], 0])
    soon.store.close()
    await world.pass(HOUR_MS)
    const later = reload(world)
    await world.pass(100)
    expect([later.shown(), later.tab.openSockets.length, server.streams.length]).toEqual([
      [100, 'live'],
      1,
      2,
    ])
  })

  test('a remembered stream that is buffered now gives way to the socket, and is forgotten', async () => {
    const { world, server, store } = begin('in silence')
    await world.pass(3_100)
    store.close()
    server.blocksSockets = undefined
    server.buffersStreams = true
    const elsewhere = reload(world)
    await world.pass(3_100)
    expect([elsewhere.shown(), elsewhere.tab.openSockets.length]).toEqual([[100, 'live'], 1])
    elsewhere.store.close()
    const again = reload(world)
    await world.pass(50)
    expect([again.shown(), again.tab.openSockets.length]).toEqual([[100, 'live'], 1])
  })

  test('a browser that may remember nothing races every time', async () => {
    const world = new World()
    const tab = world.openTab()
    tab.forgetful = true
    world.server.blocksSockets = 'refused'
    world.server.commit('ada', 100)
    for (const streams of [1, 2]) {
      const one = open(world, {}, tab)
      one.store.subscribe(() => {})
      await world.pass(100)
      expect([one.shown(), tab.sockets.length, world.server.streams.length]).toEqual([
        [100, 'live'],
        streams,
        streams,
      ])
      one.store.close()
      await world.pass(10)
    }
  })
})

test('a store that is closed while the race begins opens nothing more', async () => {
  const { world, server, store } = begin('in silence')
  await world.pass(2_995)
  store.close()
  await world.pass(30_000)
  expect(server.streams).toEqual([])
})
