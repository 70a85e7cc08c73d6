/** Shop and vouchers as people use them: form and refusals, states, the live check of a code, welcome, low. */
import { act, cleanup, render, screen } from '@testing-library/react'
import userEvent from '@testing-library/user-event'
import axe from 'axe-core'
import type { Order, Package, Redemption } from 'livecredits'
import { readVoucherCode } from 'livecredits/vouchers'
import type { ReactNode } from 'react'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { priceText, spanText } from '../src/amounts'
import { LowNotice } from '../src/LowNotice'
import { ShopPage } from '../src/ShopPage'
import { VouchersPage } from '../src/VouchersPage'
import { WelcomeBanner } from '../src/WelcomeBanner'
import { FakeStore, refusal, Stage } from './fakes'

const NO_LAYOUT = { 'color-contrast': { enabled: false }, 'link-in-text-block': { enabled: false } }
/** From conformance/vouchers.json: a right check symbol. */
const GOOD = 'SUMMER-9A29-TX9D-SDDN-JV8B-'

const PACK: Package = {
  ...{ id: 'pkg_1', name: 'Starter', description: 'For a first series.', credits: 500, unit: 'credits' },
  ...{ price_minor: 900, currency: 'EUR', validity_s: 365 * 86_400 },
}

const order = (more: Partial<Order> = {}): Order => ({
  ...{
    id: 'ord_1',
    user_id: 'ada',
    package: PACK,
    state: 'pending',
    billing: null,
    purchase_reference: 'PO-7',
  },
  ...{ created_at: '2026-11-20T10:00:00Z', fulfilled_at: null, cancelled_at: null, cancel_reason: null },
  ...{ refunded_at: null, entry: null },
  ...more,
})

const redemption = (more: Partial<Redemption> = {}): Redemption => ({
  ...{ state: 'redeemed' as const, entry: 'ent_9', voucher: 'vch_1', code: 'WELCOME10', amount: 50 },
  ...{ unit: 'credits', label: 'Autumn' },
  ...{ redeemed_at: new Date().toISOString(), expires_at: null, welcome: false },
  ...more,
})

let store: FakeStore
beforeEach(() => {
  store = new FakeStore()
})
afterEach(() => {
  cleanup()
  localStorage.clear()
})

async function show(page: ReactNode) {
  const view = render(<Stage store={store}>{page}</Stage>)
  await act(async () => {})
  return view
}

const asked = () => store.asked.map((text) => JSON.parse(text) as unknown[])
const press = (name: string | RegExp) => userEvent.click(screen.getByRole('button', { name }))

