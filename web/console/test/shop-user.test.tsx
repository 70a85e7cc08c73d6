/** What the shop adds to a user's page, the users' list and the audit. */
import { act, screen, waitFor, within } from '@testing-library/react'
import { describe, expect, it } from 'vitest'
import { open, problem, settle } from './harness'
import { ShopServer } from './shop-server'

function withAda(): ShopServer {
  const server = new ShopServer()
  server.addUser('ada', 3, { name: 'Ada', low: true })
  server.addUser('bob', 700)
  return server
}

describe('a user’s page', () => {
  it('shows their orders, and fulfils one from there', async () => {
    const server = withAda()
    server.addOrder('ada')
    server.addOrder('bob')
    const { user } = open(server, '/users/ada')
    await user.click(await screen.findByRole('button', { name: 'Fulfil Starter' }))
    expect(await screen.findByText('Order fulfilled')).toBeTruthy()
    expect(screen.queryByRole('button', { name: 'Fulfil Starter' })).toBeNull()
    expect(server.users.get('ada')?.credits).toBe(503)
    expect(server.users.get('bob')?.credits).toBe(700)
  })

  it('shows what they redeemed, at once', async () => {
    const server = withAda()
    open(server, '/users/ada')
    expect(await screen.findByText(/Nothing was redeemed/)).toBeTruthy()
    await settle()
    server.redemptions.push({
      voucher: 'vch_1',
      code: 'WELCOME10',
      user_id: 'ada',
      unit: 'credits',
      amount: 10,
      label: 'Newsletter offer',
      entry: 'ent_9',
      redeemed_at: '2026-11-23T05:00:00Z',
      expires_at: null,
      welcome: false,
      campaign: 'cmp_1',
    })
    act(() => server.announceLists('vouchers'))
    expect(await screen.findByRole('link', { name: 'Newsletter offer' })).toBeTruthy()
  })

  it('erases a person only after the id is typed', async () => {
    const server = withAda()
    const { user } = open(server, '/users/ada')
    await user.click(await screen.findByRole('button', { name: 'Erase personal data' }))
    const dialog = await screen.findByRole('dialog', { name: 'Erase the personal data of ada?' })
    const erase = within(dialog).getByRole('button', { name: 'Erase' }) as HTMLButtonElement
    await user.type(within(dialog).getByRole('combobox', { name: 'Reason' }), 'The user asked')
    await user.type(within(dialog).getByRole('textbox', { name: 'Type ada to confirm' }), 'ad')
    expect(erase.disabled).toBe(true)
    await user.type(within(dialog).getByRole('textbox', { name: 'Type ada to confirm' }), 'a')
    server.once('DELETE', /personal-data$/, () => new Response('{}', { status: 200 }))
    await user.click(erase)
    expect(await screen.findByText('Personal data erased')).toBeTruthy()
    const [request] = server.sent('DELETE', /users\/ada\/personal-data$/)
    expect(request?.query.get('reason')).toBe('The user asked')
  })

  it('says why a person could not be erased', async () => {
    const server = withAda()
    server.once('DELETE', /personal-data$/, () => problem(403, 'forbidden', 'Admins only.'))
    const { user } = open(server, '/users/ada')
    await user.click(await screen.findByRole('button', { name: 'Erase personal data' }))
    const dialog = await screen.findByRole('dialog')
    await user.type(within(dialog).getByRole('combobox', { name: 'Reason' }), 'x')
    await user.type(within(dialog).getByRole('textbox', { name: 'Type ada to confirm' }), 'ada')
    await user.click(within(dialog).getByRole('button', { name: 'Erase' }))
    expect(await screen.findByRole('group', { name: 'Admins only.' })).toBeTruthy()
  })

  it('sets a threshold of the user’s own, and shows the unit’s where there is none', async () => {
    const server = withAda()
    server.units = [{ name: 'credits', scale: 0, low_threshold: 25 }]
    const { user } = open(server, '/users/ada')
    expect(await screen.findByText('(as the unit)')).toBeTruthy()
    await user.click(screen.getByRole('button', { name: 'Edit profile' }))
    await user.type(screen.getByRole('textbox', { name: 'Low at' }), '50')
    await user.click(screen.getByRole('button', { name: 'Save' }))
    await screen.findByText('User saved')
    expect(server.sent('PUT', /users\/ada$/)[0]?.body).toEqual({ low_threshold: 50, unit: 'credits' })
  })
})

