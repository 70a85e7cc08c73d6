// @vitest-environment node
/**
 * Vouchers and orders of one user: a change happens once whatever becomes of its answers, its key is kept before
 * it is sent, refusals are typed, and the lists are right again after whatever moved them. All time is virtual.
 */
import fc from 'fast-check'
import { describe, expect, test, vi } from 'vitest'
import { createList, type Page } from '../src/lists.js'
import { createStore } from '../src/store.js'
import type { ChangeProblem, CreditsStore, Package, ShopListName } from '../src/types.js'
import { settle, type Tab, World } from './world.js'

const CODE = '7K2M9QXA04TZHHN3'

function openIn(tab: Tab, user: string | null = 'ada'): CreditsStore {
  return createStore({ url: '', user, getToken: () => user && `screen:${user}`, log: false }, tab.environment)
}

async function open(user = 'ada') {
  const world = new World()
  const tab = world.openTab()
  world.server.commit('ada', 100)
  world.server.shop.codes.set('WE1C0ME10', 50).set(CODE, 25)
  const store = openIn(tab, user)
  store.subscribe(() => {})
  await world.pass(50)
  return { world, tab, store, server: world.server, desk: world.server.shop }
}

const posts = (tab: Tab) => tab.requests.filter(({ init }) => init.method === 'POST')
const keys = (tab: Tab) =>
  posts(tab).map(({ init }) => (init.headers as Record<string, string>)['idempotency-key'])
const problem = (change: Promise<unknown>) =>
  change.then(
    () => expect.unreachable('it was refused'),
    (reason: ChangeProblem) => reason,
  )

/** Follows a list, and tells what it shows. */
async function follow<N extends ShopListName>(store: CreditsStore, name: N, world: World) {
  const source = (await store.lists())[name]
  const told = vi.fn()
  const stop = source.subscribe(told)
  const list = () => source.get()
  await world.pass(1)
  return { list, told, stop }
}

describe('redeem', () => {
  test('grants, pushes, and answers what the ledger said', async () => {
    const { world, store } = await open()
    expect(await store.redeem('welcome10')).toMatchObject({ amount: 50, version: 2, credits: 150 })
    await world.pass(50)
    expect(store.getSnapshot().credits).toBe(150)
  })

  test('sends the symbols, so that two spellings are one request', async () => {
    const { tab, store } = await open()
    await store.redeem(' WELCOME-10')
    expect(JSON.parse(String(posts(tab)[0]?.init.body))).toEqual({ code: 'WE1C0ME10' })
    expect(posts(tab)[0]?.address).toBe('/api/v1/credits/vouchers/redeem')
  })

  test('a typing error is told at once, and nothing is sent', async () => {
    const { tab, store } = await open()
    const told = await problem(store.redeem(`${CODE}0`))
    expect(told).toMatchObject({ code: 'wrong_check_symbol', status: 422, name: 'ChangeProblem' })
    expect(told).toBeInstanceOf(Error)
    expect(told.message).toBe(told.detail)
    expect([posts(tab), tab.storage.size]).toEqual([[], 0])
  })

  test.each([
    ['not_found', 404, 'NOTHING1'],
    ['already_redeemed', 409, 'WELCOME10'],
  ])('%s comes in the words of the service, and its key is forgotten', async (code, status, typed) => {
    const { tab, store } = await open()
    await store.redeem('WELCOME10')
    expect(await problem(store.redeem(typed))).toMatchObject({ code, status })
    expect(tab.storage.size).toBe(0)
    await problem(store.redeem(typed))
    expect(new Set(keys(tab)).size).toBe(3)
  })

  test('without a live connection the number is read', async () => {
    const { world, store, server } = await open()
    for (const socket of server.live) socket.end(4100)
    await world.pass(5)
    expect(store.getSnapshot().status).not.toBe('live')
    await store.redeem('WELCOME10')
    await settle()
    expect(store.getSnapshot().credits).toBe(150)
  })

  test('signed out, it is refused without a request', async () => {
    const tab = new World().openTab()
    expect(await problem(openIn(tab, null).redeem('WELCOME10'))).toMatchObject({ code: 'unauthenticated' })
    expect(tab.requests).toEqual([])
  })
})

