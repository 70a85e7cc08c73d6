/** Selecting users and changing them all: ticks, ranges, pages, everybody who matches; and the change itself. */
import { act, screen, waitFor, within } from '@testing-library/react'
import type { UserEvent } from '@testing-library/user-event'
import { afterEach, describe, expect, it } from 'vitest'
import { forgetHandedOver } from '../src/bulk/handover'
import { forgetRuns } from '../src/bulk/kept'
import { forgetRunning } from '../src/bulk/running'
import { selectNobody } from '../src/selection'
import { ADMIN, open, problem } from './harness'
import { ShopServer } from './shop-server'

afterEach(async () => {
  act(selectNobody)
  forgetHandedOver()
  forgetRunning()
  await forgetRuns()
})

function withUsers(count: number): ShopServer {
  const server = new ShopServer()
  for (let at = 1; at <= count; at += 1) server.addUser(`user-${String(at).padStart(3, '0')}`, 10)
  return server
}

const tick = (id: string) => screen.findByRole<HTMLInputElement>('checkbox', { name: `Select ${id}` })
const bar = () => screen.findByRole('region', { name: 'Selected users' })
const ticked = () => document.querySelectorAll('tr[data-selected]').length

async function fillIn(user: UserEvent, amount: string, more: Record<string, string> = {}): Promise<void> {
  await user.click(within(await bar()).getByRole('button', { name: /Change credits/ }))
  const form = await screen.findByRole('dialog', { name: /^Change/ })
  if (more['op']) await user.click(within(form).getByRole('radio', { name: more['op'] }))
  await user.type(within(form).getByLabelText(/^Amount for each/), amount)
  if (more['expires']) await user.type(within(form).getByLabelText('Expires'), more['expires'])
  if (more['label']) await user.type(within(form).getByLabelText(/^Label for users/), more['label'])
  await user.type(within(form).getByRole('combobox', { name: 'Reason' }), more['reason'] ?? 'Goodwill')
  await user.click(within(form).getByRole('button', { name: 'See what it would do' }))
}

const batches = (server: ShopServer, dry: boolean) =>
  server.sent('POST', /batches$/).filter(({ body }) => body?.['dry_run'] === dry)
const rowsOf = (server: ShopServer, dry: boolean) =>
  batches(server, dry).flatMap(({ body }) => body?.['rows'] as { user_id: string }[])

describe('selecting', () => {
  it('ticks one, and with Shift every row between two', async () => {
    const { user } = open(withUsers(6))
    await user.click(await tick('user-002'))
    expect(within(await bar()).getByText('1 user selected')).toBeTruthy()
    await user.keyboard('{Shift>}')
    await user.click(await tick('user-005'))
    await user.keyboard('{/Shift}')
    expect(within(await bar()).getByText('4 users selected')).toBeTruthy()
    await user.click(await tick('user-003'))
    expect(ticked()).toBe(3)
  })

  it('ticks the whole page, half ticked where some are', async () => {
    const { user } = open(withUsers(4))
    await user.click(await tick('user-002'))
    const all = screen.getByRole<HTMLInputElement>('checkbox', { name: 'Select all users on this page' })
    expect([all.checked, all.indeterminate]).toEqual([false, true])
    await user.click(all)
    expect(ticked()).toBe(4)
    expect([all.checked, all.indeterminate]).toEqual([true, false])
    await user.click(all)
    expect(screen.queryByRole('region', { name: 'Selected users' })).toBeNull()
  })

  it('keeps who is selected while another page is looked at', async () => {
    const { user } = open(withUsers(60), '/users?size=25')
    await user.click(await tick('user-001'))
    await user.click(screen.getByRole('button', { name: 'Next' }))
    await user.click(await tick('user-026'))
    expect(within(await bar()).getByText('2 users selected')).toBeTruthy()
  })

  it('selects all that match the filter, with their number, and lets some out', async () => {
    const server = withUsers(60)
    server.addUser('other', 1)
    const { user } = open(server, '/users?q=user&size=25')
    await user.click(await tick('user-001'))
    await user.click(within(await bar()).getByRole('button', { name: 'Select all 60 matching' }))
    expect(within(await bar()).getByText('60 users selected')).toBeTruthy()
    await user.click(await tick('user-002'))
    expect(within(await bar()).getByText('59 users selected')).toBeTruthy()
    await user.type(screen.getByRole('searchbox', { name: 'Search users' }), '-00')
    await waitFor(() => expect(screen.queryByRole('region', { name: 'Selected users' })).toBeNull())
  })

  it('is for those who may change many at once', async () => {
    const server = withUsers(2)
    server.operator = { ...ADMIN, role: 'support' }
    open(server)
    await screen.findByRole('link', { name: 'user-001' })
    expect(screen.queryByRole('checkbox')).toBeNull()
  })
})

