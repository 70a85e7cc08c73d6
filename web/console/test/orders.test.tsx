/** The Orders screen: one key to fulfil, who was first, nothing jumps, and the packages behind it. */
import { act, screen, waitFor, within } from '@testing-library/react'
import { describe, expect, it, vi } from 'vitest'
import { forgetReceipts } from '../src/receipts'
import { open, problem, settle } from './harness'
import { ShopServer } from './shop-server'

function withOrders(): ShopServer {
  const server = new ShopServer()
  server.addUser('ada', 100)
  server.addUser('bob', 7)
  server.addPackage('Starter', { credits: 500, price_minor: 900 })
  server.addOrder('ada', { billing: { organisation: 'Analytical Engines Ltd' }, purchase_reference: 'PO-7' })
  server.addOrder('bob')
  return server
}

const row = (id: string) => document.querySelector<HTMLElement>(`tr[data-order="${id}"]`)
const opener = (user: string) => screen.findByRole('button', { name: new RegExp(`^Order of ${user}`) })
const fulfilButton = (user: string) => screen.findByRole('button', { name: `Fulfil the order of ${user}` })

describe('fulfilling', () => {
  it('is one key on the row that has the focus, shown at once and told in a toast', async () => {
    const server = withOrders()
    const go = server.holdBack('POST', /ord_1\/fulfill$/)
    const { user } = open(server, '/orders')
    ;(await opener('ada')).focus()
    await user.keyboard('f')
    expect(row('ord_1')?.dataset['state']).toBe('fulfilled')
    expect(row('ord_1')?.dataset['phase']).toBe('sending')
    expect(server.users.get('ada')?.credits).toBe(100)
    go()
    expect(await screen.findByText('Order fulfilled')).toBeTruthy()
    expect(screen.getByText(/ada · \+500 · now 600 · version 2/, { selector: 'p' })).toBeTruthy()
    const [request] = server.sent('POST', /fulfill$/)
    expect(request?.body).toEqual({ fulfilled_by: 'op_1', receipt: true })
    expect(request?.headers.get('idempotency-key')).toMatch(/^.{32,}$/)
  })

  it('says on how many of the user’s screens the credits are shown', async () => {
    const server = withOrders()
    server.broadcast = {
      screens: {
        ...{ open: 2, shown: 2, hidden: 0, asleep: 0, gone: 0, behind: 0 },
        ...{ first_ms: 9, last_ms: 14, counted: 'screens' },
      },
      settled: true,
    }
    const { user } = open(server, '/orders')
    ;(await opener('ada')).focus()
    await user.keyboard('f')
    expect((await screen.findByTestId('shown-on')).textContent).toContain('shown on 2 of 2 screens, 14 ms')
    forgetReceipts()
  })

  it('goes to the first order that waits when no row has the focus, and fulfils nothing', async () => {
    const { user, server } = open(withOrders(), '/orders')
    await opener('bob')
    await user.keyboard('f')
    expect(document.activeElement).toBe(await opener('bob'))
    expect(server.sent('POST', /fulfill$/)).toHaveLength(0)
  })

  it.each(['jj{Enter}', '{Control>}j{/Control}jj', 'jjk{ArrowDown}', 'jjjj'])(
    'walks the rows by %s',
    async (keys) => {
      const { user } = open(withOrders(), '/orders')
      await opener('bob')
      await user.keyboard(keys)
      expect(document.activeElement).toBe(await opener('ada'))
    },
  )

  it('leaves the arrows to the page where no row has the focus', async () => {
    const { user } = open(withOrders(), '/orders')
    await opener('bob')
    await user.keyboard('{ArrowDown}')
    expect(document.activeElement).toBe(document.body)
  })

  it('keeps the focus in the row when the pressed button goes', async () => {
    const { user } = open(withOrders(), '/orders')
    ;(await fulfilButton('ada')).focus()
    await user.keyboard('{Enter}')
    await waitFor(() => expect(screen.queryByRole('button', { name: 'Fulfil the order of ada' })).toBeNull())
    expect(document.activeElement).toBe(await opener('ada'))
  })

  it('leaves the focus to whoever clicked beside the rows', async () => {
    const server = withOrders()
    const go = server.holdBack('POST', /ord_1\/fulfill$/)
    const { user } = open(server, '/orders')
    await user.click(await fulfilButton('ada'))
    await user.click(screen.getByRole('heading', { name: 'Orders' }))
    go()
    await screen.findByText('Order fulfilled')
    expect(document.activeElement?.closest('tr')).toBeNull()
  })

  it('takes an f that is typed into the search as text', async () => {
    const { user, server } = open(withOrders(), '/orders')
    await opener('bob')
    await user.type(screen.getByRole('searchbox', { name: 'Search orders' }), 'f')
    expect(server.sent('POST', /fulfill$/)).toHaveLength(0)
  })

  it('writes the original log line and reads the lists again', async () => {
    const log = vi.spyOn(console, 'log').mockImplementation(() => {})
    const { user, server } = open(withOrders(), '/orders')
    const reads = () => server.sent('GET', /credits\/orders$/).length
    await user.click(await fulfilButton('ada'))
    await screen.findByText('Order fulfilled')
    expect(log).toHaveBeenCalledWith('📢 Broadcasting credit update for user ada')
    expect(reads()).toBeGreaterThan(1)
  })

  it('is sent once, however often the key is pressed', async () => {
    const server = withOrders()
    const go = server.holdBack('POST', /fulfill$/)
    const { user } = open(server, '/orders')
    ;(await opener('ada')).focus()
    await user.keyboard('fff')
    go()
    await screen.findByText('Order fulfilled')
    expect(server.sent('POST', /fulfill$/)).toHaveLength(1)
  })

  it('tells who was first when a colleague was, and shows the order as it is', async () => {
    const server = withOrders()
    const { user } = open(server, '/orders')
    const button = await fulfilButton('ada')
    const first = server.orders.find(({ id }) => id === 'ord_1')
    Object.assign(first ?? {}, {
      state: 'fulfilled',
      fulfilled_by: 'operator:op_2',
      fulfilled_at: '2026-11-23T06:00:00Z',
    })
    await user.click(button)
    const toast = await screen.findByRole('group', { name: 'The order was fulfilled by operator:op_2.' })
    expect(toast.textContent).toContain('By Pavel')
    expect(toast.textContent).toContain('2026')
    await waitFor(() => expect(row('ord_1')?.textContent).toContain('Pavel'))
  })

  it('says the agreed sentence where the server gave none, and puts the order back', async () => {
    const server = withOrders()
    server.once('POST', /fulfill$/, () => new Response('<h1>Forbidden</h1>', { status: 403 }))
    const { user } = open(server, '/orders')
    await user.click(await fulfilButton('ada'))
    expect(await screen.findByRole('group', { name: 'Failed to fulfill order' })).toBeTruthy()
    expect(row('ord_1')?.dataset['state']).toBe('pending')
    expect(await fulfilButton('ada')).toBeTruthy()
  })

  it('is sent again with the same key while nobody knows whether it was booked', async () => {
    const server = withOrders()
    server.once('POST', /fulfill$/, () => problem(503, 'outcome_unknown', 'Try again.'))
    const { user } = open(server, '/orders')
    await user.click(await fulfilButton('ada'))
    await screen.findByText('Order fulfilled')
    const keys = server.sent('POST', /fulfill$/).map(({ headers }) => headers.get('idempotency-key'))
    expect(keys).toHaveLength(2)
    expect(new Set(keys).size).toBe(1)
  })
})

