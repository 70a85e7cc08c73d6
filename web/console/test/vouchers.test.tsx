/** Campaigns and single vouchers: made, watched, copied, revoked, changed while nobody used them. */
import { act, screen, waitFor, within } from '@testing-library/react'
import { describe, expect, it } from 'vitest'
import { idsOf } from '../src/vouchers/CampaignForm'
import { open, problem, settle } from './harness'
import { ShopServer } from './shop-server'

function withCampaign(): ShopServer {
  const server = new ShopServer()
  server.addCampaign('Autumn fair', {
    prefix: 'AUTUMN',
    codes: 40,
    funnel: { codes: 40, redeemed_codes: 3, redemptions: 3, credits_granted: 75, revoked: 0, open: 37 },
  })
  server.addVoucher('AUTUMN-AAAA-1', { campaign: 'cmp_1' })
  server.addVoucher('AUTUMN-BBBB-2', {
    campaign: 'cmp_1',
    state: 'used',
    redemptions: 1,
    redeemed_by: 'ada',
    redeemed_at: '2026-11-23T05:00:00Z',
  })
  return server
}

const codeRow = (id: string) => document.querySelector<HTMLElement>(`tr[data-voucher=${id}]`)

describe('campaigns', () => {
  it('show how far each has come', async () => {
    open(withCampaign(), '/vouchers')
    expect(await screen.findByRole('link', { name: 'Autumn fair' })).toBeTruthy()
    expect(screen.getByText('3 of 40 codes · 8 %')).toBeTruthy()
    expect(screen.getByText('Running')).toBeTruthy()
  })

  it('say a state that a newer server has and this console does not know', async () => {
    const server = withCampaign()
    server.addCampaign('Later', { state: 'paused' as 'running' })
    open(server, '/vouchers')
    expect(await screen.findByText('paused')).toBeTruthy()
    expect(screen.getByText('Running')).toBeTruthy()
  })

  it('name the next step where there is none', async () => {
    open(new ShopServer(), '/vouchers')
    expect(await screen.findByRole('button', { name: 'Make the first campaign' })).toBeTruthy()
  })

  it('make codes with their terms, and go to the new campaign', async () => {
    const { user, server } = open(new ShopServer(), '/vouchers?new=yes')
    const dialog = await screen.findByRole('dialog', { name: 'New campaign' })
    const field = (name: string) => within(dialog).getByRole('textbox', { name })
    await user.type(field('Name'), 'Spring')
    await user.type(field('Credits per redemption'), '25')
    await user.clear(field('How many codes'))
    await user.type(field('How many codes'), '1000')
    await user.type(field('Prefix'), 'spring')
    await user.clear(field('Redemptions per user'))
    await user.type(field('Allowed users'), 'ada, bob')
    await user.click(within(dialog).getByRole('button', { name: 'Make 1,000 codes' }))
    expect(await screen.findByRole('heading', { name: 'Spring' })).toBeTruthy()
    expect(location.pathname).toBe('/console/vouchers/campaigns/cmp_1')
    expect(server.sent('POST', /campaigns$/)[0]?.body).toMatchObject({
      name: 'Spring',
      credits: 25,
      codes: 1000,
      prefix: 'SPRING',
      max_per_code: 1,
      max_per_user: null,
      allowed_users: ['ada', 'bob'],
      welcome: false,
    })
  })

  it('make one word, without a limit per code', async () => {
    const { user, server } = open(new ShopServer(), '/vouchers?new=yes')
    const dialog = await screen.findByRole('dialog', { name: 'New campaign' })
    await user.type(within(dialog).getByRole('textbox', { name: 'Name' }), 'Newsletter')
    await user.type(within(dialog).getByRole('textbox', { name: 'Credits per redemption' }), '10')
    await user.click(within(dialog).getByRole('radio', { name: 'One word' }))
    await user.type(within(dialog).getByRole('textbox', { name: 'Word' }), 'welcome10')
    await user.click(within(dialog).getByRole('button', { name: 'Make campaign' }))
    await screen.findByRole('heading', { name: 'Newsletter' })
    const body = server.sent('POST', /campaigns$/)[0]?.body
    expect(body).toMatchObject({ word: 'WELCOME10', max_per_code: null, max_per_user: 1 })
    expect(body).not.toHaveProperty('codes')
  })

  it('refuse what cannot be, field by field, before anything is sent', async () => {
    const { user, server } = open(new ShopServer(), '/vouchers?new=yes')
    const dialog = await screen.findByRole('dialog', { name: 'New campaign' })
    await user.click(within(dialog).getByRole('switch', { name: /Welcome/ }))
    await user.click(within(dialog).getByRole('button', { name: 'Make 100 codes' }))
    expect(within(dialog).getByText('A name is needed')).toBeTruthy()
    expect(within(dialog).getByText('A welcome campaign has one word, or one code')).toBeTruthy()
    expect(server.sent('POST', /campaigns$/)).toHaveLength(0)
  })

  it('keep the form with what was typed when the server refuses', async () => {
    const server = new ShopServer()
    server.once('POST', /campaigns$/, () => problem(409, 'code_taken', 'Another voucher has this word.'))
    const { user } = open(server, '/vouchers?new=yes')
    const dialog = await screen.findByRole('dialog', { name: 'New campaign' })
    await user.type(within(dialog).getByRole('textbox', { name: 'Name' }), 'N')
    await user.type(within(dialog).getByRole('textbox', { name: 'Credits per redemption' }), '1')
    await user.click(within(dialog).getByRole('button', { name: 'Make 100 codes' }))
    expect(await within(dialog).findByText('Another voucher has this word.')).toBeTruthy()
    expect((within(dialog).getByRole('textbox', { name: 'Name' }) as HTMLInputElement).value).toBe('N')
  })

  it.each([
    ['ada\nbob', ['ada', 'bob']],
    [' ada, bob;ada\r\n\n', ['ada', 'bob']],
    ['', []],
  ])('read a pasted list %j', (text, ids) => expect(idsOf(text)).toEqual(ids))
})