describe('changing them all', () => {
  it('shows before and after, wants the total typed, and then does it', async () => {
    const server = withUsers(3)
    const { user } = open(server)
    await user.click(await screen.findByRole('checkbox', { name: 'Select all users on this page' }))
    await fillIn(user, '+5', { label: 'A gift' })
    const total = await screen.findByRole('textbox', { name: 'Type the total: +15' })
    expect(screen.getByRole('heading', { name: /3 users/ })).toBeTruthy()
    expect(document.querySelector('.results tbody')?.textContent).toContain('10  15')
    expect(batches(server, false)).toHaveLength(0)
    await user.type(total, '15{Enter}')
    await screen.findByRole('button', { name: 'Undo 3 rows' })
    expect([...server.users.values()].map(({ credits }) => credits)).toEqual([15, 15, 15])
    expect(rowsOf(server, false)[0]).toMatchObject({ op: 'adjust', amount: 5, label: 'A gift' })
    expect(batches(server, false)[0]?.body?.['reason']).toBe('Goodwill')
    await user.click(screen.getByRole('link', { name: 'Users' }))
    await tick('user-001')
    expect(ticked()).toBe(0)
  })

  it('reads everybody who matches, page by page, and leaves out who was let out', async () => {
    const server = withUsers(450)
    const { user } = open(server, '/users?size=25')
    await user.click(await tick('user-001'))
    await user.click(within(await bar()).getByRole('button', { name: 'Select all 450' }))
    await user.click(await tick('user-003'))
    // The list asks faster than an operator may: it waits and goes on.
    server.once('GET', /admin\/users$/, () =>
      problem(429, 'rate_limited', 'Too many requests.', { retry_after_s: 0.01 }),
    )
    await fillIn(user, '2099', { op: 'Set' })
    await screen.findByRole('textbox', { name: /Type the total/ })
    const ids = rowsOf(server, true).map(({ user_id }) => user_id)
    expect(ids).toHaveLength(449)
    expect(new Set(ids).size).toBe(449)
    expect(ids).not.toContain('user-003')
  })

  it('grants with an expiry', async () => {
    const server = withUsers(2)
    const { user } = open(server)
    await user.click(await tick('user-002'))
    await fillIn(user, '30', { op: 'Grant', expires: '2099-01-01T00:00' })
    await screen.findByRole('textbox', { name: 'Type the total: +30' })
    expect(rowsOf(server, true)).toEqual([
      expect.objectContaining({
        user_id: 'user-002',
        op: 'grant',
        amount: 30,
        expires_at: expect.stringMatching(/^20\d\d-.*Z$/),
      }),
    ])
  })

  it('asks for a sign and a reason, and sends nothing before', async () => {
    const server = withUsers(2)
    const { user } = open(server)
    await user.click(await tick('user-002'))
    await fillIn(user, '30', { reason: ' ' })
    const form = screen.getByRole('dialog', { name: 'Change 1 user' })
    expect(within(form).getByText('Begin with + or -')).toBeTruthy()
    expect(within(form).getByText('A reason is needed')).toBeTruthy()
    expect(batches(server, true)).toHaveLength(0)
  })

  it('comes back to the same selection where the preview was not what was wanted', async () => {
    const { user } = open(withUsers(3), '/users?q=user')
    await user.click(await tick('user-002'))
    await fillIn(user, '+5')
    await user.click(await screen.findByRole('button', { name: 'Back to the users' }))
    expect((await tick('user-002')).checked).toBe(true)
    expect(location.search).toBe('?q=user')
  })
})
