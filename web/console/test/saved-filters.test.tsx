/** Saved filters: named once, chosen again, each operator's own. */
import { screen, waitFor, within } from '@testing-library/react'
import { expect, it } from 'vitest'
import { filterIn } from '../src/saved-filters'
import { ADMIN, balanceOf, open, Server } from './harness'
import { ShopServer } from './shop-server'

function withTwo(): Server {
  const server = new Server()
  server.addUser('ada', 100, { name: 'Ada' })
  server.addUser('bob', 7, { frozen: true })
  return server
}

const opener = (name?: string) =>
  screen.findByRole('button', { name: name ? `Saved filters: ${name}` : /^Saved filters/ })
const dialog = () => screen.findByRole('dialog', { name: /^Saved filters/ })

it('keeps the filter in the address under a name, without the page, and goes back to it', async () => {
  const { user } = open(withTwo(), '/users?show=frozen&q=b&after=0')
  await user.click(await opener())
  await user.type(within(await dialog()).getByLabelText('Save this filter as'), 'Frozen ones{Enter}')
  await opener('Frozen ones')
  await user.click(await screen.findByRole('radio', { name: 'All' }))
  await user.clear(screen.getByRole('searchbox'))
  await balanceOf('Ada')
  await user.click(await opener())
  await user.click(within(await dialog()).getByRole('button', { name: 'Frozen ones' }))
  await waitFor(() => expect(location.search).toBe('?q=b&show=frozen'))
  expect((screen.getByRole('searchbox') as HTMLInputElement).value).toBe('b')
  await waitFor(() => expect(screen.queryByText('Ada')).toBeNull())
})

it('says what to do while there is none, and drops one', async () => {
  localStorage.setItem('livecredits:filters:op_1:users', JSON.stringify([{ name: 'Low', query: 'show=low' }]))
  const { user } = open(withTwo())
  await user.click(await opener())
  await user.click(within(await dialog()).getByRole('button', { name: 'Delete the filter Low' }))
  expect(await screen.findByText(/No filter is saved yet/)).toBeTruthy()
  expect(screen.queryByLabelText('Save this filter as')).toBeNull()
})

it('shows nobody else’s, and survives what it cannot read', async () => {
  localStorage.setItem('livecredits:filters:op_2:users', JSON.stringify([{ name: 'Hers', query: 'q=x' }]))
  localStorage.setItem('livecredits:filters:op_1:users', '{"no": "list"}')
  const server = withTwo()
  server.operator = { ...ADMIN, role: 'viewer' }
  const { user } = open(server)
  await user.click(await opener())
  expect(within(await dialog()).getByText(/No filter is saved yet/)).toBeTruthy()
})

it('tells two equal filters as one', () => {
  expect(filterIn('?show=low&q=ada&after=x')).toBe(filterIn('q=ada&show=low&before=y'))
  expect(filterIn('?after=x')).toBe('')
})

it('stands on the audit as well', async () => {
  const { user } = open(withTwo(), '/audit?actor=operator%3Aop_1')
  await user.click(await opener())
  await user.type(within(await dialog()).getByLabelText('Save this filter as'), 'Mine{Enter}')
  expect(await opener('Mine')).toBeTruthy()
  expect(localStorage.getItem('livecredits:filters:op_1:audit')).toContain('actor=operator%3Aop_1')
})

it('stands on the orders, without the order that is open', async () => {
  const server = new ShopServer()
  server.addUser('ada', 100)
  server.addPackage('Starter', { credits: 500, price_minor: 900 })
  server.addOrder('ada')
  const { user } = open(server, '/orders?state=all&user=ada&order=ord_1')
  await user.click(await opener())
  await user.type(within(await dialog()).getByLabelText('Save this filter as'), 'Of Ada{Enter}')
  expect(await opener('Of Ada')).toBeTruthy()
  expect(localStorage.getItem('livecredits:filters:op_1:orders')).toBe(
    JSON.stringify([{ name: 'Of Ada', query: 'state=all&user=ada' }]),
  )
})

it('stands on the vouchers', async () => {
  localStorage.setItem(
    'livecredits:filters:op_1:vouchers',
    JSON.stringify([{ name: 'Waiting', query: 'state=open' }]),
  )
  const { user } = open(new ShopServer(), '/vouchers/single')
  await user.click(await opener())
  await user.click(within(await dialog()).getByRole('button', { name: 'Waiting' }))
  await waitFor(() => expect(location.search).toBe('?state=open'))
})
