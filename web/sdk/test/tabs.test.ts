// @vitest-environment node
/**
 * Many tabs, one truth: twelve pages in one process, each with its own clock, sockets, channels and place in
 * the queue for the lock. In a secure context one of them connects; on plain HTTP each does.
 */
import { describe, expect, test, vi } from 'vitest'
import { createStore } from '../src/store.js'
import type { CreditsStore } from '../src/types.js'
import { type Tab, World } from './world.js'

interface Page {
  readonly tab: Tab
  readonly store: CreditsStore
}

function openPage(world: World, options: { secure?: boolean; user?: string; operator?: boolean } = {}): Page {
  const { secure = true, user = 'ada', operator = false } = options
  const tab = world.openTab({ secure })
  const getToken = () => (operator ? 'operator' : `screen:${user}`)
  const store = createStore(
    { url: '', user: operator ? undefined : user, operator, getToken, log: false },
    tab.environment,
  )
  store.subscribe(() => {})
  return { tab, store }
}

async function openMany(count: number, secure = true) {
  const world = new World()
  world.server.keepTicking()
  world.server.commit('ada', 100)
  const pages: Page[] = []
  for (let n = 0; n < count; n++) {
    pages.push(openPage(world, { secure }))
    await world.pass(20)
  }
  await world.pass(100)
  return { world, server: world.server, pages }
}

const creditsOf = (pages: readonly Page[]) => [
  ...new Set(pages.map(({ store }) => store.getSnapshot().credits)),
]
const statusesOf = (pages: readonly Page[]) => [
  ...new Set(pages.map(({ store }) => store.getSnapshot().status)),
]
const openSockets = ({ server }: { server: World['server'] }) =>
  server.sockets.filter((socket) => socket.isOpen)
const leaderOf = (pages: readonly Page[]) => pages.find(({ tab }) => tab.openSockets.length > 0) as Page
const others = (pages: readonly Page[], one: Page) => pages.filter((page) => page !== one)

