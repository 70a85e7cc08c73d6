// @vitest-environment node
/**
 * Receipts: what is told is painted, by every visible tab behind the connection, or nobody looks. What is asked at
 * once is answered at once, once; where nobody may know, nobody is told.
 */
import { afterEach, describe, expect, test, vi } from 'vitest'
import { createStore } from '../src/store.js'
import type { CreditsOptions } from '../src/types.js'
import { type Tab, World } from './world.js'

afterEach(() => vi.restoreAllMocks())

const FRAME_MS = 16

async function openTab(world: World, options: Partial<Pick<Tab, 'secure' | 'visible'>> = {}) {
  const tab = world.openTab(options)
  const settings: CreditsOptions = { url: '', user: 'ada', log: false, getToken: () => 'screen:ada' }
  const store = createStore(settings, tab.environment)
  const stop = store.subscribe(() => {})
  await world.pass(100)
  return Object.assign(tab, { store, stop })
}

async function openLive(receipts?: boolean) {
  const world = new World()
  world.server.receipts = receipts
  world.server.commit('ada', 100)
  const tab = await openTab(world)
  return { world, server: world.server, tab }
}

/** Commits a change and asks every screen to tell when it stands there. */
const ask = ({ server }: World, unit = 'credits') => {
  const state = server.commit('ada', 1, { unit })
  server.push({ ...state, receipt: true })
}
const shownBy = (tab: Tab | undefined) => tab?.sockets.flatMap((socket) => socket.saidOf('shown')) ?? []

describe('asked at once', () => {
  test('a screen answers after its next frame, once', async () => {
    const { world, tab } = await openLive()
    ask(world)
    await world.pass(5 + FRAME_MS - 1)
    expect(shownBy(tab)).toEqual([])
    await world.pass(1)
    expect(shownBy(tab)).toEqual([{ type: 'shown', painted: { credits: 2 }, visible: true, tabs: 1 }])
    await world.pass(5_000)
    expect(shownBy(tab).length).toBe(1)
  })

  test('a state that was not asked about is not told', async () => {
    const { world, server, tab } = await openLive()
    server.change('ada', 1)
    await world.pass(1_000)
    expect(shownBy(tab)).toEqual([])
  })

  test('a state that is painted already, or overtaken, is told at once', async () => {
    const { world, server, tab } = await openLive()
    const former = server.commit('ada', 1)
    server.change('ada', 1)
    await world.pass(100)
    server.push({ ...former, receipt: true })
    await world.pass(6)
    expect(shownBy(tab).map(({ painted }) => painted)).toEqual([{ credits: 3 }])
  })

  test('a re-send of what stands there already is told at once', async () => {
    const { world, server, tab } = await openLive()
    server.sendAgain()
    await world.pass(100)
    expect(shownBy(tab).map(({ painted }) => painted)).toEqual([{ credits: 1 }])
  })

  test('a subscriber that is slow has not painted: the frame comes after it', async () => {
    const { world, tab } = await openLive()
    const order: string[] = []
    tab.store.subscribe(() => order.push(`told at ${world.now}`))
    ask(world)
    await world.pass(100)
    const [told] = order
    expect(told).toBe(`told at ${world.now - 95}`)
    expect(shownBy(tab).length).toBe(1)
  })

  test('a flood is answered at most twenty times a second, with the newest in the end', async () => {
    const { world, server, tab } = await openLive()
    for (let n = 0; n < 200; n++) {
      ask(world)
      await world.pass(5)
    }
    await world.pass(200)
    const shown = shownBy(tab)
    expect(shown.length).toBeGreaterThan(10)
    expect(shown.length).toBeLessThanOrEqual(22)
    expect(shown.at(-1)?.painted).toEqual({ credits: server.state('ada').version })
  })

  test('every unit that was asked about is told of', async () => {
    const { world, server, tab } = await openLive()
    server.units = ['credits', 'images']
    ask(world, 'images')
    ask(world)
    await world.pass(100)
    expect(shownBy(tab).at(-1)?.painted).toEqual({ credits: 2, images: 1 })
  })

  test('by an event stream too', async () => {
    const world = new World()
    world.server.blocksSockets = 'refused'
    await openTab(world)
    ask(world)
    await world.pass(100)
    expect(world.server.streams[0]?.saidOf('shown')).toEqual([
      { type: 'shown', painted: { credits: 1 }, visible: true, tabs: 1 },
    ])
  })
})

