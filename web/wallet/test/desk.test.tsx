/** The host's orders page and its list of vouchers, written on the nine names: fulfil, refresh, broadcast; read again. */
import { act, cleanup, render, screen } from '@testing-library/react'
import userEvent from '@testing-library/user-event'
import type { ReactNode } from 'react'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import type { Outcome } from '../src/api'
import { OrdersDesk } from '../src/OrdersDesk'
import { SessionContext } from '../src/session'
import { VoucherList } from '../src/VoucherList'
import { FakeStore, fakeBackend, Stage } from './fakes'

let store: FakeStore
let redeemed: string[]
beforeEach(() => {
  store = new FakeStore()
  redeemed = []
})
afterEach(() => {
  cleanup()
  vi.unstubAllGlobals()
})

const orders = (status: string) => ({
  status: 200,
  body: { items: [{ id: 'ord_1', user_id: 'bob', package: 'Starter', status }] },
})

async function show(page: ReactNode) {
  const session = {
    ...{ user: 'ada', users: [], switchTo: () => {} },
    readFile: async () => ({ data: new Blob(), error: null }) as const,
    async read<T>() {
      const items = redeemed.map((code) => ({
        entry: code,
        code,
        label: null,
        redeemed_at: '2026-11-23T10:00:00Z',
      }))
      return { data: { items } as T, error: null } as Outcome<T>
    },
  }
  render(
    <SessionContext value={session}>
      <Stage store={store}>{page}</Stage>
    </SessionContext>,
  )
  await act(async () => {})
}

const fulfil = async () =>
  userEvent.click(await screen.findByRole('button', { name: 'Fulfil the order of bob' }))

it('fulfils, refreshes, broadcasts to whoever ordered, and reads the orders again', async () => {
  const answers = {
    'GET api/orders': orders('pending'),
    'POST api/orders/ord_1/fulfill': { status: 200, body: { credits: 600 } },
  }
  const asked = fakeBackend(answers)
  await show(<OrdersDesk />)
  answers['GET api/orders'] = orders('fulfilled')
  await fulfil()
  expect((await screen.findByTestId('toast')).textContent).toContain('Order fulfilled')
  const row = screen.getByTestId('desk-ord_1')
  expect(row.dataset['state']).toBe('fulfilled')
  expect(document.activeElement).toBe(row)
  expect(asked[1]?.body).toEqual({ fulfilled_by: 'ada' })
  expect(store.asked).toEqual(['refresh false', 'broadcast bob'])
})

it.each([
  ['The order was fulfilled by operator:olga.', 'The order was fulfilled by operator:olga.'],
  ['', 'Failed to fulfill order'],
])('tells why it was refused, broadcasts nothing, and shows the order as it is', async (detail, told) => {
  const answers = {
    'GET api/orders': orders('pending'),
    'POST api/orders/ord_1/fulfill': { status: 409, body: { detail } },
  }
  fakeBackend(answers)
  await show(<OrdersDesk />)
  answers['GET api/orders'] = orders('cancelled')
  await fulfil()
  expect((await screen.findByTestId('toast')).textContent).toContain(told)
  expect(screen.getByTestId('desk-ord_1').dataset['state']).toBe('cancelled')
  expect(store.asked).toEqual([])
})

it('reads the vouchers whenever the context says that they moved', async () => {
  await show(<VoucherList />)
  expect(screen.getByText(/None yet/)).toBeTruthy()
  redeemed.push('WELCOME10')
  await act(async () => store.emit('vouchers'))
  expect(screen.getByTestId('latest-voucher').textContent).toContain('WELCOME10')
})

it('reads everything again when it is asked to', async () => {
  await show(<VoucherList />)
  await userEvent.click(screen.getByRole('button', { name: 'Read everything again' }))
  expect(store.asked).toEqual(['refreshUser ada'])
})