describe('the codes of a campaign', () => {
  it('tell who redeemed which, at once', async () => {
    const server = withCampaign()
    open(server, '/vouchers/campaigns/cmp_1')
    await screen.findByText('AUTUMN-AAAA-1')
    expect(codeRow('vch_2')?.textContent).toContain('ada')
    await settle()
    Object.assign(server.vouchers[0] ?? {}, {
      state: 'used',
      redemptions: 1,
      redeemed_by: 'bob',
      redeemed_at: '2026-11-23T05:10:00Z',
    })
    act(() => server.announceLists('vouchers'))
    await waitFor(() => expect(codeRow('vch_1')?.dataset['state']).toBe('used'))
    expect(codeRow('vch_1')?.textContent).toContain('bob')
  })

  it('are searched by the server, and exported as they are filtered', async () => {
    const { user, server } = open(withCampaign(), '/vouchers/campaigns/cmp_1')
    await user.type(await screen.findByRole('searchbox', { name: 'Search codes' }), 'bbbb')
    await waitFor(() => expect(codeRow('vch_1')).toBeNull())
    expect(
      server
        .sent('GET', /codes$/)
        .at(-1)
        ?.query.get('q'),
    ).toBe('bbbb')
    const link = screen.getByRole('link', { name: 'CSV' }) as HTMLAnchorElement
    expect(new URL(link.href).pathname).toBe('/api/v1/admin/campaigns/cmp_1/codes.csv')
    expect(new URL(link.href).searchParams.get('q')).toBe('bbbb')
  })

  it('are copied, one or all that are shown', async () => {
    const { user } = open(withCampaign(), '/vouchers/campaigns/cmp_1')
    await user.click(await screen.findByRole('button', { name: 'Copy 2 shown' }))
    expect(await navigator.clipboard.readText()).toBe('AUTUMN-AAAA-1\nAUTUMN-BBBB-2')
    await user.click(screen.getByRole('button', { name: 'Copy AUTUMN-BBBB-2' }))
    expect(await navigator.clipboard.readText()).toBe('AUTUMN-BBBB-2')
  })

  it('are revoked, one or the rest', async () => {
    const server = withCampaign()
    server.addVoucher('AUTUMN-CCCC-3', { campaign: 'cmp_1' })
    const { user } = open(server, '/vouchers/campaigns/cmp_1')
    await user.click(await screen.findByRole('button', { name: 'Revoke AUTUMN-AAAA-1' }))
    await screen.findByText('Code revoked')
    await waitFor(() => expect(codeRow('vch_1')?.dataset['state']).toBe('revoked'))
    await user.click(screen.getByRole('button', { name: 'Revoke the rest' }))
    const dialog = await screen.findByRole('dialog', { name: /Revoke the rest of Autumn fair/ })
    await user.click(within(dialog).getByRole('button', { name: 'Revoke the rest' }))
    await screen.findByText('Codes revoked')
    await waitFor(() => expect(codeRow('vch_3')?.dataset['state']).toBe('revoked'))
    expect(codeRow('vch_2')?.dataset['state']).toBe('used')
  })

  it('are for admins only: they are worth credits', async () => {
    const server = withCampaign()
    if (server.operator) server.operator = { ...server.operator, role: 'support' }
    open(server, '/vouchers/campaigns/cmp_1')
    expect(await screen.findByText(/The codes themselves are for admins/)).toBeTruthy()
    expect(server.sent('GET', /codes$/)).toHaveLength(0)
  })
})

