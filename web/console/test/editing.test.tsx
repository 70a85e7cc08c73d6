/** Changing credits in the row: what is shown ahead, what is said after, and what happens when it is refused. */
import { fireEvent, screen, waitFor, within } from '@testing-library/react'
import { describe, expect, it, vi } from 'vitest'
import { balanceOf, edit, open, problem, Server, settle } from './harness'

function withAda(): Server {
  const server = new Server()
  server.addUser('ada', 100, { name: 'Ada' })
  server.addUser('bob', 7)
  return server
}

const shown = async () => (await balanceOf('Ada')).textContent
const phase = () => document.querySelector('tr[data-user=ada]')?.getAttribute('data-phase')

describe('a change that is accepted', () => {
  it('stands at once, pending, and is confirmed with its version', async () => {
    const server = withAda()
    const go = server.holdBack('POST', /adjustments$/)
    const { user } = open(server)
    await edit(user, 'Ada', '+50')
    expect(await shown()).toBe('150')
    expect(phase()).toBe('sending')
    go()
    expect(await screen.findByText('User credits updated successfully')).toBeTruthy()
    expect(phase()).toBe('confirmed')
    expect(screen.getByText('v2')).toBeTruthy()
    expect(await shown()).toBe('150')
  })

  it('never counts twice when the push comes before the answer', async () => {
    const server = withAda()
    const seen: (string | null)[] = []
    const { user } = open(server)
    await balanceOf('Ada')
    const watcher = new MutationObserver(() => {
      const number = document.querySelector('tr[data-user=ada] .balance-number')
      if (number) seen.push(number.textContent)
    })
    watcher.observe(document.body, { subtree: true, childList: true, characterData: true })
    await edit(user, 'Ada', '+50')
    await screen.findByText('User credits updated successfully')
    watcher.disconnect()
    expect(seen).toContain('150')
    expect(seen.filter((text) => text !== '100' && text !== '150')).toEqual([])
  })

  it.each([
    ['+50', 'POST', /adjustments$/, { amount: 50 }],
    ['-30', 'POST', /adjustments$/, { amount: -30 }],
    ['=200', 'PUT', /users\/ada\/credits$/, { credits: 200 }],
    ['200', 'PUT', /users\/ada\/credits$/, { credits: 200 }],
  ])('sends %s with its reason and a key', async (change, method, path, body) => {
    const { user, server } = open(withAda())
    await edit(user, 'Ada', change, 'double booking')
    await screen.findByText('User credits updated successfully')
    const [request] = server.sent(method, path)
    expect(request?.body).toEqual({ ...body, unit: 'credits', reason: 'double booking', receipt: true })
    expect(request?.headers.get('idempotency-key')).toMatch(/^.{32,}$/)
  })

  it('guards a set with the version that the operator saw', async () => {
    const { user, server } = open(withAda())
    await edit(user, 'Ada', '=200')
    await screen.findByText('User credits updated successfully')
    expect(server.sent('PUT', /credits$/)[0]?.headers.get('if-match')).toBe('"1"')
  })

  it('writes the original log line and tells the other components', async () => {
    const log = vi.spyOn(console, 'log').mockImplementation(() => {})
    const { user } = open(withAda())
    await edit(user, 'Ada', '+1')
    await screen.findByText('User credits updated successfully')
    expect(log).toHaveBeenCalledWith('📢 Broadcasting credit update for user ada')
  })

  it('can be undone from the toast', async () => {
    const { user, server } = open(withAda())
    await edit(user, 'Ada', '+50')
    await user.click(await screen.findByRole('button', { name: 'Undo' }))
    expect(await screen.findByText('Change reversed')).toBeTruthy()
    expect(await shown()).toBe('100')
    expect(server.sent('POST', /entries\/ent_1\/reverse$/)).toHaveLength(1)
  })

  it('is as right without a live line', async () => {
    const server = withAda()
    server.pushesPaused = true
    const { user } = open(server)
    await edit(user, 'Ada', '+50')
    await screen.findByText('User credits updated successfully')
    expect(await shown()).toBe('150')
  })
})

describe('a change that is refused', () => {
  it('puts the old value back and says why, in the server’s words', async () => {
    const server = withAda()
    server.once('POST', /adjustments$/, () =>
      problem(402, 'insufficient_credits', '500 credits are needed, 100 are there.'),
    )
    const { user } = open(server)
    await edit(user, 'Ada', '-500')
    const toast = await screen.findByRole('group', { name: '500 credits are needed, 100 are there.' })
    expect(within(toast).getByRole('button', { name: 'Copy req_7f3e' })).toBeTruthy()
    expect(await shown()).toBe('100')
    expect(phase()).toBe('refused')
  })

  it('says the agreed sentence where the server gave none', async () => {
    const server = withAda()
    server.once('POST', /adjustments$/, () => new Response('<h1>Forbidden</h1>', { status: 403 }))
    const { user } = open(server)
    await edit(user, 'Ada', '+5')
    expect(await screen.findByRole('group', { name: 'Failed to update user credits' })).toBeTruthy()
    expect(await shown()).toBe('100')
  })

  it('is sent again with the same key while nobody knows whether it was booked', async () => {
    const server = withAda()
    server.once('POST', /adjustments$/, () => problem(503, 'outcome_unknown', 'Try again.'))
    const { user } = open(server)
    await edit(user, 'Ada', '+5')
    await screen.findByText('User credits updated successfully')
    const keys = server.sent('POST', /adjustments$/).map(({ headers }) => headers.get('idempotency-key'))
    expect(keys).toHaveLength(2)
    expect(new Set(keys).size).toBe(1)
  })
})

