/** The whole app in a page, with a backend that has signed Ada in: the spend button, the pages, no violation of axe. */
import { cleanup, render, screen } from '@testing-library/react'
import userEvent from '@testing-library/user-event'
import axe from 'axe-core'
import { afterEach, expect, it, vi } from 'vitest'
import { AccountPage } from '../src/AccountPage'
import type { Outcome } from '../src/api'
import { Balances } from '../src/balances'
import { CreditDisplay } from '../src/CreditDisplay'
import { OrdersDesk } from '../src/OrdersDesk'
import { StatusDot } from '../src/StatusDot'
import { StudioPage } from '../src/StudioPage'
import { SessionContext } from '../src/session'
import { UsersPage } from '../src/UsersPage'
import { FakeStore, fakeBackend, Stage } from './fakes'

afterEach(() => {
  cleanup()
  vi.unstubAllGlobals()
})

const HISTORY = {
  items: [
    {
      entry: 'ent_7',
      version: 7,
      kind: 'spend',
      amount: -5,
      settled_delta: -5,
      held_delta: 0,
      balance: { settled: 100, held: 0, available: 100 },
      at: '2026-11-20T10:00:00Z',
      label: 'Picture',
    },
    {
      entry: 'ent_6',
      version: 6,
      kind: 'hold',
      amount: 10,
      settled_delta: 0,
      held_delta: 10,
      balance: { settled: 105, held: 10, available: 95 },
      at: '2026-11-19T10:00:00Z',
      label: null,
    },
  ],
}
/** jsdom paints nothing; colours are measured in Chromium. */
const NO_LAYOUT = { 'color-contrast': { enabled: false }, 'link-in-text-block': { enabled: false } }

const SESSION = {
  user: 'ada',
  users: [],
  switchTo: () => {},
  read: async <T,>(path: string) => {
    const kind = new URLSearchParams(path.split('?')[1]).get('kind')
    const items = HISTORY.items.filter((entry) => kind === null || entry.kind === kind)
    const page = path.startsWith('/credits/history') ? { items, next: null } : { items: [], next: null }
    return { data: page as unknown as T, error: null } as Outcome<T>
  },
  readFile: async (path: string) => ({ data: new Blob([path]), error: null }) as Outcome<Blob>,
}

function show(page: React.ReactNode, store = new FakeStore()) {
  return render(
    <SessionContext value={SESSION}>
      <Stage store={store}>{page}</Stage>
    </SessionContext>,
  )
}

it('spends five under a key of the browser, and shows the number at once', async () => {
  const asked = fakeBackend({ 'POST api/spend': { status: 200, body: { version: 8 } } })
  show(<StudioPage />)
  await userEvent.click(screen.getByTestId('spend-5'))
  await screen.findByLabelText('A generated picture')
  const body = { user: 'ada', amount: 5, key: 'a-key-that-this-browser-has-made' }
  expect(asked).toEqual([{ method: 'POST', path: 'api/spend', body }])
})

it('tells why a spend was refused', async () => {
  const detail = 'Ada has 3 credits; 5 are needed.'
  fakeBackend({ 'POST api/spend': { status: 402, body: { detail } } })
  show(<StudioPage />)
  await userEvent.click(screen.getByTestId('spend-5'))
  expect((await screen.findByTestId('toast')).textContent).toContain(detail)
  expect(screen.queryByLabelText('A generated picture')).toBeNull()
})

it('lists the history, and names a hold as one', async () => {
  show(<AccountPage />)
  const rows = await screen.findAllByTestId('history-row')
  expect(rows.map((row) => row.textContent)).toEqual([
    expect.stringContaining('Picture'),
    expect.stringMatching(/Set aside.*\+10 held/),
  ])
})

it('lists entries of one kind alone, and gives just these as a file', async () => {
  const files: Blob[] = []
  const saved: string[] = []
  const createObjectURL = (file: Blob) => `blob:${files.push(file)}`
  vi.stubGlobal('URL', Object.assign(URL, { createObjectURL, revokeObjectURL: () => {} }))
  const click = vi.spyOn(HTMLAnchorElement.prototype, 'click').mockImplementation(function save(
    this: HTMLAnchorElement,
  ) {
    saved.push(this.download)
  })
  show(<AccountPage />)
  await screen.findAllByTestId('history-row')
  await userEvent.selectOptions(screen.getByRole('combobox', { name: 'Show' }), 'Set aside')
  await vi.waitFor(() => expect(screen.getAllByTestId('history-row')).toHaveLength(1))
  expect(screen.getByTestId('history-row').textContent).toContain('+10 held')
  await userEvent.click(screen.getByRole('button', { name: 'Download as CSV' }))
  await vi.waitFor(() => expect(saved).toEqual(['credits.csv']))
  expect(await files[0]?.text()).toBe('/credits/history?unit=credits&kind=hold&format=csv')
  await userEvent.selectOptions(screen.getByRole('combobox', { name: 'Show' }), 'Expired')
  expect(await screen.findByText('No entries of this kind.')).toBeTruthy()
  click.mockRestore()
})

it.each([
  ['studio', <StudioPage key="studio" />, 'spend-5'],
  ['account', <AccountPage key="account" />, 'history-row'],
  ['users', <UsersPage key="users" />, 'user-ada'],
  ['orders', <OrdersDesk key="orders" />, 'desk-ord_1'],
])('axe finds nothing on the %s page', async (_name, page, testId) => {
  const user = { id: 'ada', name: 'Ada Byron', plan: 'Pro', credits: 100 }
  const order = { id: 'ord_1', user_id: 'bob', package: 'Starter', status: 'pending' }
  fakeBackend({
    'GET api/users': { status: 200, body: { items: [user] } },
    'GET api/orders': { status: 200, body: { items: [order] } },
  })
  const { container } = show(
    <>
      <StatusDot />
      <CreditDisplay />
      <main>
        {page}
        <Balances />
      </main>
    </>,
  )
  await screen.findAllByTestId(testId)
  const { violations } = await axe.run(container, { rules: NO_LAYOUT })
  expect(violations).toEqual([])
})
