/** The Users screen: finding somebody, and watching what others do to their balances. */
import { screen, waitFor, within } from '@testing-library/react'
import { expect, it } from 'vitest'
import { ADMIN, balanceOf, edit, open, problem, Server, settle } from './harness'

function withTwo(): Server {
  const server = new Server()
  server.addUser('ada', 1200, { name: 'Ada Lovelace', email: 'ada@example.com' })
  server.addUser('bob', -5, { screens: 2 })
  return server
}

const names = () =>
  screen.getAllByRole('link').flatMap((link) => (link.className === 'row-link' ? [link.textContent] : []))

it('shows who holds what, in the reader’s own way of writing numbers', async () => {
  open(withTwo())
  expect((await balanceOf('Ada Lovelace')).textContent).toBe('1,200')
  expect((await balanceOf('bob')).textContent).toBe('−5')
  expect(screen.getByTitle('2 connected screens')).toBeTruthy()
})

it('shows no amount before it knows how many decimal places there are', async () => {
  const server = new Server()
  server.addUser('ada', 1250)
  server.units = [{ name: 'credits', scale: 2 }]
  const letGo = server.holdBack('GET', /^admin\/units$/)
  open(server)
  await waitFor(() => expect(server.sent('GET', /^admin\/units$/)).toHaveLength(1))
  await settle()
  expect(screen.queryByText('1,250')).toBeNull()
  letGo()
  expect(await screen.findByText('12.50')).toBeTruthy()
})

it('finds as somebody types, and keeps the search in the address', async () => {
  const { user, server } = open(withTwo())
  await balanceOf('bob')
  await user.type(screen.getByRole('searchbox', { name: 'Search users' }), 'love')
  await waitFor(() => expect(names()).toEqual(['Ada Lovelace']))
  expect(location.search).toBe('?q=love')
  expect(server.requests.at(-1)?.query.get('q')).toBe('love')
})

it('opens an address with its search, sort and filter', async () => {
  const { server } = open(withTwo(), '/users?q=ada&sort=-credits&show=frozen')
  expect(await screen.findByText('Nobody matches “ada”')).toBeTruthy()
  const asked = server.sent('GET', /^admin\/users$/)[0]
  expect(Object.fromEntries(asked?.query ?? [])).toMatchObject({ q: 'ada', sort: '-credits', frozen: 'true' })
})

it('names the way out of an empty search', async () => {
  const { user } = open(withTwo(), '/users?q=nobody')
  await user.click(await screen.findByRole('button', { name: 'Show all users' }))
  await balanceOf('bob')
  expect((screen.getByRole('searchbox') as HTMLInputElement).value).toBe('')
})

it('sorts by a heading and says so', async () => {
  const { user } = open(withTwo())
  await balanceOf('bob')
  await user.click(screen.getByRole('button', { name: 'Credits' }))
  await user.click(screen.getByRole('button', { name: 'Credits' }))
  expect(screen.getByRole('columnheader', { name: 'Credits' }).getAttribute('aria-sort')).toBe('descending')
  expect(location.search).toBe('?sort=-credits')
})

it('names the next step where there is nobody yet', async () => {
  const { user, server } = open(new Server())
  await user.click(await screen.findByRole('button', { name: 'Add the first user' }))
  server.addUser('carl', 0)
  await user.type(await screen.findByLabelText(/User id/), 'carl')
  await user.keyboard('{Enter}')
  await waitFor(() => expect(location.pathname).toBe('/console/users/carl'))
  expect(server.sent('PUT', /users\/carl$/)).toHaveLength(1)
})

it('shows a change by somebody else at once, flashes it, and says it', async () => {
  const { server } = open(withTwo())
  await balanceOf('bob')
  await settle()
  server.someoneChanges('bob', 105)
  await waitFor(async () => expect((await balanceOf('bob')).textContent).toBe('100'))
  expect((await balanceOf('bob')).querySelector('[data-flash]')).toBeTruthy()
  await waitFor(() => expect(document.querySelector('[data-announcer]')?.textContent).toContain('bob: 100'))
})

it('flashes once, not again when an edit is left', async () => {
  const { user, server } = open(withTwo())
  await balanceOf('bob')
  await settle()
  server.someoneChanges('bob', 5)
  await waitFor(async () => expect((await balanceOf('bob')).querySelector('[data-flash]')).toBeTruthy())
  await user.click(await balanceOf('bob'))
  await user.keyboard('{Escape}')
  expect((await balanceOf('bob')).querySelector('[data-flash]')).toBeNull()
})

it('does not flash for a change of one’s own', async () => {
  const { user } = open(withTwo())
  await edit(user, 'bob', '+10')
  await screen.findByText('User credits updated successfully')
  expect((await balanceOf('bob')).querySelector('[data-flash]')).toBeNull()
})

it('keeps rows where they are until asked for the new order', async () => {
  const { user, server } = open(withTwo(), '/users?sort=-credits')
  await balanceOf('bob')
  server.someoneChanges('bob', 9000)
  server.announceLists('users')
  const show = await screen.findByRole('button', { name: /list has changed/ })
  expect(names()).toEqual(['Ada Lovelace', 'bob'])
  expect((await balanceOf('bob')).textContent).toBe('8,995')
  await user.click(show)
  expect(names()).toEqual(['bob', 'Ada Lovelace'])
})

it('says what failed, with what support needs, and tries again', async () => {
  const server = withTwo()
  server.once('GET', /^admin\/users$/, () => problem(403, 'forbidden', 'You may not read users.'))
  const { user } = open(server)
  const panel = await screen.findByRole('region', { name: 'The users could not be read' })
  expect(within(panel).getByText('You may not read users.')).toBeTruthy()
  expect(within(panel).getByRole('button', { name: 'Copy req_7f3e' })).toBeTruthy()
  await user.click(within(panel).getByRole('button', { name: 'Try again' }))
  await balanceOf('bob')
})

it('lets a viewer look, and offers no change', async () => {
  const server = withTwo()
  server.operator = { ...ADMIN, role: 'viewer' }
  open(server)
  expect(await screen.findByText('1,200')).toBeTruthy()
  expect(screen.queryByRole('button', { name: /change the credits/ })).toBeNull()
  expect(screen.queryByRole('button', { name: 'Add user' })).toBeNull()
})

it('says that it is offline, and takes no changes until it is back', async () => {
  open(withTwo())
  await balanceOf('bob')
  const online = { value: false }
  Object.defineProperty(navigator, 'onLine', { configurable: true, get: () => online.value })
  window.dispatchEvent(new Event('offline'))
  expect(await screen.findByText(/You are offline/)).toBeTruthy()
  expect(screen.queryByRole('button', { name: /change the credits/ })).toBeNull()
  online.value = true
  window.dispatchEvent(new Event('online'))
  await balanceOf('bob')
})