describe('keys', () => {
  test('are in the session storage when the request leaves, and gone after a definite answer', async () => {
    const { tab, store } = await open()
    const { fetch } = tab.environment
    const kept: boolean[] = []
    vi.spyOn(tab.environment, 'fetch').mockImplementation((address, init) => {
      const key = (init.headers as Record<string, string>)['idempotency-key'] ?? ''
      kept.push([...tab.storage.values()].includes(key))
      return fetch(address, init)
    })
    await store.order('pkg_small')
    await store.redeem('WELCOME10')
    expect([kept, tab.storage.size]).toEqual([[true, true], 0])
  })

  test('two presses are one order; a press after the answer is another', async () => {
    const { tab, store, desk } = await open()
    const [one, two] = await Promise.all([store.order('pkg_small'), store.order('pkg_small')])
    expect([one.id, posts(tab).length]).toEqual([two.id, 1])
    const next = await store.order('pkg_small')
    expect([next.id, desk.orders.length]).toEqual(['ord_2', 2])
  })

  test('other terms are another order', async () => {
    const { store, desk } = await open()
    await Promise.all([
      store.order('pkg_small', { purchaseReference: 'PO-1' }),
      store.order('pkg_small', { purchaseReference: 'PO-2', billing: { purchaser: 'Ada' } }),
    ])
    expect(desk.orders.map((order) => [order.purchase_reference, order.billing])).toEqual([
      ['PO-1', null],
      ['PO-2', { purchaser: 'Ada' }],
    ])
  })

  test('an answer that is not the service’s word decides nothing', async () => {
    const { tab, store, desk } = await open()
    desk.fate = ['proxy']
    expect(await problem(store.order('pkg_small'))).toMatchObject({ code: 'http', status: 404 })
    const order = await store.order('pkg_small')
    expect([order.id, desk.orders.length, new Set(keys(tab)).size]).toEqual(['ord_1', 1, 1])
  })

  test('outcome_unknown keeps the key; so does a limit, which is obeyed', async () => {
    const { world, tab, store, server, desk } = await open()
    const answer = (status: number, code: string, headers = {}) =>
      Response.json({ code, detail: 'Not now.', status }, { status, headers })
    server.nextAnswer = answer(503, 'outcome_unknown')
    expect(await problem(store.redeem('WELCOME10'))).toMatchObject({ code: 'outcome_unknown', status: 503 })
    server.nextAnswer = answer(429, 'rate_limited', { 'retry-after': '30' })
    expect(await problem(store.redeem('WELCOME10'))).toMatchObject({ code: 'rate_limited' })
    expect(await problem(store.redeem('WELCOME10'))).toMatchObject({ code: 'rate_limited' })
    expect(posts(tab).length).toBe(2)
    await store.order('pkg_small') // another route has no such limit
    await world.pass(30_000)
    await store.redeem('WELCOME10')
    const used = keys(tab)
    expect([used[0], used[1]]).toEqual([used[3], used[3]])
    expect(desk.redeemed.length).toBe(1)
  })

  test('are another user’s own, though the storage is the same', async () => {
    const { tab, store, desk } = await open()
    desk.fate = ['cut']
    await problem(store.order('pkg_small'))
    await openIn(tab, 'bob').order('pkg_small')
    await store.order('pkg_small')
    expect(new Set(keys(tab)).size).toBe(2)
    expect(desk.orders.map((order) => order.user_id)).toEqual(['bob', 'ada'])
  })

  test('without a session storage the page’s memory keeps them', async () => {
    const { tab, store, desk } = await open()
    tab.storage = { get: () => raise(), set: () => raise(), delete: () => raise() } as never
    desk.fate = ['lose']
    await problem(store.order('pkg_small'))
    await store.order('pkg_small')
    expect([desk.orders.length, new Set(keys(tab)).size]).toEqual([1, 1])
  })

  const raise = () => {
    throw new DOMException('forbidden', 'SecurityError')
  }

  test('whatever is lost, however often it is pressed, remounted or reloaded: once', async () => {
    const step = fc.constantFrom('lose', 'cut', 'proxy', 'press twice', 'reload', 'remount', 'token')
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 8 }), fc.boolean(), async (steps, redeems) => {
        const { tab, world, desk, server, ...first } = await open()
        let { store } = first
        const change = () => (redeems ? store.redeem('WELCOME10') : store.order('pkg_small')).catch(() => {})
        for (const what of steps) {
          if (what === 'reload' || what === 'remount') {
            store.close()
            // A reload leaves nothing but the session storage.
            const page = what === 'reload' ? Object.assign(world.openTab(), { storage: tab.storage }) : tab
            store = openIn(page)
          } else if (what === 'token') {
            server.nextAnswer = Response.json({ code: 'token_expired', detail: 'x' }, { status: 401 })
            desk.fate = ['cut']
            await change()
          } else {
            desk.fate = what === 'press twice' ? ['lose'] : [what as 'lose']
            await Promise.all(what === 'press twice' ? [change(), change()] : [change()])
          }
        }
        desk.fate = []
        await change()
        expect(redeems ? desk.redeemed.length : desk.orders.length).toBe(1)
        expect(tab.storage.size).toBe(0)
        store.close()
      }),
      { numRuns: 120 },
    )
  })
})