describe('the shop', () => {
  async function openForm() {
    store.packages.show([PACK])
    await show(<ShopPage />)
    await press(/Order for €9.00/)
  }

  it('orders a package with what was typed, and nothing that was not', async () => {
    await openForm()
    await userEvent.type(screen.getByLabelText('Name'), 'Ada Byron')
    await userEvent.type(screen.getByLabelText(/purchase reference/), ' PO-7 ')
    await press('Order now')
    const terms = { billing: { purchaser: 'Ada Byron' }, purchaseReference: 'PO-7', shown: PACK }
    expect(asked()).toEqual([['order', 'pkg_1', terms]])
    expect(screen.getByTestId('toast').textContent).toContain('Starter ordered')
    expect(screen.queryByRole('form')).toBeNull()
  })

  it('orders what stands on the screen, and says when that has changed under the form', async () => {
    await openForm()
    await userEvent.type(screen.getByLabelText('Name'), 'Ada Byron')
    expect(screen.queryByText(/has just changed/)).toBeNull()
    const dearer = { ...PACK, price_minor: 999_900 }
    act(() => store.packages.show([dearer]))
    expect(screen.getByText(/has just changed: it was .*€9.00/).getAttribute('role')).toBe('status')
    expect(screen.getByRole('heading', { name: /9,999.00/ })).toBeTruthy()
    expect(screen.getByLabelText<HTMLInputElement>('Name').value).toBe('Ada Byron')
    store.answer = refusal('package_changed', 'The package has changed; look at it again.')
    await press('Order now')
    expect(asked()).toMatchObject([['order', 'pkg_1', { shown: dearer }]])
    expect(screen.getByRole('alert').textContent).toContain('look at it again')
    expect(store.packages.refreshed).toBe(1)
  })

  it('closes the form of a package that is no longer on sale', async () => {
    await openForm()
    act(() => store.packages.show([]))
    expect(screen.queryByRole('form')).toBeNull()
    expect(screen.getByTestId('toast').textContent).toContain('no longer on sale')
  })

  it('tells beside the field what is missing, and sends nothing', async () => {
    await openForm()
    await userEvent.type(screen.getByLabelText(/E-mail/), 'ada@')
    await press('Order now')
    expect(asked()).toEqual([])
    expect(screen.getByLabelText('Name').getAttribute('aria-invalid')).toBe('true')
    expect(screen.getByText('This is no e-mail address.')).toBeTruthy()
    expect(document.activeElement).toBe(screen.getByLabelText('Name'))
  })

  it.each([
    [refusal('invalid', 'x', { errors: [{ field: 'billing.email', message: 'too long' }] }), 'too long'],
    [refusal('not_found', 'There is no such package.'), 'There is no such package.'],
  ])('keeps what was typed when the service refuses', async (answer, text) => {
    await openForm()
    store.answer = answer
    await userEvent.type(screen.getByLabelText('Name'), 'Ada Byron')
    await press('Order now')
    expect(screen.getByText(text)).toBeTruthy()
    expect(screen.getByLabelText<HTMLInputElement>('Name').value).toBe('Ada Byron')
  })

  it('begins with the details of the last order', async () => {
    store.orders.show([order({ billing: { purchaser: 'Ada Byron', organisation: 'Analytical Ltd' } })])
    await openForm()
    expect(screen.getByLabelText<HTMLInputElement>(/Organisation/).value).toBe('Analytical Ltd')
  })

  it('lists the orders live, and lets a pending one be taken back', async () => {
    store.orders.show([order(), order({ id: 'ord_0', state: 'fulfilled' })])
    await show(<ShopPage />)
    const states = () => screen.getAllByTestId('order-row').map((row) => row.dataset['state'])
    expect(states()).toEqual(['pending', 'fulfilled'])
    await press(/^Cancel/)
    expect(asked()).toEqual([['cancelOrder', 'ord_1']])
    act(() => store.orders.show([order({ state: 'cancelled', cancel_reason: 'Too late' })]))
    expect(states()).toEqual(['cancelled'])
    expect(screen.getByText('Too late')).toBeTruthy()
    expect(screen.queryByRole('button', { name: /^Cancel/ })).toBeNull()
  })

  it('says why a list cannot be read, and tries again', async () => {
    store.orders.show([order()], { error: refusal('network', 'The server cannot be reached.') })
    await show(<ShopPage />)
    expect(screen.getByRole('alert').textContent).toContain('cannot be reached')
    expect(screen.getAllByTestId('order-row').length).toBe(1)
    await press('Try again')
    expect(store.orders.refreshed).toBe(1)
  })
})

