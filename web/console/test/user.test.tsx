/** One user's page: the timeline, the actions, holds, lots, screens and profile. */
import { screen, waitFor, within } from '@testing-library/react'
import { expect, it } from 'vitest'
import { ADMIN, open, problem, Server, settle } from './harness'

function withAda(): Server {
  const server = new Server()
  server.addUser('ada', 100, { name: 'Ada Lovelace', email: 'ada@example.com' })
  return server
}

const balance = () => screen.getByTestId('balance').textContent
const region = (name: string) => screen.findByRole('region', { name })

it('shows the entries with the balance that each one left', async () => {
  const server = withAda()
  server.someoneChanges('ada', 50)
  server.someoneChanges('ada', -20)
  open(server, '/users/ada')
  const timeline = await region('Timeline')
  await waitFor(() => expect(within(timeline).getByText('−20')).toBeTruthy())
  expect(within(timeline).getByText('+50')).toBeTruthy()
  const left = [...timeline.querySelectorAll('.entry-balance')].map((each) => each.lastChild?.textContent)
  expect(left).toEqual(['130', '150'])
})

it('reads the timeline again when the balance moves', async () => {
  const server = withAda()
  open(server, '/users/ada')
  const timeline = await region('Timeline')
  await within(timeline).findByText('No entries yet')
  await settle()
  server.someoneChanges('ada', 11)
  await within(timeline).findByText('+11')
  expect(balance()).toBe('111')
})

it('adjusts with a preview', async () => {
  const { user, server } = open(withAda(), '/users/ada')
  const panel = await region('Change credits')
  await user.type(within(panel).getByLabelText('Amount'), '-40')
  expect(within(panel).getByRole('button', { name: /Apply −40/ }).textContent).toContain('60')
  await user.type(within(panel).getByRole('combobox', { name: 'Reason' }), 'double booking{Enter}')
  await screen.findByText('User credits updated successfully')
  expect(balance()).toBe('60')
  expect(server.sent('POST', /adjustments$/)[0]?.body).toMatchObject({
    amount: -40,
    reason: 'double booking',
  })
})

it('grants with an expiry', async () => {
  const { user, server } = open(withAda(), '/users/ada')
  const panel = await region('Change credits')
  await user.click(within(panel).getByRole('radio', { name: 'Grant' }))
  await user.type(within(panel).getByLabelText('Amount'), '30')
  await user.type(within(panel).getByLabelText('Expires'), '2099-01-01T00:00')
  await user.type(within(panel).getByRole('combobox', { name: 'Reason' }), 'welcome{Enter}')
  await screen.findByText('User credits updated successfully')
  const body = server.sent('POST', /users\/ada\/grants$/)[0]?.body
  expect(body).toMatchObject({
    amount: 30,
    reason: 'welcome',
    expires_at: expect.stringMatching(/^20\d\d-.*Z$/),
  })
})

it('guards a set with the version from when the amount was begun', async () => {
  const { user, server } = open(withAda(), '/users/ada')
  const panel = await region('Change credits')
  await settle()
  await user.click(within(panel).getByRole('radio', { name: 'Set' }))
  await user.type(within(panel).getByLabelText('Amount'), '500')
  server.someoneChanges('ada', 1)
  await waitFor(() => expect(balance()).toBe('101'))
  await user.type(within(panel).getByRole('combobox', { name: 'Reason' }), 'correction{Enter}')
  expect(await screen.findByRole('dialog', { name: /changed meanwhile/ })).toBeTruthy()
  expect(server.sent('PUT', /credits$/)[0]?.headers.get('if-match')).toBe('"1"')
})

it('keeps what was typed when the change is refused', async () => {
  const server = withAda()
  server.once('POST', /adjustments$/, () =>
    problem(403, 'over_operator_limit', 'At most 10 credits in one change.'),
  )
  const { user } = open(server, '/users/ada')
  const panel = await region('Change credits')
  await user.type(within(panel).getByLabelText('Amount'), '+40')
  await user.type(within(panel).getByRole('combobox', { name: 'Reason' }), 'promotion{Enter}')
  await screen.findByRole('group', { name: 'At most 10 credits in one change.' })
  expect((within(panel).getByLabelText('Amount') as HTMLInputElement).value).toBe('+40')
  expect(balance()).toBe('100')
})

it('reverses an entry with a reason', async () => {
  const server = withAda()
  server.someoneChanges('ada', 50)
  const { user } = open(server, '/users/ada')
  await user.click(await screen.findByRole('button', { name: 'Reverse adjust of version 2' }))
  const form = await screen.findByRole('dialog', { name: 'Reverse adjust of version 2' })
  await user.type(within(form).getByRole('combobox', { name: 'Reason' }), 'wrong user')
  await user.click(screen.getByRole('button', { name: 'Reverse entry' }))
  await screen.findByText('Change reversed')
  expect(balance()).toBe('100')
  expect(server.sent('POST', /reverse$/)[0]?.body).toEqual({ reason: 'wrong user', receipt: true })
})

