/**
 * Orders, vouchers and packages in React: the lists are live, a user switch drops them in the very render, changes
 * belong to the user who was shown; and the original's orders page and voucher list work on the nine names.
 */
import { act, cleanup, fireEvent, render, screen } from '@testing-library/react'
import { type ReactNode, StrictMode } from 'react'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import {
  CreditProvider,
  type CreditsValue,
  useCredits,
  useOrders,
  usePackages,
  useVouchers,
} from '../src/react.js'
import type { ShopEnvironment } from '../src/shop.js'
import { createStore } from '../src/store.js'
import type { Order } from '../src/types.js'
import { OrdersPage, VoucherList } from './original-app.js'
import { type Tab, World } from './world.js'

const browser = vi.hoisted(() => ({ current: undefined as unknown }))
vi.mock('../src/environment.js', () => ({
  browser: new Proxy(
    {},
    { get: (_, name) => (browser.current as ShopEnvironment)[name as keyof ShopEnvironment] },
  ),
}))

let world: World
let tab: Tab
let value: CreditsValue

beforeEach(() => {
  world = new World()
  tab = world.openTab()
  browser.current = tab.environment
  world.server.commit('ada', 100)
  world.server.commit('bob', 7)
  world.server.shop.codes.set('WE1C0ME10', 50)
  vi.spyOn(console, 'log').mockImplementation(() => {})
})

afterEach(() => {
  cleanup()
  vi.restoreAllMocks()
})

const pass = (ms: number) => act(() => world.pass(ms))
const shown = (name: string) => screen.getByLabelText(name).textContent

function Page({ user = 'ada', children }: { user?: string | null; children?: ReactNode }) {
  return (
    <CreditProvider url="" user={user} getToken={() => `screen:${user}`} log={false}>
      <Grab />
      {children}
    </CreditProvider>
  )
}

function Grab() {
  value = useCredits()
  return <output aria-label="credits">{value.credits}</output>
}

function Orders() {
  const { items, loading, error } = useOrders()
  const text = items.map(({ id, state }) => `${id} ${state}`).join(', ')
  return <output aria-label="orders">{loading ? 'loading' : (error?.code ?? text)}</output>
}

function Lists() {
  return (
    <>
      <Orders />
      <output aria-label="vouchers">{useVouchers().items.map(({ code }) => code)}</output>
      <output aria-label="packages">{usePackages().items.map(({ name }) => name)}</output>
    </>
  )
}

test('an order stands in the list at once, is fulfilled live, and the balance with it', async () => {
  render(
    <StrictMode>
      <Page>
        <Lists />
      </Page>
    </StrictMode>,
  )
  expect([shown('orders'), shown('packages')]).toEqual(['loading', ''])
  await pass(50)
  expect([shown('orders'), shown('packages')]).toEqual(['', 'SmallLarge'])
  await act(() => value.order('pkg_small', { purchaseReference: 'PO-7' }))
  await pass(0)
  expect(shown('orders')).toBe('ord_1 pending')
  world.server.shop.fulfil('ord_1')
  await pass(50)
  expect([shown('orders'), shown('credits')]).toEqual(['ord_1 fulfilled', '200'])
})

test('a redemption calls the voucher callbacks and stands in the list', async () => {
  const heard = vi.fn()
  render(
    <Page>
      <Lists />
    </Page>,
  )
  await pass(50)
  value.registerVoucherRefresh(heard)
  await act(() => value.redeem('welcome10'))
  await pass(50)
  expect([shown('vouchers'), shown('credits')]).toEqual(['WE1C0ME10', '150'])
  expect(heard).toHaveBeenCalled()
})

test('a user switch drops the list in the very render, and never shows it again', async () => {
  const seen: string[] = []
  const Watch = ({ user }: { user: string }) => {
    const { items, loading } = useOrders()
    seen.push(`${user}: ${loading ? 'loading' : items.map(({ user_id }: Order) => user_id).join()}`)
    return null
  }
  const page = (user: string) => (
    <Page user={user}>
      <Watch user={user} />
    </Page>
  )
  const view = render(page('ada'))
  await pass(50)
  await act(() => value.order('pkg_small'))
  await pass(50)
  view.rerender(page('bob'))
  expect(seen.at(-1)).toBe('bob: loading')
  await pass(50)
  await act(() => value.order('pkg_large'))
  await pass(50)
  view.rerender(page('ada'))
  await pass(50)
  expect(new Set(seen)).toEqual(
    new Set(['ada: loading', 'ada: ', 'ada: ada', 'bob: loading', 'bob: ', 'bob: bob']),
  )
})

