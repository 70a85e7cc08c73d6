/** What all list screens share: the offer of what is new, the way back from a page that is gone, a named user. */
import { screen } from '@testing-library/react'
import { expect, it } from 'vitest'
import { open } from './harness'
import { Server } from './server'
import { ShopServer } from './shop-server'

const ROW = {
  id: 'aud_1',
  at: '2026-11-23T05:36:21.123456Z',
  actor: 'operator:op_1',
  action: 'credits.set',
  target: 'ada',
  reason: 'goodwill',
  before: null,
  after: null,
  address: null,
  request_id: null,
  details: null,
}

it('leads from a page whose rows are gone to the first one, and does not call the list empty', async () => {
  const { user, server } = open(new Server(), '/users?q=ada&after=9')
  expect(await screen.findByText('Nothing on this page any more')).toBeTruthy()
  server.addUser('ada', 5)
  await user.click(screen.getByRole('button', { name: 'Go to the first page' }))
  expect(await screen.findByRole('link', { name: /ada/ })).toBeTruthy()
  expect(location.search).toBe('?q=ada')
})

it('says whose vouchers are shown, and leads back to everybody’s', async () => {
  const server = new ShopServer()
  server.addVoucher('GIFT-1', { user_id: 'ada' })
  const { user } = open(server, '/vouchers/single?user=ada')
  await user.click(await screen.findByRole('button', { name: /Only\sada: show everybody’s/ }))
  expect(location.search).toBe('')
  expect(
    server
      .sent('GET', /^admin\/vouchers$/)
      .at(-1)
      ?.query.get('user'),
  ).toBeNull()
})

it('offers nothing where only rows came that the list leaves out', async () => {
  const server = new Server()
  server.audit = [ROW]
  open(server, '/audit')
  await screen.findByText('goodwill')
  server.audit = [{ ...ROW, id: 'aud_2', action: 'user.broadcast' }, ROW]
  server.announceLists('audit')
  const before = server.sent('GET', /^admin\/audit$/).length
  await expect.poll(() => server.sent('GET', /^admin\/audit$/).length).toBeGreaterThan(before)
  expect(screen.queryByRole('button', { name: /show$/ })).toBeNull()
  server.audit = [{ ...ROW, id: 'aud_3', reason: 'refund' }, ...server.audit]
  server.announceLists('audit')
  expect(await screen.findByRole('button', { name: '1 new row: show' })).toBeTruthy()
})