describe('vouchers', () => {
  it('redeems one that waits by one press, and the focus stays on the page', async () => {
    const open = { state: 'open', entry: null, redeemed_at: null, label: null } as const
    store.vouchers.show([redemption({ ...open, voucher: 'vch_2', code: 'YOURS', amount: 25 }), redemption()])
    store.answer = { amount: 25, unit: 'credits' }
    await show(<VouchersPage />)
    expect(screen.getAllByTestId('voucher-row').length).toBe(1)
    expect(screen.getByTestId('waiting-voucher').textContent).toContain('YOURS')
    await press(/Redeem YOURS/)
    expect(asked()).toEqual([['redeem', 'YOURS']])
    expect(screen.getByTestId('toast').textContent).toContain('+25 credits are yours')
    act(() => store.vouchers.show([redemption({ voucher: 'vch_2', entry: 'ent_10' }), redemption()]))
    expect(screen.queryByTestId('waiting-voucher')).toBeNull()
    expect(document.activeElement).toBe(screen.getByRole('heading', { name: 'Redeemed' }))
  })

  const field = () => screen.getByTestId<HTMLInputElement>('voucher-code')
  const wholeCode = (() => {
    // The one check symbol that is right.
    for (const symbol of '0123456789ABCDEFGHJKMNPQRSTVWXYZ') {
      const text = GOOD + symbol
      if (readVoucherCode(text).state === 'good') return text
    }
    throw new Error('every sum has a symbol')
  })()

  it('groups a pasted code and says that it is well typed', async () => {
    await show(<VouchersPage />)
    await userEvent.click(field())
    await userEvent.paste(wholeCode.toLowerCase().replaceAll('-', ''))
    expect(field().value).toBe(wholeCode)
    expect(screen.getByText(/No typing error/)).toBeTruthy()
  })

  it('tells a typing error on pasting and on leaving, before anything is sent', async () => {
    await show(<VouchersPage />)
    const spoiled = wholeCode.replace('9A29', '9A28')
    await userEvent.click(field())
    await userEvent.paste(spoiled)
    expect(screen.getByRole('alert').textContent).toContain('typing error')
    await userEvent.clear(field())
    await userEvent.type(field(), spoiled)
    expect(screen.queryByRole('alert')).toBeNull()
    await userEvent.tab()
    expect(screen.getByRole('alert').textContent).toContain('typing error')
    await press('Redeem')
    expect(asked()).toEqual([])
  })

  it('redeems, says how much, and is ready for the next', async () => {
    store.answer = { amount: 50, unit: 'credits' }
    await show(<VouchersPage />)
    await userEvent.type(field(), 'welcome10{Enter}')
    expect(asked()).toEqual([['redeem', 'WELCOME10']])
    expect((await screen.findByTestId('toast')).textContent).toContain('+50 credits')
    expect(field().value).toBe('')
  })

  it('keeps the next code that is typed before the answer to the last one', async () => {
    let answers = (_: unknown) => {}
    store.answer = new Promise((resolve) => {
      answers = resolve
    })
    await show(<VouchersPage />)
    await userEvent.type(field(), 'welcome10{Enter}')
    await userEvent.clear(field())
    await userEvent.type(field(), 'SPRING')
    await act(async () => answers({ amount: 50, unit: 'credits' }))
    expect(screen.getByTestId('toast').textContent).toContain('+50 credits')
    expect(field().value).toBe('SPRING')
  })

  it.each([
    ['not_found', 'do not know this code'],
    ['voucher_used', 'used this code already'],
    ['already_redeemed', 'redeemed this code before'],
    ['voucher_expired', 'has expired'],
    ['voucher_revoked', 'withdrawn'],
    ['voucher_not_yet_valid', 'not valid yet'],
    ['rate_limited', 'Too many tries'],
    ['network', 'no code is redeemed twice'],
    ['something_new', 'In the words of the service.'],
  ])('answers %s clearly, and keeps the code', async (code, text) => {
    store.answer = refusal(code)
    await show(<VouchersPage />)
    await userEvent.type(field(), 'WELCOME10{Enter}')
    expect((await screen.findByRole('alert')).textContent).toContain(text)
    expect(field().value).toBe('WELCOME10')
  })

  it('lists what was redeemed', async () => {
    store.vouchers.show([redemption()])
    await show(<VouchersPage />)
    expect(screen.getByTestId('voucher-row').textContent).toMatch(/Autumn.*WELCOME10.*\+50 credits/)
  })
})

describe('welcome', () => {
  it('greets whoever was given a voucher, until it is closed, also after a reload', async () => {
    store.vouchers.show([redemption({ welcome: true, label: 'Welcome gift' })])
    const view = await show(<WelcomeBanner />)
    expect(screen.getByTestId('welcome').textContent).toContain('+50 credits are yours')
    await press('Close the welcome')
    expect(screen.queryByTestId('welcome')).toBeNull()
    view.unmount()
    await show(<WelcomeBanner />)
    expect(screen.queryByTestId('welcome')).toBeNull()
  })

  it('says nothing of a code that was typed, or of a welcome long ago', async () => {
    store.vouchers.show([redemption(), redemption({ welcome: true, redeemed_at: '2020-01-01T00:00:00Z' })])
    await show(<WelcomeBanner />)
    expect(screen.queryByTestId('welcome')).toBeNull()
  })
})

it('tells that credits run low, by the word of the ledger, and where there are more', async () => {
  await show(<LowNotice at="#/" />)
  expect(screen.queryByTestId('low-notice')).toBeNull()
  act(() => store.push({ low: true }))
  expect(screen.getByRole('link').getAttribute('href')).toBe('#/shop')
})

it.each([
  ['shop', <ShopPage key="shop" />],
  ['vouchers', <VouchersPage key="vouchers" />],
])('axe finds nothing on the %s page', async (_name, page) => {
  store.packages.show([PACK])
  store.orders.show([order(), order({ id: 'ord_2', state: 'refunded' })])
  store.vouchers.show([redemption({ welcome: true })])
  const { container } = await show(
    <main>
      <WelcomeBanner />
      {page}
    </main>,
  )
  const button = screen.queryByRole('button', { name: /Order for/ })
  if (button) await userEvent.click(button)
  const { violations } = await axe.run(container, { rules: NO_LAYOUT })
  expect(violations).toEqual([])
})

it('writes prices exactly, whatever the currency’s places', () => {
  expect(priceText(900, 'EUR')).toBe('€9.00')
  expect(priceText(900, 'JPY')).toBe('¥900')
  expect(priceText(1_234_567, 'KWD').replaceAll(/[^\d.]/g, '')).toBe('1234.567')
})

it('names how long credits hold', () => {
  expect([spanText(365 * 86_400), spanText(86_400), spanText(7_200)]).toEqual([
    '365 days',
    '1 day',
    '2 hours',
  ])
})