describe('a tab that nobody sees', () => {
  test('says so at once, and again only when it is seen', async () => {
    const { world, server, tab } = await openLive()
    tab.show(false)
    ask(world)
    await world.pass(100)
    expect(shownBy(tab)).toEqual([{ type: 'shown', painted: {}, visible: false, tabs: 1 }])
    server.tick()
    await world.pass(60_000)
    expect(shownBy(tab).length).toBe(1)
    tab.show(true)
    await world.pass(100)
    expect(shownBy(tab).at(-1)).toEqual({ type: 'shown', painted: { credits: 2 }, visible: true, tabs: 1 })
    expect(shownBy(tab).length).toBe(2)
  })

  test('that was hidden before its frame has painted nothing', async () => {
    const { world, tab } = await openLive()
    ask(world)
    await world.pass(10)
    tab.show(false)
    await world.pass(100)
    expect(shownBy(tab).map(({ painted, visible }) => [painted, visible])).toEqual([[{}, false]])
  })
})

describe('tabs that share a connection', () => {
  test('have shown it when every visible one has; their number is told', async () => {
    const { world, tab } = await openLive()
    const other = await openTab(world)
    await openTab(world, { visible: false })
    other.frozen = true
    ask(world)
    await world.pass(1_000)
    expect(shownBy(tab)).toEqual([])
    other.frozen = false
    await world.pass(100)
    expect(shownBy(tab)).toEqual([{ type: 'shown', painted: { credits: 2 }, visible: true, tabs: 3 }])
    expect(shownBy(other)).toEqual([])
  })

  test('a tab that was closed meanwhile is not waited for', async () => {
    const { world, tab } = await openLive()
    const other = await openTab(world)
    other.frozen = true
    ask(world)
    await world.pass(100)
    expect(shownBy(tab)).toEqual([])
    other.frozen = false
    other.freeze()
    await world.pass(100)
    expect(shownBy(tab).length).toBe(1)
  })

  test('a hidden leader tells for a visible follower', async () => {
    const { world, tab } = await openLive()
    await openTab(world)
    tab.show(false)
    await world.pass(50)
    ask(world)
    await world.pass(100)
    expect(shownBy(tab)).toEqual([{ type: 'shown', painted: { credits: 2 }, visible: true, tabs: 2 }])
  })
})

describe('where nobody may know', () => {
  test('ticks are answered without a version, and nothing is told at once', async () => {
    const { world, server, tab } = await openLive(false)
    ask(world)
    server.tick()
    await world.pass(100)
    expect(shownBy(tab)).toEqual([])
    expect(tab.sockets[0]?.saidOf('pong')).toEqual([{ type: 'pong', painted: {}, visible: true, tabs: 1 }])
  })

  test('a later hello may allow it', async () => {
    const { world, server, tab } = await openLive(false)
    server.receipts = true
    tab.sockets[0]?.end(4000)
    await world.pass(500)
    ask(world)
    await world.pass(100)
    expect(shownBy(tab).length).toBe(1)
  })
})

describe('a user’s page in the console', () => {
  async function openConsole() {
    const world = new World()
    const tab = world.openTab()
    const settings = { url: '', operator: true, log: false, getToken: () => 'operator' }
    const store = createStore(settings, tab.environment)
    store.subscribe(() => {})
    await world.pass(50)
    const opened = () => tab.sockets.flatMap((socket) => socket.saidOf('watch').filter(({ open }) => open))
    return { world, tab, store, opened }
  }

  test('says that it is open, again and again, until it closes', async () => {
    const { world, store, opened } = await openConsole()
    const stop = store.watch(['ada'], { open: true })
    store.watch(['bob'])
    await world.pass(20)
    expect(opened()).toEqual([{ type: 'watch', users: ['ada'], open: true }])
    await world.pass(20_000)
    expect(opened().length).toBe(6)
    stop()
    await world.pass(20_000)
    expect(opened().length).toBe(6)
  })

  test('not while nobody looks at it', async () => {
    const { world, tab, store, opened } = await openConsole()
    store.watch(['ada'], { open: true })
    await world.pass(20)
    tab.show(false)
    await world.pass(20_000)
    expect(opened().length).toBe(1)
    tab.show(true)
    await world.pass(4_000)
    expect(opened().length).toBe(2)
  })

  test('says so again on a new connection, and nothing after the store was closed', async () => {
    const { world, tab, store, opened } = await openConsole()
    store.watch(['ada'], { open: true })
    await world.pass(20)
    tab.sockets[0]?.end(4000)
    await world.pass(500)
    expect(opened().length).toBe(2)
    store.close()
    await world.pass(20_000)
    expect(opened().length).toBe(2)
  })
})