describe('lists', () => {
  test('are read when somebody looks, newest first, and not before', async () => {
    const { world, store, desk } = await open()
    await store.order('pkg_small')
    await store.order('pkg_large')
    const { orders } = await store.lists()
    expect([desk.pages, orders.get().loading, orders.get().items]).toEqual([[], true, []])
    const { list } = await follow(store, 'orders', world)
    expect(list()).toMatchObject({ loading: false, error: null, loadMore: null })
    expect(list().items.map(({ id }) => id)).toEqual(['ord_2', 'ord_1'])
    expect((await store.lists()).orders).toBe(orders)
  })

  test('follow the hints of the service, and what did not change stays the same object', async () => {
    const { world, store, desk } = await open()
    await store.order('pkg_small')
    await store.order('pkg_large')
    const { list, told } = await follow(store, 'orders', world)
    const [before] = [list()]
    told.mockClear()
    desk.fulfil('ord_2')
    await world.pass(50)
    expect(list().items.map(({ state }) => state)).toEqual(['fulfilled', 'pending'])
    expect(list().items[1]).toBe(before.items[1])
    expect(told).toHaveBeenCalledTimes(1)
    world.server.hint('orders')
    await world.pass(50)
    expect(told).toHaveBeenCalledTimes(1)
  })

  test('follow refreshVouchers, own changes without a connection, and nothing once nobody looks', async () => {
    const { world, store, desk, server } = await open()
    const { list, stop } = await follow(store, 'vouchers', world)
    desk.pages = []
    store.refreshVouchers()
    await settle()
    expect(desk.pages.length).toBe(1)
    for (const socket of server.live) socket.drop()
    await store.redeem('WELCOME10')
    await settle()
    expect(list().items.map(({ code, amount }) => [code, amount])).toEqual([['WE1C0ME10', 50]])
    stop()
    stop()
    desk.pages = []
    store.refreshVouchers()
    await settle()
    expect(desk.pages).toEqual([])
  })

  test('are read again by whoever comes back, and show at once what was known', async () => {
    const { world, store, desk } = await open()
    await store.order('pkg_small')
    const first = await follow(store, 'orders', world)
    first.stop()
    await store.order('pkg_large')
    const { orders } = await store.lists()
    expect(orders.get().items.length).toBe(1)
    const { list } = await follow(store, 'orders', world)
    expect([list().items.length, desk.pages.length]).toEqual([2, 2])
  })

  test('are told on every tab, and after a connection was lost', async () => {
    const { world, store, desk, server } = await open()
    const beside = openIn(world.openTab())
    beside.subscribe(() => {})
    await world.pass(50)
    const here = await follow(store, 'orders', world)
    const there = await follow(beside, 'orders', world)
    await store.order('pkg_small')
    await world.pass(50)
    expect([here.list().items.length, there.list().items.length]).toEqual([1, 1])
    await follow(store, 'packages', world)
    for (const socket of server.live) socket.end(4100)
    await world.pass(10)
    desk.fulfil('ord_1') // nobody can be told
    desk.pages = []
    await world.pass(30_000)
    expect(desk.pages.filter(({ list }) => list === 'packages').length).toBe(1)
    expect([here, there].map(({ list }) => list().items[0]?.state)).toEqual(['fulfilled', 'fulfilled'])
  })

  test('a reconnect calls the voucher callbacks: a hint may have been missed', async () => {
    const { world, store, server } = await open()
    const heard = vi.fn()
    store.on('vouchers', heard)
    for (const socket of server.live) socket.end(4000)
    await world.pass(1_000)
    expect(store.getSnapshot().status).toBe('live')
    expect(heard).toHaveBeenCalledTimes(1)
  })

  test('a failed read keeps what was known, says why, and heals when the connection does', async () => {
    const { world, store, server } = await open()
    await store.order('pkg_small')
    const { list } = await follow(store, 'orders', world)
    server.down = true
    for (const socket of server.live) socket.end(4100)
    await list().refresh()
    expect(list()).toMatchObject({ error: { code: 'network' }, loading: false })
    expect(list().items.length).toBe(1)
    server.down = false
    await world.pass(60_000)
    expect(list().error).toBeNull()
  })

  test('signed out, they are empty and not loading', async () => {
    const world = new World()
    const { list } = await follow(openIn(world.openTab(), null), 'orders', world)
    expect(list()).toMatchObject({ items: [], loading: false, error: null })
  })

  test('go with whoever signs out, and come back with them', async () => {
    const world = new World()
    const tab = world.openTab()
    let token: string | null = 'screen:ada'
    const store = createStore({ url: '', user: 'ada', getToken: () => token, log: false }, tab.environment)
    store.subscribe(() => {})
    await world.pass(50)
    await store.order('pkg_small')
    const { list } = await follow(store, 'orders', world)
    expect(list().items.length).toBe(1)
    token = null
    for (const socket of world.server.live) socket.end(4202, 'token_revoked: Signed out.')
    await world.pass(1_000)
    expect([store.getSnapshot().status, list().items]).toEqual(['signed-out', []])
    token = 'screen:ada'
    await store.refresh()
    await world.pass(1_000)
    expect([store.getSnapshot().status, list().items.length]).toEqual(['live', 1])
  })

  test('packages are in the operators’ order', async () => {
    const { world, store } = await open()
    const { list } = await follow(store, 'packages', world)
    expect(list().items.map(({ name }) => name)).toEqual(['Small', 'Large'])
  })

  test('packages are read again when one changed, and nothing else is', async () => {
    const { world, store, desk } = await open()
    await follow(store, 'packages', world)
    await follow(store, 'orders', world)
    desk.pages = []
    world.server.hint('packages')
    await world.pass(50)
    expect(desk.pages.map(({ list }) => list)).toEqual(['packages'])
  })

  test('a voucher that waits and one that paid are two, with and without an entry', async () => {
    const { world, store, desk } = await open()
    const { list } = await follow(store, 'vouchers', world)
    await store.redeem('WELCOME10')
    const paid = desk.redeemed[0] as (typeof desk.redeemed)[0]
    for (const voucher of ['vch_a', 'vch_b'])
      desk.redeemed.push({ ...paid, voucher, entry: null, redeemed_at: null, state: 'open' })
    world.server.hint('vouchers')
    await world.pass(50)
    expect(list().items.map(({ voucher, state }) => [voucher, state])).toEqual([
      ['vch_b', 'open'],
      ['vch_a', 'open'],
      [paid.voucher, 'redeemed'],
    ])
  })

  test('an order says what was shown', async () => {
    const { store, tab, world } = await open()
    const { list } = await follow(store, 'packages', world)
    await store.order('pkg_small', { shown: list().items[0] as Package })
    const { shown } = JSON.parse(String(posts(tab)[0]?.init.body)) as { shown: object }
    expect(shown).toEqual(list().items[0])
  })

  test('an order can be taken back, once', async () => {
    const { world, store } = await open()
    const { list } = await follow(store, 'orders', world)
    const { id } = await store.order('pkg_small')
    expect(await store.cancelOrder(id)).toMatchObject({ id, state: 'cancelled' })
    await settle()
    expect(list().items[0]?.state).toBe('cancelled')
    expect(await problem(store.cancelOrder(id))).toMatchObject({ code: 'order_closed', status: 409 })
  })
})