test('what was begun for one user is never ordered for the next', async () => {
  const view = render(<Page />)
  await pass(50)
  const { order } = value
  view.rerender(<Page user="bob" />)
  await pass(50)
  await act(() => order('pkg_small'))
  expect(world.server.shop.orders.map(({ user_id }) => user_id)).toEqual(['ada'])
})

test('a component that comes back shows at once what was known', async () => {
  const view = render(
    <Page>
      <Orders />
    </Page>,
  )
  await pass(50)
  await act(() => value.order('pkg_small'))
  await pass(50)
  view.rerender(<Page />)
  await pass(50)
  view.rerender(
    <Page>
      <Orders />
    </Page>,
  )
  expect(shown('orders')).toBe('ord_1 pending')
  await pass(50)
})

test('another provider of the same store shows at once what is known', async () => {
  const store = createStore(
    { url: '', user: 'ada', getToken: () => 'screen:ada', log: false },
    tab.environment,
  )
  await store.order('pkg_small')
  const page = (name: string) => (
    <CreditProvider key={name} store={store}>
      <Orders />
    </CreditProvider>
  )
  const view = render(page('one'))
  await pass(50)
  view.rerender(page('two'))
  await pass(50)
  expect(shown('orders')).toBe('ord_1 pending')
  view.unmount()
  store.close()
})

test('the badge hears that a balance is low', async () => {
  render(<Page />)
  await pass(50)
  expect(value.low).toBe(false)
  world.server.push({ ...world.server.commit('ada', -95), low: true })
  await pass(50)
  expect(value).toMatchObject({ credits: 5, low: true })
})

test('the original’s orders page: fulfil, refresh, broadcast', async () => {
  const { shop } = world.server
  const log = vi.spyOn(console, 'log').mockImplementation(() => {})
  const toast = { success: vi.fn(), error: vi.fn() }
  const api = {
    getCreditOrders: async () => ({ data: shop.orders.map((order) => ({ ...order, status: order.state })) }),
    async fulfillCreditOrder(id: string, body: object) {
      expect(body).toEqual({ fulfilled_by: 'olga' })
      if (shop.orders.find((order) => order.id === id)?.state !== 'pending') return { error: {} }
      shop.fulfil(id)
      return {}
    },
  }
  const heard = vi.fn()
  const view = render(<Page />)
  await pass(50)
  await act(() => value.order('pkg_small'))
  view.rerender(
    <CreditProvider url="" user="ada" getToken={() => 'screen:ada'} log>
      <Grab />
      <OrdersPage api={api} toast={toast} user={{ id: 'olga' }} />
    </CreditProvider>,
  )
  await pass(50)
  value.registerCreditUpdateCallback(heard)
  fireEvent.click(screen.getByRole('button', { name: 'fulfil ord_1' }))
  await pass(50)
  expect(screen.getByText(/ord_1 fulfilled/)).toBeTruthy()
  expect(shown('credits')).toBe('200')
  expect(heard).toHaveBeenCalledWith('ada')
  expect(log).toHaveBeenCalledWith('📢 Broadcasting credit update for user ada')
  fireEvent.click(screen.getByRole('button', { name: 'fulfil ord_1' }))
  await pass(50)
  expect(toast.error.mock.calls).toEqual([['Failed to fulfill order']])
})

test('a list of vouchers on the nine names is right after every change of them', async () => {
  const { shop } = world.server
  const getVouchers = async () => shop.redeemed.map(({ code }) => code)
  render(
    <Page>
      <VoucherList getVouchers={getVouchers} />
    </Page>,
  )
  await pass(50)
  expect(shown('vouchers')).toBe('')
  await act(() => value.redeem('WELCOME10'))
  await pass(50)
  expect(shown('vouchers')).toBe('WE1C0ME10')
  // Elsewhere: another device, or an operator.
  shop.redeemed.pop()
  world.server.hintUser('ada', 'vouchers')
  await pass(50)
  expect(shown('vouchers')).toBe('')
  shop.redeemed.push({ code: 'SILENT' } as never)
  fireEvent.click(screen.getByRole('button', { name: 'refresh vouchers' }))
  await pass(50)
  expect(shown('vouchers')).toBe('SILENT')
})