describe('the queue', () => {
  it('keeps an order that a colleague fulfils in its place, and says who did', async () => {
    const server = withOrders()
    open(server, '/orders')
    await opener('ada')
    await settle()
    const [bobs] = server.orders
    if (bobs) act(() => server.someoneFulfils(bobs))
    await waitFor(() => expect(row('ord_2')?.dataset['state']).toBe('fulfilled'))
    expect(row('ord_2')?.textContent).toContain('Pavel')
    expect(
      [...document.querySelectorAll('tr[data-order]')].map((each) => each.getAttribute('data-order')),
    ).toEqual(['ord_2', 'ord_1'])
  })

  it('offers a new order instead of pushing the rows down', async () => {
    const server = withOrders()
    const { user } = open(server, '/orders')
    await opener('ada')
    await settle()
    server.addOrder('ada', { purchase_reference: 'PO-8' })
    act(() => server.announceLists('orders'))
    const offer = await screen.findByRole('button', { name: '1 new order: show' })
    expect(row('ord_3')).toBeNull()
    await user.click(offer)
    expect(row('ord_3')).toBeTruthy()
  })

  it('keeps state and search in the address and asks the server', async () => {
    const { user, server } = open(withOrders(), '/orders')
    await opener('ada')
    await user.type(screen.getByRole('searchbox', { name: 'Search orders' }), 'engines')
    await waitFor(() => expect(row('ord_2')).toBeNull())
    await user.click(screen.getByRole('radio', { name: 'All' }))
    await waitFor(() => expect(location.search).toBe('?q=engines&state=all'))
    expect(
      server
        .sent('GET', /orders$/)
        .at(-1)
        ?.query.get('state'),
    ).toBeNull()
  })

  it('names the next step where no order waits', async () => {
    open(new ShopServer(), '/orders')
    expect(await screen.findByText('No order waits')).toBeTruthy()
    expect(screen.getByRole('button', { name: 'See the packages' })).toBeTruthy()
  })

  it('lets a viewer look, and offers no step', async () => {
    const server = withOrders()
    if (server.operator) server.operator = { ...server.operator, role: 'viewer' }
    const { user } = open(server, '/orders')
    ;(await opener('ada')).focus()
    await user.keyboard('f{Enter}')
    expect(screen.queryByRole('button', { name: /Fulfil|Cancel/ })).toBeNull()
    expect(screen.getByText('PO-7', { selector: 'dd *' })).toBeTruthy()
    expect(server.sent('POST', /fulfill$/)).toHaveLength(0)
  })
})