describe('pages', () => {
  /** A list of numbers, newest first, that a test moves while it is read. */
  function numbers(count: number) {
    let all = Array.from({ length: count }, (_, at) => count - at)
    const asked: number[] = []
    const read = async (limit: number, after: string | null): Promise<Page<number>> => {
      asked.push(limit)
      const from = after === null ? 0 : all.filter((one) => one >= Number(after)).length
      const items = all.slice(from, from + limit)
      await settle()
      return { items, next: from + limit < all.length ? String(items.at(-1)) : null }
    }
    let moved = () => {}
    const source = createList(String, read, (again) => {
      moved = again
      return () => {}
    })
    const add = () => {
      all = [(all[0] ?? 0) + 1, ...all]
      moved()
    }
    return { source, asked, add, all: () => all }
  }

  test('older ones follow on request, until the end', async () => {
    const { source, all } = numbers(45)
    source.subscribe(() => {})
    await source.get().refresh()
    expect(source.get().items.length).toBe(20)
    await source.get().loadMore?.()
    await source.get().loadMore?.()
    expect([source.get().items, source.get().loadMore]).toEqual([all(), null])
  })

  test('however hints and pages interleave: no gap, nothing twice, and the newest at the top', async () => {
    const steps = fc.array(fc.constantFrom('add', 'more', 'wait'), { maxLength: 20 })
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: 70 }), steps, async (count, todo) => {
        const { source, add, all } = numbers(count)
        source.subscribe(() => {})
        for (const what of todo) {
          if (what === 'add') add()
          else if (what === 'more') source.get().loadMore?.()
          else await settle()
        }
        await source.get().refresh()
        expect(source.get().items).toEqual(all().slice(0, source.get().items.length))
        expect(source.get().loadMore === null).toBe(source.get().items.length === all().length)
      }),
      { numRuns: 40 },
    )
  })

  test('a burst of hints costs two reads', async () => {
    const { source, asked, add, all } = numbers(5)
    source.subscribe(() => {})
    await settle()
    asked.length = 0
    for (let at = 0; at < 100; at++) add()
    await source.get().refresh()
    expect([asked.length <= 2, source.get().items[0]]).toEqual([true, all()[0]])
  })
})
