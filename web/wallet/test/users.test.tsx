/** The users page, written on the nine names: set, refresh, broadcast; on failure a toast and the old value. */
import { cleanup, render, screen } from '@testing-library/react'
import userEvent from '@testing-library/user-event'
import { afterEach, expect, it, vi } from 'vitest'
import creditDisplay from '../src/CreditDisplay.tsx?raw'
import ordersDesk from '../src/OrdersDesk.tsx?raw'
import { UsersPage } from '../src/UsersPage'
import usersPage from '../src/UsersPage.tsx?raw'
import voucherList from '../src/VoucherList.tsx?raw'
import { FakeStore, fakeBackend, Stage } from './fakes'

const USERS = {
  status: 200,
  body: { items: [{ id: 'ada', name: 'Ada Byron', plan: 'Pro', credits: 1240 }] },
}

afterEach(() => {
  cleanup()
  vi.unstubAllGlobals()
})

async function typeCredits(text: string) {
  const field = await screen.findByLabelText<HTMLInputElement>('Credits of Ada Byron')
  await userEvent.click(field)
  await userEvent.clear(field)
  await userEvent.type(field, `${text}{Enter}`)
  return field
}

it('sets, refreshes the current user, broadcasts and says so', async () => {
  const store = new FakeStore()
  const asked = fakeBackend({
    'GET api/users': USERS,
    'PUT api/users/ada/credits': { status: 200, body: { credits: 1300 } },
  })
  render(<UsersPage />, { wrapper: ({ children }) => <Stage store={store}>{children}</Stage> })
  await typeCredits('1300')
  expect((await screen.findByTestId('toast')).textContent).toContain('User credits updated successfully')
  expect(asked).toContainEqual({ method: 'PUT', path: 'api/users/ada/credits', body: { credits: 1300 } })
  expect(store.asked).toEqual(['refresh true', 'broadcast ada'])
})

it('shows the reason of a refusal and puts the old value back', async () => {
  const store = new FakeStore()
  const detail = 'The balance may not fall below 0.'
  fakeBackend({ 'GET api/users': USERS, 'PUT api/users/ada/credits': { status: 402, body: { detail } } })
  render(<UsersPage />, { wrapper: ({ children }) => <Stage store={store}>{children}</Stage> })
  const field = await typeCredits('-5')
  expect((await screen.findByTestId('toast')).textContent).toContain(detail)
  expect(field.value.replace(/\D/g, '')).toBe('1240')
  expect(store.asked).toEqual([])
})

it('falls back to the sentence of the original where the answer gives no reason', async () => {
  fakeBackend({ 'GET api/users': USERS, 'PUT api/users/ada/credits': { status: 500, body: { detail: '' } } })
  render(<UsersPage />, { wrapper: ({ children }) => <Stage store={new FakeStore()}>{children}</Stage> })
  await typeCredits('7')
  expect((await screen.findByTestId('toast')).textContent).toContain('Failed to update user credits')
})

it('sends nothing for what is no whole number', async () => {
  const asked = fakeBackend({ 'GET api/users': USERS })
  render(<UsersPage />, { wrapper: ({ children }) => <Stage store={new FakeStore()}>{children}</Stage> })
  await typeCredits('12.5')
  expect(asked.filter(({ method }) => method === 'PUT')).toEqual([])
})

it.each([
  ['UsersPage', usersPage],
  ['CreditDisplay', creditDisplay],
  ['OrdersDesk', ordersDesk],
  ['VoucherList', voucherList],
])('%s takes nothing of the SDK but the nine names', (_name, source) => {
  const imported = [...source.matchAll(/import (.*) from 'livecredits[^']*'/g)].map((match) => match[1])
  expect(imported).toEqual(['{ type CreditContextType, useCredits }'])
  const calls = source.match(/useCredits\(\)/g) ?? []
  const typed = source.match(/}: CreditContextType =\s+useCredits\(\)/g) ?? []
  expect(typed).toHaveLength(calls.length)
})
