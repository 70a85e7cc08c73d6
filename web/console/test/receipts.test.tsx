/** Receipts: the toast counts the screens that show a change, and the user's page says what each one shows. */
import { screen, waitFor, within } from '@testing-library/react'
import { afterEach, describe, expect, it } from 'vitest'
import type { Screen } from '../src/api'
import { stateOf } from '../src/components/Screens'
import { type Counts, countsText, forgetReceipts } from '../src/receipts'
import { balanceOf, edit, open, Server, settle } from './harness'

const counts = (more: Partial<Counts> = {}): Counts => ({
  open: 3,
  shown: 3,
  hidden: 0,
  asleep: 0,
  gone: 0,
  behind: 0,
  first_ms: 9,
  last_ms: 14,
  counted: 'screens',
  ...more,
})

function withAda(): Server {
  const server = new Server()
  server.addUser('ada', 100, { name: 'Ada' })
  return server
}

afterEach(forgetReceipts)

const told = () => screen.findByTestId('shown-on')
const looks = (server: Server) => server.sent('GET', /^admin\/broadcasts\//)

describe('the words', () => {
  it.each([
    [counts(), 'shown on 3 of 3 screens, 14 ms'],
    [counts({ counted: 'browsers' }), 'shown on 3 of 3 browsers, 14 ms'],
    [counts({ open: 1, shown: 1 }), 'shown on 1 of 1 screen, 14 ms'],
    [counts({ shown: 1, hidden: 1, asleep: 1 }), 'shown on 1 of 3 screens, 14 ms · 1 hidden · 1 asleep'],
    [counts({ shown: 0, behind: 3, last_ms: null }), 'shown on 0 of 3 screens · 3 behind'],
    [counts({ open: 0, shown: 0, last_ms: null }), 'no screen is open'],
    [counts({ shown: 0, off: true }), 'receipts are off'],
  ])('of %o are “%s”', (given, text) => expect(countsText(given)).toBe(text))
})

describe('the toast', () => {
  it('says on how many screens the change is shown', async () => {
    const server = withAda()
    server.broadcast = { screens: counts(), settled: true }
    const { user } = open(server)
    await edit(user, 'Ada', '+50')
    expect((await told()).textContent).toContain('shown on 3 of 3 screens, 14 ms')
    const [sent] = server.sent('POST', /adjustments$/)
    expect(sent?.body?.['receipt']).toBe(true)
    expect(looks(server)[0]?.path).toBe('admin/broadcasts/ent_1')
  })

  it('goes on counting for late ones, and stops asking when all have it', async () => {
    const server = withAda()
    server.broadcast = { screens: counts({ shown: 2, behind: 1 }), settled: false }
    const { user } = open(server)
    await edit(user, 'Ada', '+50')
    await waitFor(async () =>
      expect((await told()).textContent).toContain('shown on 2 of 3 screens, 14 ms · 1 behind'),
    )
    await waitFor(() => expect(server.frames.some(({ type }) => type === 'follow')).toBe(true))
    server.broadcast = { screens: counts({ last_ms: 2100 }), settled: false }
    server.announceLists('broadcasts')
    await waitFor(async () =>
      expect((await told()).textContent).toContain('shown on 3 of 3 screens, 2,100 ms'),
    )
    const asked = looks(server).length
    server.announceLists('broadcasts')
    await settle()
    expect(looks(server)).toHaveLength(asked)
  })

  it('never holds up the ✓', async () => {
    const server = withAda()
    server.broadcast = { screens: counts(), settled: true }
    const go = server.holdBack('GET', /^admin\/broadcasts\//)
    const goAgain = server.holdBack('GET', /^admin\/broadcasts\//)
    const { user } = open(server)
    await edit(user, 'Ada', '+50')
    await screen.findByText('User credits updated successfully')
    expect(await screen.findByRole('img', { name: 'Confirmed' })).toBeTruthy()
    expect(screen.queryByTestId('shown-on')).toBeNull()
    expect(server.sent('POST', /adjustments$/)[0]?.query.has('wait')).toBe(false)
    go()
    goAgain()
    await told()
  })

  it('says nothing of screens where the log knows nothing', async () => {
    const { user } = open(withAda())
    await edit(user, 'Ada', '+50')
    await screen.findByText('User credits updated successfully')
    await settle()
    expect(screen.queryByTestId('shown-on')).toBeNull()
  })

  it('counts an undo as well', async () => {
    const server = withAda()
    server.broadcast = { screens: counts(), settled: true }
    const { user } = open(server)
    await edit(user, 'Ada', '+50')
    await user.click(await screen.findByRole('button', { name: 'Undo' }))
    const toast = await screen.findByRole('group', { name: 'Change reversed' })
    expect(await within(toast).findByTestId('shown-on')).toBeTruthy()
    expect(looks(server).some(({ path }) => path === 'admin/broadcasts/ent_2')).toBe(true)
  })
})

const scr = (more: Partial<Screen>): Screen => ({
  screen: 'scr_1',
  user: 'ada',
  kind: 'user',
  carrier: 'websocket',
  since: '2026-11-23T05:00:00Z',
  user_agent: 'Mozilla/5.0 (X11; Linux) Firefox/130.0',
  visible: true,
  painted: { credits: 1 },
  tabs: 1,
  behind: false,
  asleep: false,
  ...more,
})

describe('a connected screen', () => {
  it.each([
    [{}, 'shows v1', 'shown'],
    [{ painted: { credits: 0 }, behind: true }, 'still v0', 'behind'],
    [{ painted: {}, behind: true }, 'nothing painted yet', 'behind'],
    [{ painted: { credits: 0 }, behind: true, asleep: true }, 'asleep, showed v0', 'asleep'],
    [{ painted: {} }, 'connected', 'unknown'],
  ] as const)('%o: %s', (more, text, tone) => {
    const state = stateOf(scr(more), 'credits', 1)
    expect([state.text, state.tone]).toEqual([text, tone])
  })

  it('is told anew as soon as it has painted', async () => {
    const server = withAda()
    server.screens = [scr({ painted: { credits: 0 }, behind: true })]
    open(server, '/users/ada')
    const card = await screen.findByRole('region', { name: 'Connected screens' })
    await within(card).findByText('still v0')
    await waitFor(() => expect(server.frames.some(({ type }) => type === 'follow')).toBe(true))
    server.screens = [scr({})]
    server.announceLists('broadcasts')
    await within(card).findByText('shows v1', {}, { timeout: 2000 })
  })

  it('is asked for its receipts at once while the page is open', async () => {
    const server = withAda()
    const { user } = open(server, '/users/ada')
    await waitFor(() => expect(server.frames).toContainEqual({ type: 'watch', users: ['ada'], open: true }))
    await user.click(screen.getByRole('link', { name: 'Users', current: 'page' }))
    await balanceOf('Ada')
    server.frames.length = 0
    server.cutTheLine()
    await waitFor(() => expect(server.frames.some(({ type }) => type === 'watch')).toBe(true), {
      timeout: 4000,
    })
    expect(server.frames.some((frame) => frame['open'] === true)).toBe(false)
  })
})

it('lets an admin switch a user’s receipts off', async () => {
  const { user, server } = open(withAda(), '/users/ada')
  await user.click(await screen.findByRole('button', { name: 'Edit profile' }))
  await user.click(screen.getByRole('switch', { name: /^Receipts/ }))
  await user.click(screen.getByRole('button', { name: 'Save' }))
  await screen.findByText('User saved')
  expect(server.sent('PUT', /users\/ada$/)[0]?.body).toEqual({ receipts: false, unit: 'credits' })
  expect(await screen.findByText('off: nobody is told what the screens show')).toBeTruthy()
})