describe('low balances', () => {
  it('are marked in the list as they fall, and can be asked for', async () => {
    const server = withAda()
    const { user } = open(server, '/users')
    const row = (await screen.findByRole('link', { name: 'Ada' })).closest('tr')
    const bobs = () => screen.getByRole('link', { name: 'bob' }).closest('tr')?.textContent
    expect(bobs()).not.toContain('Low')
    expect(row?.textContent).toContain('Low')
    Object.assign(server.users.get('bob') ?? {}, { low: true })
    await settle()
    act(() => server.someoneChanges('bob', -695))
    await waitFor(() => expect(bobs()).toContain('Low'))
    await user.click(screen.getByRole('radio', { name: 'Low' }))
    await waitFor(() =>
      expect(
        server
          .sent('GET', /users$/)
          .at(-1)
          ?.query.get('low'),
      ).toBe('true'),
    )
    expect(location.search).toContain('show=low')
  })
})

describe('the audit', () => {
  const row = (id: string, action: string, target: string) => ({
    id,
    at: '2026-11-23T05:00:00Z',
    actor: 'operator:op_1',
    action,
    target,
    reason: null,
    before: null,
    after: null,
    address: null,
    request_id: null,
    details: null,
  })

  it('keeps broadcasts out of the way until they are asked for', async () => {
    const server = withAda()
    server.audit = [row('aud_2', 'user.broadcast', 'ada'), row('aud_1', 'credits.set', 'ada')]
    const { user } = open(server, '/audit')
    await screen.findByText('credits.set')
    expect(screen.queryByText('user.broadcast')).toBeNull()
    expect(screen.getByText('1 row, newest first')).toBeTruthy()
    await user.click(screen.getByRole('switch', { name: 'Broadcasts' }))
    expect(await screen.findByText('user.broadcast')).toBeTruthy()
    expect(location.search).toBe('?broadcasts=shown')
  })

  it('shows them to whoever filters for them', async () => {
    const server = withAda()
    server.audit = [row('aud_2', 'user.broadcast', 'ada')]
    open(server, '/audit?action=user.broadcast')
    expect(await screen.findByText('user.broadcast')).toBeTruthy()
  })

  it('leads to what was changed', async () => {
    const server = withAda()
    const id = (kind: string) => `${kind}_01a20604876f76ec88a64ea22c58f3ac`
    server.audit = [
      row('aud_1', 'batch.applied', id('bat')),
      row('aud_2', 'campaign.added', id('cmp')),
      row('aud_3', 'order.fulfilled', 'ada'),
    ]
    open(server, '/audit')
    const href = async (name: string) => (await screen.findByRole('link', { name })).getAttribute('href')
    expect(await href('bat_…2c58f3ac')).toBe(`/console/bulk?batch=${id('bat')}`)
    expect(await href('cmp_…2c58f3ac')).toBe(`/console/vouchers/campaigns/${id('cmp')}`)
    expect(await href('ada')).toBe('/console/users/ada')
  })
})

describe('the navigation', () => {
  it.each([
    ['o', 'Orders'],
    ['v', 'Vouchers'],
    ['b', 'Bulk'],
  ])('goes by g %s to %s', async (key, title) => {
    const { user } = open(withAda(), '/users')
    await screen.findByRole('link', { name: 'Ada' })
    await user.keyboard(`g${key}`)
    expect(await screen.findByRole('heading', { name: title, level: 1 })).toBeTruthy()
    expect(screen.getByRole('link', { name: title }).getAttribute('aria-current')).toBe('page')
  })
})