describe('one order', () => {
  it('cancels with a reason', async () => {
    const { user, server } = open(withOrders(), '/orders')
    await user.click(await opener('ada'))
    await user.click(screen.getByRole('button', { name: 'Cancel order of ada' }))
    await user.type(await screen.findByRole('combobox', { name: 'Reason' }), 'Not paid')
    await user.click(screen.getByRole('button', { name: 'Cancel order' }))
    expect(await screen.findByText('Order cancelled')).toBeTruthy()
    expect(server.sent('PATCH', /status$/)[0]?.body).toEqual({ state: 'cancelled', reason: 'Not paid' })
  })

  it('tells who refunded an order, and why', async () => {
    const server = withOrders()
    Object.assign(server.orders[0] ?? {}, {
      ...{ state: 'refunded', refunded_at: '2026-11-23T06:00:00Z', refunded_by: 'operator:op_1' },
      refund_reason: 'came too late',
    })
    open(server, '/orders?state=refunded&order=ord_2')
    const reason = await screen.findByText('Refund reason')
    expect(reason.nextElementSibling?.textContent).toBe('came too late')
    const [refunded] = screen.getAllByText('Refunded').filter(({ tagName }) => tagName === 'DT')
    expect(refunded?.nextElementSibling?.textContent).toContain('Olga')
  })

  it('asks what to do where part of the credits is spent', async () => {
    const server = withOrders()
    const [bobs] = server.orders
    Object.assign(bobs ?? {}, {
      state: 'fulfilled',
      fulfilled_by: 'operator:op_1',
      fulfilled_at: bobs?.created_at,
    })
    server.once('POST', /refund$/, () =>
      problem(409, 'order_spent', '120 of 500 are left of this order.', { left: 120, amount: 500 }),
    )
    const { user } = open(server, '/orders?state=fulfilled&order=ord_2')
    await user.click(await screen.findByRole('button', { name: 'Refund' }))
    const dialog = await screen.findByRole('dialog', { name: 'Refund the order of bob' })
    await user.type(within(dialog).getByRole('combobox', { name: 'Reason' }), 'returned')
    await user.click(within(dialog).getByRole('button', { name: 'Refund' }))
    const left = await within(dialog).findByRole('radio', { name: 'Take back exactly what is left: 120' })
    expect((left as HTMLInputElement).checked).toBe(true)
    await user.click(within(dialog).getByRole('button', { name: 'Refund' }))
    expect(await screen.findByText('Order refunded')).toBeTruthy()
    expect(document.activeElement).toBe(await opener('bob'))
    const bodies = server.sent('POST', /refund$/).map(({ body }) => body?.['spent'])
    expect(bodies).toEqual(['refuse', 'left'])
  })
})