function withHold(): Server {
  const server = withAda()
  server.holds = [
    {
      hold: 'hld_1',
      user_id: 'ada',
      unit: 'credits',
      amount: 30,
      captured: 0,
      state: 'open',
      expires_at: '2099-01-01T00:00:00Z',
      created_at: '2026-11-23T05:00:00Z',
      closed_at: null,
    },
  ]
  return server
}

it('releases a hold with a reason', async () => {
  const { user, server } = open(withHold(), '/users/ada')
  await user.click(await screen.findByRole('button', { name: 'Release the hold of 30' }))
  const form = await screen.findByRole('dialog', { name: 'Release the hold of 30' })
  await user.type(within(form).getByRole('combobox', { name: 'Reason' }), 'job cancelled{Enter}')
  await screen.findByText('Hold released')
  await screen.findByText('Nothing is set aside.')
  expect(server.sent('POST', /holds\/hld_1\/release$/)[0]?.body).toEqual({
    reason: 'job cancelled',
    receipt: true,
  })
})

it('captures a part of a hold, and no more than is held', async () => {
  const { user, server } = open(withHold(), '/users/ada')
  await user.click(await screen.findByRole('button', { name: 'Capture the hold of 30' }))
  const form = await screen.findByRole('dialog', { name: 'Capture the hold of 30' })
  const amount = within(form).getByLabelText('Amount')
  await user.type(within(form).getByRole('combobox', { name: 'Reason' }), 'job done')
  await user.clear(amount)
  await user.type(amount, '31{Enter}')
  expect(within(form).getByText('Between 1 and 30')).toBeTruthy()
  expect(server.sent('POST', /capture$/)).toHaveLength(0)
  await user.clear(amount)
  await user.type(amount, '22{Enter}')
  await screen.findByText('Hold captured')
  expect(server.sent('POST', /capture$/)[0]?.body).toEqual({ amount: 22, reason: 'job done', receipt: true })
})

it('lists the screens and what each shows', async () => {
  const server = withAda()
  const screenOf = (painted: number) => ({
    screen: `scr_${painted}`,
    user: 'ada',
    kind: 'user',
    carrier: 'websocket',
    since: '2026-11-23T05:00:00Z',
    user_agent: 'Mozilla/5.0 (X11; Linux) Firefox/130.0',
    visible: true,
    painted: { credits: painted },
    tabs: 2,
    behind: painted < 1,
    asleep: false,
  })
  server.screens = [screenOf(1), screenOf(0)]
  open(server, '/users/ada')
  const screens = await region('Connected screens')
  await within(screens).findByText('shows v1')
  expect(within(screens).getByText('still v0')).toBeTruthy()
  expect(within(screens).getAllByText('Firefox on Linux')).toHaveLength(2)
})

it('says that nobody looks, and is right all the same', async () => {
  open(withAda(), '/users/ada')
  expect(await screen.findByText(/Nobody looks at this balance/)).toBeTruthy()
  expect(balance()).toBe('100')
})

it('freezes as an admin, sending only what changed', async () => {
  const { user, server } = open(withAda(), '/users/ada')
  await user.click(await screen.findByRole('button', { name: 'Edit profile' }))
  await user.click(screen.getByRole('switch', { name: /Frozen/ }))
  await user.click(screen.getByRole('button', { name: 'Save' }))
  await screen.findByText('User saved')
  expect(server.sent('PUT', /users\/ada$/)[0]?.body).toEqual({ frozen: true, unit: 'credits' })
  expect(await screen.findByText('Frozen', { selector: '.chip' })).toBeTruthy()
})

it('offers a viewer no change at all', async () => {
  const server = withAda()
  server.operator = { ...ADMIN, role: 'viewer' }
  server.someoneChanges('ada', 5)
  open(server, '/users/ada')
  await screen.findByText('+5')
  expect(screen.queryByRole('button', { name: /Reverse|Edit profile|Apply/ })).toBeNull()
})

it('says so when there is no such user', async () => {
  open(new Server(), '/users/nobody')
  expect(await screen.findByRole('region', { name: 'There is no user “nobody”' })).toBeTruthy()
})

it('opens users whose ids need care in an address', async () => {
  const server = new Server()
  server.addUser('a b?c%d#e', 5)
  open(server, `/users/${encodeURIComponent('a b?c%d#e')}`)
  expect(await screen.findByRole('heading', { level: 1, name: 'a b?c%d#e' })).toBeTruthy()
})