describe('twelve tabs in a secure context', () => {
  test('share one connection and agree within a second', async () => {
    const { world, server, pages } = await openMany(12)
    expect(openSockets(world).length).toBe(1)
    expect([creditsOf(pages), statusesOf(pages)]).toEqual([[100], ['live']])
    server.change('ada', 11)
    await world.pass(50)
    expect(creditsOf(pages)).toEqual([111])
  })

  test('a new one paints at once, before any server was asked', async () => {
    const { world, server } = await openMany(3)
    server.silent = true
    const page = openPage(world)
    await world.pass(10)
    expect(page.store.getSnapshot()).toMatchObject({ credits: 100, loading: false, status: 'live' })
    expect(page.tab.sockets).toEqual([])
  })

  const departures: Readonly<Record<string, (page: Page) => void>> = {
    'is closed': ({ tab }) => tab.close(),
    crashes: ({ tab }) => {
      tab.freeze([])
      tab.close()
    },
    'is frozen': ({ tab }) => tab.freeze(['leave']),
    'goes into the back/forward cache': ({ tab }) => tab.freeze(['leave', 'leave']),
    'is signed out': ({ store }) => store.close(),
  }

  test.each(Object.keys(departures))(
    'the leader %s: the others are right within five seconds',
    async (how) => {
      const { world, server, pages } = await openMany(12)
      const leader = leaderOf(pages)
      departures[how]?.(leader)
      server.change('ada', 1)
      await world.pass(5_000)
      const rest = others(pages, leader)
      expect([creditsOf(rest), statusesOf(rest)]).toEqual([[101], ['live']])
      expect(rest.filter(({ tab }) => tab.openSockets.length > 0).length).toBe(1)
      server.change('ada', 1)
      await world.pass(100)
      expect(creditsOf(rest)).toEqual([102])
    },
  )

  test('a leader that comes back from the cache follows, and is right at once', async () => {
    const { world, server, pages } = await openMany(4)
    const leader = leaderOf(pages)
    leader.tab.freeze()
    server.change('ada', 1)
    await world.pass(600_000)
    server.change('ada', 1)
    leader.tab.thaw()
    await world.pass(100)
    expect([creditsOf(pages), statusesOf(pages)]).toEqual([[102], ['live']])
    expect(openSockets(world).length).toBe(1)
    expect(leader.tab.openSockets).toEqual([])
  })

  test('a follower in the cache never takes the lock with it', async () => {
    const { world, server, pages } = await openMany(3)
    const leader = leaderOf(pages)
    const [frozen, third] = others(pages, leader) as [Page, Page]
    frozen.tab.freeze()
    leader.tab.close()
    server.change('ada', 1)
    await world.pass(1_000)
    expect(third.store.getSnapshot()).toMatchObject({ credits: 101, status: 'live' })
  })

  test('a leader that hangs is replaced after two heartbeats, and given its place again', async () => {
    const { world, server, pages } = await openMany(2)
    const leader = leaderOf(pages)
    const [follower] = others(pages, leader) as [Page]
    leader.tab.freeze([])
    server.change('ada', 1)
    await world.pass(39_000)
    expect(follower.tab.openSockets).toEqual([])
    await world.pass(22_000)
    expect(follower.store.getSnapshot()).toMatchObject({ credits: 101, status: 'live' })
    expect(follower.tab.openSockets.length).toBe(1)
    leader.tab.thaw([])
    server.change('ada', 1)
    await world.pass(25_000)
    expect([creditsOf(pages), statusesOf(pages)]).toEqual([[102], ['live']])
    expect(follower.tab.openSockets).toEqual([])
  })

  test('a hung leader does not keep a new tab waiting for two heartbeats', async () => {
    const { world, pages } = await openMany(1)
    leaderOf(pages).tab.freeze([])
    const page = openPage(world)
    await world.pass(2_100)
    expect(page.store.getSnapshot()).toMatchObject({ credits: 100, status: 'live' })
  })

  test('a server that is away shows the same in all tabs, and is asked by one', async () => {
    const { world, server, pages } = await openMany(6)
    server.down = true
    for (const socket of openSockets(world)) socket.end(1006)
    await world.pass(12_000)
    expect([creditsOf(pages), statusesOf(pages)]).toEqual([[100], ['stale']])
    expect(pages.filter(({ tab }) => tab.sockets.length > 0).length).toBe(1)
    server.down = false
    await world.pass(20_000)
    expect(statusesOf(pages)).toEqual(['live'])
  })

  test('a follower whose frames got lost asks the leader', async () => {
    const { world, server, pages } = await openMany(2)
    const [follower] = others(pages, leaderOf(pages)) as [Page]
    const [channel] = follower.tab.channels.slice(-1)
    const listen = channel?.onmessage ?? null
    if (channel) channel.onmessage = null
    server.change('ada', 1)
    await world.pass(50)
    if (channel) channel.onmessage = listen
    expect(follower.store.getSnapshot().credits).toBe(100)
    server.tick()
    await world.pass(50)
    expect(follower.store.getSnapshot().credits).toBe(101)
  })

  test('an epoch that changes reaches all', async () => {
    const { world, server, pages } = await openMany(4)
    server.states.clear()
    server.epoch = 'ep_2'
    server.change('ada', 5)
    await world.pass(5_000)
    expect([creditsOf(pages), statusesOf(pages)]).toEqual([[5], ['live']])
  })

  test('hints reach every tab', async () => {
    const { world, server, pages } = await openMany(5)
    const heard = vi.fn()
    for (const { store } of pages) store.on('vouchers', heard)
    server.hint('vouchers')
    await world.pass(50)
    expect(heard).toHaveBeenCalledTimes(5)
  })

  test('a pushed state calls back once in every tab', async () => {
    const { world, server, pages } = await openMany(5)
    const heard = vi.fn()
    for (const { store } of pages) store.on('update', heard)
    server.change('ada', 1)
    await world.pass(50)
    expect(heard.mock.calls).toEqual(Array(5).fill(['ada']))
  })
})

describe('where locks or channels are missing', () => {
  test('on plain HTTP twelve tabs have a socket each, and agree', async () => {
    const { world, server, pages } = await openMany(12, false)
    expect(openSockets(world).length).toBe(12)
    const heard = vi.fn()
    for (const { store } of pages) store.on('update', heard)
    server.change('ada', 1)
    await world.pass(1_000)
    expect([creditsOf(pages), statusesOf(pages)]).toEqual([[101], ['live']])
    expect(heard.mock.calls).toEqual(Array(12).fill(['ada']))
  })

  test('on plain HTTP a tab whose own line is dead hears it from the others', async () => {
    const { world, server, pages } = await openMany(3, false)
    const [first] = pages as [Page]
    for (const socket of first.tab.openSockets) socket.drop()
    server.change('ada', 1)
    await world.pass(50)
    expect(creditsOf(pages)).toEqual([101])
  })

  test('on plain HTTP a page in the cache holds no socket, and has one again on return', async () => {
    const { world, server, pages } = await openMany(2, false)
    const [first] = pages as [Page]
    first.tab.freeze()
    expect(first.tab.openSockets).toEqual([])
    server.change('ada', 1)
    await world.pass(60_000)
    first.tab.thaw()
    await world.pass(100)
    expect([creditsOf(pages), statusesOf(pages)]).toEqual([[101], ['live']])
  })

  test('without BroadcastChannel every tab stands alone', async () => {
    const world = new World()
    world.server.commit('ada', 100)
    const tab = world.openTab()
    tab.environment.openChannel = () => undefined
    const store = createStore({ url: '', user: 'ada', getToken: () => 'screen:ada' }, tab.environment)
    store.subscribe(() => {})
    await world.pass(50)
    expect(store.getSnapshot()).toMatchObject({ credits: 100, status: 'live' })
  })

  test('a lock that is refused (opaque origin) costs nothing but the sharing', async () => {
    const world = new World()
    const tab = world.openTab()
    tab.environment.locks = () => ({ request: () => Promise.reject(new DOMException('no', 'SecurityError')) })
    const store = createStore({ url: '', user: 'ada', getToken: () => 'screen:ada' }, tab.environment)
    store.subscribe(() => {})
    await world.pass(50)
    expect(store.getSnapshot().status).toBe('live')
  })
})

