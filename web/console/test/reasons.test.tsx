/** Where the installation wants a reason for every change, each step without a field for one asks first. */
import { screen, waitFor, within } from '@testing-library/react'
import type { UserEvent } from '@testing-library/user-event'
import { describe, expect, it } from 'vitest'
import { open } from './harness'
import { ShopServer } from './shop-server'

function strict(): ShopServer {
  const server = new ShopServer()
  server.requireReason = true
  server.addUser('ada', 100)
  return server
}

/** Says why in the dialogue of that name. */
async function say(user: UserEvent, title: string, reason: string): Promise<void> {
  const dialog = await screen.findByRole('dialog', { name: title })
  await user.type(within(dialog).getByRole('combobox', { name: 'Reason' }), reason)
  await user.click(within(dialog).getByRole('button', { name: 'Go on' }))
  await waitFor(() => expect(screen.queryByRole('dialog', { name: title })).toBeNull())
}

function withOrder(): ShopServer {
  const server = strict()
  server.addPackage('Starter', { credits: 500, price_minor: 900 })
  server.addOrder('ada')
  return server
}

describe('fulfilling', () => {
  it('asks, needs an answer, and sends it', async () => {
    const { user, server } = open(withOrder(), '/orders')
    ;(await screen.findByRole('button', { name: /^Order of ada/ })).focus()
    await user.keyboard('f')
    const dialog = await screen.findByRole('dialog', { name: 'Fulfil the order of ada' })
    const field = within(dialog).getByRole('combobox', { name: 'Reason' })
    await waitFor(() => expect(document.activeElement).toBe(field))
    await user.click(within(dialog).getByRole('button', { name: 'Go on' }))
    expect(within(dialog).getByText('A reason is needed here')).toBeTruthy()
    expect(server.sent('POST', /fulfill$/)).toHaveLength(0)
    await say(user, 'Fulfil the order of ada', 'invoice 9')
    expect(await screen.findByText('Order fulfilled')).toBeTruthy()
    expect(server.sent('POST', /fulfill$/)[0]?.body).toMatchObject({
      fulfilled_by: 'op_1',
      reason: 'invoice 9',
    })
  })

  it('is given up by Escape, and the order waits as before', async () => {
    const { user, server } = open(withOrder(), '/orders')
    await user.click(await screen.findByRole('button', { name: 'Fulfil the order of ada' }))
    await screen.findByRole('dialog', { name: 'Fulfil the order of ada' })
    await user.keyboard('{Escape}')
    await waitFor(() => expect(screen.queryByRole('dialog')).toBeNull())
    expect(server.sent('POST', /fulfill$/)).toHaveLength(0)
    expect(document.querySelector('tr[data-order=ord_1]')?.getAttribute('data-state')).toBe('pending')
  })
})