describe('packages', () => {
  it('shows prices as the reader writes them, and makes one', async () => {
    const { user, server } = open(withOrders(), '/orders/packages')
    expect(await screen.findByText('€9.00')).toBeTruthy()
    await user.click(screen.getByRole('button', { name: 'New package' }))
    const dialog = await screen.findByRole('dialog', { name: 'New package' })
    await user.type(within(dialog).getByRole('textbox', { name: 'Name' }), 'Studio')
    await user.type(within(dialog).getByRole('textbox', { name: 'Credits' }), '10,000')
    await user.type(within(dialog).getByRole('textbox', { name: 'Price' }), '119.50')
    expect(dialog.textContent).toContain('10,000 credits for €119.50')
    await user.click(within(dialog).getByRole('button', { name: 'Make package' }))
    await screen.findByText('Package made')
    expect(server.sent('POST', /packages$/)[0]?.body).toMatchObject({
      name: 'Studio',
      credits: 10_000,
      price_minor: 11_950,
      currency: 'EUR',
      position: 2,
    })
  })

  it('names every field that is wrong, and sends nothing', async () => {
    const { user, server } = open(withOrders(), '/orders/packages')
    await user.click(await screen.findByRole('button', { name: 'New package' }))
    const dialog = await screen.findByRole('dialog', { name: 'New package' })
    await user.type(within(dialog).getByRole('textbox', { name: 'Price' }), '1.234')
    await user.click(within(dialog).getByRole('button', { name: 'Make package' }))
    expect(within(dialog).getByText('A name is needed')).toBeTruthy()
    expect(within(dialog).getByText('At most 2 decimal places')).toBeTruthy()
    expect(server.sent('POST', /packages$/)).toHaveLength(0)
  })

  it('moves one up and takes one off sale', async () => {
    const server = withOrders()
    server.addPackage('Series')
    const { user } = open(server, '/orders/packages')
    await user.click(await screen.findByRole('button', { name: 'Move Series up' }))
    await screen.findByText('Package moved')
    const positions = () => Object.fromEntries(server.packages.map(({ name, position }) => [name, position]))
    expect(positions()).toEqual({ Series: 1, Starter: 2 })
    await user.click(screen.getByRole('switch', { name: 'Starter is on sale' }))
    await screen.findByText('Package off sale')
    expect(server.packages.find(({ name }) => name === 'Starter')?.active).toBe(false)
  })

  it('says why an ordered package cannot be deleted', async () => {
    const server = withOrders()
    server.once('DELETE', /packages/, () =>
      problem(409, 'package_ordered', 'The package has been ordered; take it off sale.'),
    )
    const { user } = open(server, '/orders/packages')
    await user.click(await screen.findByRole('button', { name: 'Edit Starter' }))
    await user.click(await screen.findByRole('button', { name: 'Delete' }))
    expect(await screen.findByText('The package has been ordered; take it off sale.')).toBeTruthy()
    expect(screen.getByRole('dialog', { name: 'Edit Starter' })).toBeTruthy()
  })
})