test('a lock that is granted just after the page left is given back at once', async () => {
  const world = new World()
  const tab = world.openTab()
  let grant: () => Promise<unknown> = async () => {}
  tab.environment.locks = () => ({
    request: (_name, _options, granted) => {
      grant = granted
      return new Promise(() => {})
    },
  })
  createStore({ url: '', user: 'ada', getToken: () => 'screen:ada' }, tab.environment).subscribe(() => {})
  tab.freeze()
  await grant()
  expect(tab.sockets).toEqual([])
})

describe('two users of one browser', () => {
  test('never see each other', async () => {
    const world = new World()
    world.server.commit('ada', 100)
    world.server.commit('bob', 7)
    const [ada, bob] = [openPage(world), openPage(world, { user: 'bob' })]
    const seen = new Set<number>()
    bob.store.subscribe(() => seen.add(bob.store.getSnapshot().credits))
    const heard = vi.fn()
    bob.store.on('update', heard)
    await world.pass(50)
    world.server.change('ada', 1)
    ada.store.broadcast('ada')
    await world.pass(50)
    expect(creditsOf([ada])).toEqual([101])
    expect([...seen]).toEqual([7])
    expect(heard).not.toHaveBeenCalled()
  })

  test('a broadcast by the console reaches the user’s tabs, and no one else’s', async () => {
    vi.spyOn(console, 'log').mockImplementation(() => {})
    const world = new World()
    const pages = [openPage(world), openPage(world), openPage(world, { user: 'bob' })]
    const operator = openPage(world, { operator: true })
    await world.pass(50)
    const heard: string[] = []
    for (const [index, { store }] of pages.entries()) {
      store.on('update', (userId) => heard.push(`${index} ${userId}`))
    }
    operator.store.broadcast('ada')
    await world.pass(10)
    expect(heard.sort()).toEqual(['0 ada', '1 ada'])
  })
})

describe('what the tabs together painted', () => {
  const lastPong = ({ server }: World) => {
    const [socket] = server.sockets.filter((one) => one.isOpen)
    return socket?.saidOf('pong').at(-1)
  }

  test('is the least of the visible ones; hidden ones do not count', async () => {
    const { world, server, pages } = await openMany(3)
    const [slow, hidden] = others(pages, leaderOf(pages)) as [Page, Page]
    hidden.tab.show(false)
    slow.tab.environment.onFrame = () => {}
    server.change('ada', 1)
    await world.pass(50)
    server.tick()
    await world.pass(50)
    expect(lastPong(world)).toEqual({ type: 'pong', painted: { credits: 1 }, visible: true, tabs: 3 })
    slow.tab.show(false)
    await world.pass(50)
    server.tick()
    await world.pass(50)
    expect(lastPong(world)).toEqual({ type: 'pong', painted: { credits: 2 }, visible: true, tabs: 3 })
  })

  test('a tab that has just opened has painted nothing yet', async () => {
    const { world, server, pages } = await openMany(1)
    const page = openPage(world)
    page.tab.environment.onFrame = () => {}
    await world.pass(50)
    server.tick()
    await world.pass(50)
    expect(lastPong(world)).toEqual({ type: 'pong', painted: { credits: 0 }, visible: true, tabs: 2 })
    expect(pages.length).toBe(1)
  })

  test('tabs that left or died are forgotten', async () => {
    const { world, pages } = await openMany(4)
    const [left, died] = others(pages, leaderOf(pages)) as [Page, Page]
    left.tab.freeze()
    died.tab.freeze([])
    await world.pass(25_000)
    expect(lastPong(world)?.tabs).toBe(3)
    await world.pass(60_000)
    expect(lastPong(world)?.tabs).toBe(2)
  })

  test('on plain HTTP each socket speaks for its own tab', async () => {
    const { world, server } = await openMany(3, false)
    server.tick()
    await world.pass(50)
    expect(lastPong(world)).toEqual({ type: 'pong', painted: { credits: 1 }, visible: true, tabs: 1 })
  })
})