describe('packages', () => {
  it('are taken off sale, changed and deleted with a reason', async () => {
    const { user, server } = open(withOrder(), '/orders/packages')
    await user.click(await screen.findByRole('switch', { name: 'Starter is on sale' }))
    await say(user, 'Package off sale: Starter', 'sold out')
    await screen.findByText('Package off sale')
    expect(server.sent('PUT', /packages\//)[0]?.body).toMatchObject({ active: false, reason: 'sold out' })
    await user.click(await screen.findByRole('button', { name: 'Edit Starter' }))
    const form = await screen.findByRole('dialog', { name: 'Edit Starter' })
    await user.click(within(form).getByRole('button', { name: 'Save' }))
    await say(user, 'Save the package Starter', 'as it was')
    await screen.findByText('Package saved')
    expect(server.sent('PUT', /packages\//)[1]?.body).toMatchObject({ reason: 'as it was' })
    await user.click(await screen.findByRole('button', { name: 'Edit Starter' }))
    const again = await screen.findByRole('dialog', { name: 'Edit Starter' })
    await user.click(within(again).getByRole('button', { name: 'Delete' }))
    await say(user, 'Delete the package Starter', 'never sold')
    await waitFor(() =>
      expect(server.sent('DELETE', /packages\//)[0]?.query.get('reason')).toBe('never sold'),
    )
  })
})

describe('a user', () => {
  it('is frozen with a reason, and renamed without one', async () => {
    const { user, server } = open(strict(), '/users/ada')
    await user.click(await screen.findByRole('button', { name: 'Edit profile' }))
    await user.type(await screen.findByRole('textbox', { name: 'Name' }), 'Ada')
    await user.click(screen.getByRole('button', { name: 'Save' }))
    await screen.findByText('User saved')
    expect(server.sent('PUT', /users\/ada$/)[0]?.body).toEqual({ name: 'Ada', unit: 'credits' })
    await user.click(await screen.findByRole('button', { name: 'Edit profile' }))
    await user.click(await screen.findByRole('switch', { name: /Frozen/ }))
    await user.click(screen.getByRole('button', { name: 'Save' }))
    await say(user, 'Change Ada', 'chargeback')
    await waitFor(() =>
      expect(server.sent('PUT', /users\/ada$/)[1]?.body).toMatchObject({
        frozen: true,
        reason: 'chargeback',
      }),
    )
  })
})

describe('vouchers', () => {
  it('are made, changed and deleted with a reason', async () => {
    const server = strict()
    server.addVoucher('THANKYOU')
    const { user } = open(server, '/vouchers/single')
    await user.click(await screen.findByRole('button', { name: 'New voucher' }))
    const form = await screen.findByRole('dialog', { name: 'New voucher' })
    await user.type(within(form).getByRole('textbox', { name: 'Amount' }), '25')
    await user.click(within(form).getByRole('button', { name: 'Make voucher' }))
    await say(user, 'Why this voucher?', 'a gift')
    expect(await screen.findByText('Voucher made')).toBeTruthy()
    expect(server.sent('POST', /admin\/vouchers$/)[0]?.body).toMatchObject({ amount: 25, reason: 'a gift' })
    await user.click(await screen.findByRole('button', { name: 'Delete THANKYOU' }))
    const sure = await screen.findByRole('dialog', { name: 'Delete THANKYOU?' })
    await user.click(within(sure).getByRole('button', { name: 'Delete' }))
    await say(user, 'Delete THANKYOU', 'misprinted')
    expect(await screen.findByText('Voucher deleted')).toBeTruthy()
    expect(server.sent('DELETE', /admin\/vouchers\//)[0]?.query.get('reason')).toBe('misprinted')
  })

  it('of a campaign are revoked with a reason', async () => {
    const server = strict()
    server.addCampaign('Autumn fair')
    server.addVoucher('AUTUMN-AAAA-1', { campaign: 'cmp_1' })
    const { user } = open(server, '/vouchers/campaigns/cmp_1')
    await user.click(await screen.findByRole('button', { name: 'Revoke AUTUMN-AAAA-1' }))
    await say(user, 'Revoke AUTUMN-AAAA-1', 'lost')
    await waitFor(() => expect(server.sent('POST', /codes\/[^/]+\/revoke$/)).toHaveLength(1))
    expect(server.sent('POST', /codes\/[^/]+\/revoke$/)[0]?.body).toEqual({ reason: 'lost' })
    await user.click(screen.getByRole('button', { name: 'Revoke the rest' }))
    const sure = await screen.findByRole('dialog', { name: /Revoke the rest of Autumn fair/ })
    await user.click(within(sure).getByRole('button', { name: 'Revoke the rest' }))
    await say(user, 'Revoke the codes of Autumn fair', 'over')
    await waitFor(() => expect(server.sent('POST', /campaigns\/cmp_1\/revoke$/)).toHaveLength(1))
    expect(server.sent('POST', /campaigns\/cmp_1\/revoke$/)[0]?.body).toEqual({ reason: 'over' })
  })
})