describe('single vouchers', () => {
  it('are made for one user', async () => {
    const { user, server } = open(new ShopServer(), '/vouchers/single')
    await user.click(await screen.findByRole('button', { name: 'Make the first voucher' }))
    const dialog = await screen.findByRole('dialog', { name: 'New voucher' })
    await user.type(within(dialog).getByRole('textbox', { name: 'Amount' }), '30')
    await user.type(within(dialog).getByRole('textbox', { name: 'For user' }), 'ada')
    await user.click(within(dialog).getByRole('button', { name: 'Make voucher' }))
    await screen.findByText('Voucher made')
    expect(server.sent('POST', /vouchers$/)[0]?.body).toEqual({
      amount: 30,
      expires_at: null,
      unit: 'credits',
      user_id: 'ada',
    })
    expect(await screen.findByText('NEW1-CODE')).toBeTruthy()
  })

  it('are changed and deleted while nobody used them', async () => {
    const server = new ShopServer()
    server.addVoucher('SORRY30', { amount: 30 })
    server.addVoucher('GONE', {
      state: 'used',
      redemptions: 1,
      redeemed_by: 'ada',
      redeemed_at: '2026-11-23T05:00:00Z',
    })
    const { user } = open(server, '/vouchers/single')
    await user.click(await screen.findByRole('button', { name: 'Edit SORRY30' }))
    expect(screen.queryByRole('button', { name: 'Edit GONE' })).toBeNull()
    const dialog = await screen.findByRole('dialog', { name: 'Edit SORRY30' })
    const amount = within(dialog).getByRole('textbox', { name: 'Amount' })
    await user.clear(amount)
    await user.type(amount, '40')
    await user.click(within(dialog).getByRole('button', { name: 'Save' }))
    await screen.findByText('Voucher saved')
    expect(server.vouchers[0]?.amount).toBe(40)
    await user.click(screen.getByRole('button', { name: 'Delete SORRY30' }))
    await user.click(await screen.findByRole('button', { name: 'Delete' }))
    await screen.findByText('Voucher deleted')
    expect(server.vouchers.map(({ code }) => code)).toEqual(['GONE'])
  })

  it('keep their end to the second when something else is edited', async () => {
    const server = new ShopServer()
    const end = '2099-11-23T05:00:30.123456Z'
    server.addVoucher('SORRY30', { amount: 30, expires_at: end })
    const { user } = open(server, '/vouchers/single')
    const edit = async (label: string, typed: string) => {
      await user.click(await screen.findByRole('button', { name: 'Edit SORRY30' }))
      const dialog = await screen.findByRole('dialog', { name: 'Edit SORRY30' })
      const field = within(dialog).getByLabelText(label)
      await user.clear(field)
      if (typed) await user.type(field, typed)
      await user.click(within(dialog).getByRole('button', { name: 'Save' }))
      await waitFor(() => expect(screen.queryByRole('dialog')).toBeNull())
    }
    await edit('Amount', '40')
    expect(server.vouchers[0]).toMatchObject({ amount: 40, expires_at: end })
    await edit('Redeemable until', '')
    expect(server.vouchers[0]).toMatchObject({ amount: 40, expires_at: null })
  })

  it('say so when somebody was faster', async () => {
    const server = new ShopServer()
    server.addVoucher('SORRY30')
    server.once('DELETE', /vouchers/, () => problem(409, 'voucher_used', 'The voucher has been used.'))
    const { user } = open(server, '/vouchers/single')
    await user.click(await screen.findByRole('button', { name: 'Delete SORRY30' }))
    await user.click(await screen.findByRole('button', { name: 'Delete' }))
    expect(await screen.findByRole('group', { name: 'The voucher has been used.' })).toBeTruthy()
  })
})