describe('a balance that moved since the edit was begun', () => {
  async function untilConflict() {
    const server = withAda()
    const opened = open(server)
    await balanceOf('Ada')
    await settle()
    await opened.user.click(await balanceOf('Ada'))
    server.someoneChanges('ada', 30)
    await settle()
    await opened.user.type(screen.getByRole('textbox', { name: 'Change' }), '=200')
    await opened.user.tab()
    await opened.user.keyboard('by hand{Enter}')
    const dialog = await screen.findByRole('dialog', { name: /changed meanwhile/ })
    return { ...opened, server, dialog }
  }

  it('shows both values and applies nothing by itself', async () => {
    const { dialog, server } = await untilConflict()
    expect(within(dialog).getByText('100')).toBeTruthy()
    expect(within(dialog).getByText('130')).toBeTruthy()
    expect(within(dialog).getByText('200')).toBeTruthy()
    expect(server.users.get('ada')?.credits).toBe(130)
    expect(phase()).toBeNull()
  })

  it('applies anyway, guarded by the version that was shown', async () => {
    const { dialog, server, user } = await untilConflict()
    await user.click(within(dialog).getByRole('button', { name: 'Apply anyway' }))
    await screen.findByText('User credits updated successfully')
    expect(server.users.get('ada')?.credits).toBe(200)
    expect(
      server
        .sent('PUT', /credits$/)
        .at(-1)
        ?.headers.get('if-match'),
    ).toBe('"2"')
  })

  it('reloads and leaves the other one’s value', async () => {
    const { dialog, server, user } = await untilConflict()
    await user.click(within(dialog).getByRole('button', { name: 'Reload' }))
    await waitFor(() => expect(screen.queryByRole('dialog')).toBeNull())
    expect(server.users.get('ada')?.credits).toBe(130)
    expect(await shown()).toBe('130')
  })
})

describe('by keyboard', () => {
  it('walks the balances, edits with F2, leaves with Esc, and keeps the focus', async () => {
    const { user } = open(withAda())
    ;(await balanceOf('Ada')).focus()
    await user.keyboard('{ArrowDown}')
    expect(document.activeElement).toBe(await balanceOf('bob'))
    await user.keyboard('{ArrowUp}{F2}')
    expect(document.activeElement).toBe(screen.getByRole('textbox', { name: 'Change' }))
    await user.keyboard('+5{Escape}')
    expect(screen.queryByRole('textbox', { name: 'Change' })).toBeNull()
    await waitFor(async () => expect(document.activeElement).toBe(await balanceOf('Ada')))
    expect(await shown()).toBe('100')
  })

  it('asks for the reason before it sends anything', async () => {
    const { user, server } = open(withAda())
    await user.click(await balanceOf('Ada'))
    await user.keyboard('+5{Enter}')
    expect(document.activeElement).toBe(screen.getByRole('combobox', { name: 'Reason' }))
    expect(screen.getByText('A reason is needed')).toBeTruthy()
    expect(server.sent('POST', /adjustments$/)).toHaveLength(0)
  })

  it('picks a usual reason', async () => {
    const { user, server } = open(withAda())
    await user.click(await balanceOf('Ada'))
    await user.keyboard('+5')
    await user.tab()
    await user.keyboard('{ArrowDown}{Enter}')
    await user.keyboard('{Enter}')
    await screen.findByText('User credits updated successfully')
    expect(server.sent('POST', /adjustments$/)[0]?.body?.['reason']).toBe('Goodwill')
  })

  it('names what is wrong with the amount, and shows what the edit would leave', async () => {
    const { user } = open(withAda())
    await user.click(await balanceOf('Ada'))
    await user.keyboard('=100')
    await user.keyboard('{Enter}')
    expect(screen.getByText('It is 100 already')).toBeTruthy()
    const field = screen.getByRole('textbox', { name: 'Change' })
    await user.clear(field)
    await user.type(field, '-40')
    expect(screen.getByRole('form', { name: 'Change the credits of Ada' }).textContent).toContain('60')
  })
})

it('keeps what was typed while the row is scrolled out of sight', async () => {
  vi.spyOn(HTMLElement.prototype, 'offsetHeight', 'get').mockReturnValue(53)
  const server = withAda()
  for (let at = 0; at < 150; at += 1) server.addUser(`user-${String(at).padStart(3, '0')}`, at)
  const { user } = open(server, '/users?size=200')
  await user.click(await balanceOf('Ada'))
  await user.keyboard('+77')
  const field = screen.getByRole('textbox', { name: 'Change' })
  vi.spyOn(window, 'scrollY', 'get').mockReturnValue(5000)
  fireEvent.scroll(window)
  await balanceOf('user-100')
  expect(screen.queryByText('bob')).toBeNull()
  expect(field.isConnected).toBe(true)
  expect((field as HTMLInputElement).value).toBe('+77')
})

it('keeps changes of two users apart', async () => {
  const server = withAda()
  const go = server.holdBack('POST', /users\/ada\/adjustments$/)
  const { user } = open(server)
  await edit(user, 'Ada', '+50')
  await edit(user, 'bob', '+1')
  await screen.findByText(/bob · 7 → 8/, { selector: 'p' })
  expect(await shown()).toBe('150')
  expect(phase()).toBe('sending')
  go()
  await screen.findByText(/Ada · 100 → 150/, { selector: 'p' })
  expect((await balanceOf('bob')).textContent).toBe('8')
})

it('does not take a second change while the first is on its way', async () => {
  const server = withAda()
  const go = server.holdBack('POST', /adjustments$/)
  const { user } = open(server)
  await edit(user, 'Ada', '+50')
  await user.click(await balanceOf('Ada'))
  expect(screen.queryByRole('textbox', { name: 'Change' })).toBeNull()
  go()
  await screen.findByText('User credits updated successfully')
})
