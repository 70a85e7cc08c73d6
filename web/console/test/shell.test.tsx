/** The frame: palette, shortcuts, theme, the state of the line, unknown addresses. */
import { act, screen, waitFor, within } from '@testing-library/react'
import { expect, it, onTestFinished, vi } from 'vitest'
import { balanceOf, open, Server } from './harness'
import { ShopServer } from './shop-server'

/** So long the SDK waits for a line before it calls its numbers old, and between two tries. */
const STALE_MS = 11_000
const LONGEST_WAIT_MS = 41_000
const FIND = 'Find a user, an order, a voucher or a screen'

function withAda(): Server {
  const server = new Server()
  server.addUser('ada', 100, { name: 'Ada Lovelace' })
  server.addUser('bob', 7)
  return server
}

it('finds users and screens by Ctrl+K', async () => {
  const { user } = open(withAda())
  await balanceOf('bob')
  await user.keyboard('{Control>}k{/Control}')
  const field = await screen.findByLabelText(FIND)
  await user.type(field, 'love{Enter}')
  await waitFor(() => expect(location.pathname).toBe('/console/users/ada'))
})

it('finds orders and vouchers by Ctrl+K, and leads to them', async () => {
  const server = new ShopServer()
  server.addUser('ada', 100)
  server.addPackage('Series')
  server.addOrder('ada', { purchase_reference: 'PO-77' })
  const { code } = server.addVoucher('C86N-NDTG')
  const { user } = open(server)
  await balanceOf('ada')
  await user.keyboard('{Control>}k{/Control}')
  await user.type(await screen.findByLabelText(FIND), 'PO-77')
  await user.click(await screen.findByRole('button', { name: /Series for ada/ }))
  await waitFor(() => expect(location.search).toBe('?state=all&q=ord_1'))
  await user.keyboard('{Control>}k{/Control}')
  await user.type(await screen.findByLabelText(FIND), code)
  await user.click(await screen.findByRole('button', { name: new RegExp(`^${code}`) }))
  await waitFor(() => expect(location.pathname + location.search).toBe(`/console/vouchers/single?q=${code}`))
})

it('does by Ctrl+K what can be done from anywhere', async () => {
  const { user } = open(withAda())
  await balanceOf('bob')
  await user.keyboard('{Control>}k{/Control}')
  await user.type(await screen.findByLabelText(FIND), 'dark')
  await user.click(await screen.findByRole('button', { name: 'Dark colours' }))
  expect(localStorage.getItem('mantine-color-scheme-value')).toBe('dark')
  await user.keyboard('{Control>}k{/Control}')
  await user.type(await screen.findByLabelText(FIND), 'add us{Enter}')
  expect(await screen.findByRole('dialog', { name: /user/i })).toBeTruthy()
  await waitFor(() => expect(location.search).toBe('?new=yes'))
})

it('keeps for the palette what is typed before its field is there', async () => {
  const { user } = open(withAda())
  await balanceOf('bob')
  await user.keyboard('{Control>}k{/Control}gab{Backspace}')
  expect(location.pathname).toBe('/console/users')
  const field = (await screen.findByLabelText(FIND)) as HTMLInputElement
  await waitFor(() => expect(document.activeElement).toBe(field))
  expect(field.value).toBe('ga')
  await user.keyboard('{Escape}')
  await waitFor(() => expect(screen.queryByLabelText(FIND)).toBeNull())
  await user.keyboard('{Control>}k{/Control}love{Enter}')
  await waitFor(() => expect(location.pathname).toBe('/console/users/ada'))
})

it('goes by g and a letter, and shows all keys by ?', async () => {
  const { user } = open(withAda())
  await balanceOf('bob')
  await user.keyboard('ga')
  await waitFor(() => expect(location.pathname).toBe('/console/audit'))
  await user.keyboard('?')
  const help = await screen.findByRole('dialog', { name: 'Keyboard shortcuts' })
  expect(within(help).getByText('Leave everything as it was')).toBeTruthy()
})

it('takes keys typed into a field as text', async () => {
  const { user } = open(withAda())
  await balanceOf('bob')
  await user.keyboard('/')
  await user.keyboard('ga?')
  expect((screen.getByRole('searchbox') as HTMLInputElement).value).toBe('ga?')
  expect(location.pathname).toBe('/console/users')
})

it('says that it is live, and that it reconnects when the line is cut', async () => {
  const { server } = open(withAda())
  await balanceOf('bob')
  const status = () => document.querySelector('.side .line')?.textContent
  await waitFor(() => expect(status()).toBe('Live'))
  server.cutTheLine()
  await waitFor(() => expect(status()).toBe('Reconnecting'))
  await waitFor(() => expect(status()).toBe('Live'), { timeout: 4000 })
})

it('says above the numbers that they may be old, while the server does not answer', async () => {
  vi.useFakeTimers({ shouldAdvanceTime: true })
  onTestFinished(() => void vi.useRealTimers())
  const { server } = open(withAda())
  await balanceOf('bob')
  await waitFor(() => expect(document.querySelector('.side .line')?.textContent).toBe('Live'))
  expect(screen.queryByRole('region', { name: 'Not live' })).toBeNull()
  server.isGone = true
  server.cutTheLine()
  await act(() => vi.advanceTimersByTimeAsync(STALE_MS))
  expect(screen.getByRole('region', { name: 'Not live' }).textContent).toMatch(
    /^Not live since .*\. The numbers may be old/,
  )
  server.isGone = false
  await act(() => vi.advanceTimersByTimeAsync(LONGEST_WAIT_MS))
  expect(screen.queryByRole('region', { name: 'Not live' })).toBeNull()
})

it('changes colours and remembers', async () => {
  const { user } = open(withAda())
  await user.click(await screen.findByRole('button', { name: /Colours: as the system/ }))
  await user.click(screen.getByRole('button', { name: /Colours: light/ }))
  expect(document.documentElement.getAttribute('data-mantine-color-scheme')).toBe('dark')
  expect(localStorage.getItem('mantine-color-scheme-value')).toBe('dark')
})

it('has exactly one live region', async () => {
  open(withAda())
  await balanceOf('bob')
  expect(document.querySelectorAll('[aria-live], [role=status], [role=alert], output')).toHaveLength(1)
})

it('says so at an address that no screen has', async () => {
  open(withAda(), '/nowhere')
  expect(await screen.findByText('There is nothing at this address')).toBeTruthy()
  expect(screen.getByRole('link', { name: 'Go to Users' }).getAttribute('href')).toBe('/console/users')
})

it('keeps the frame when a screen breaks, and another screen opens', async () => {
  const server = new ShopServer()
  server.addUser('ada', 100)
  server.addCampaign('Torn', { funnel: undefined as never })
  vi.spyOn(console, 'error').mockImplementation(() => {})
  const { user } = open(server, '/vouchers')
  const told = await screen.findByRole('region', { name: 'This screen cannot be shown' })
  expect(within(told).getByRole('button', { name: 'Copy details' })).toBeTruthy()
  await user.click(within(screen.getByRole('navigation')).getByRole('link', { name: 'Users' }))
  await balanceOf('ada')
  expect(screen.queryByRole('region', { name: 'This screen cannot be shown' })).toBeNull()
})
