/** The broadcast log: who has seen each change, live without moving a row under anybody, and sending it again. */
import { act, fireEvent, screen, waitFor, within } from '@testing-library/react'
import { describe, expect, it } from 'vitest'
import {
  type Broadcast,
  type BroadcastDetail,
  delayText,
  detailsNote,
  type Sight,
} from '../src/broadcasts/log'
import type { Counts } from '../src/receipts'
import { fullTime } from '../src/time'
import { ADMIN, json, open, problem, Server } from './harness'
import type { Request } from './server'

const counts = (more: Partial<Counts> = {}): Counts => ({
  open: 3,
  shown: 2,
  hidden: 1,
  asleep: 0,
  gone: 0,
  behind: 0,
  first_ms: 9,
  last_ms: 14,
  counted: 'screens',
  ...more,
})

const row = (id: string, more: Partial<Broadcast> = {}): Broadcast => ({
  id,
  entry: id,
  user_id: `user-of-${id}`,
  unit: 'credits',
  version: 7,
  kind: 'adjust',
  amount: 50,
  label: null,
  actor: 'operator:op_2',
  asked: false,
  node: 'web-1',
  committed_at: '2026-11-23T05:36:21.123456Z',
  screens: counts(),
  settled: true,
  details: 'full',
  ...more,
})

const sight = (more: Partial<Sight> = {}): Sight => ({
  screen: 'scr_1',
  carrier: 'websocket',
  user_agent: 'Mozilla/5.0 (X11; Linux) Firefox/130.0',
  state: 'shown',
  version: 7,
  ms: 9,
  visible: true,
  tabs: 1,
  ...more,
})

class LogServer extends Server {
  log: Broadcast[] = []
  sights: Sight[] = []
  next: string | null = null
  previous: string | null = null

  protected override route(request: Request): Response {
    const { method, path } = request
    if (path === 'admin/broadcasts')
      return json({ items: this.log, next: this.next, previous: this.previous })
    const [, id] = /^admin\/broadcasts\/(.+)$/.exec(path) ?? []
    if (id) return json({ ...this.log.find((each) => each.id === id), shown_on: this.sights })
    if (method === 'POST' && path.endsWith('/broadcast')) {
      return json({
        user_id: 'ada',
        screens: 4,
        broadcast: 'brd_1',
        receipts: counts({ open: 2, hidden: 0 }),
      })
    }
    return super.route(request)
  }

  get reads(): Request[] {
    return this.sent('GET', /^admin\/broadcasts$/)
  }

  /** The log moved, as the server says it, once the console listens. */
  async moves(log: Broadcast[]): Promise<void> {
    await waitFor(() => expect(this.frames.some(({ type }) => type === 'follow')).toBe(true))
    const before = this.reads.length
    this.log = log
    act(() => this.announceLists('broadcasts'))
    await waitFor(() => expect(this.reads.length).toBeGreaterThan(before))
  }
}

function withLog(...log: Broadcast[]): LogServer {
  const server = new LogServer()
  server.log = log
  return server
}

const line = (id: string) => screen.findByRole('row', { name: new RegExp(`user-of-${id}`) })
const lines = () =>
  [...document.querySelectorAll('tr[data-broadcast]')].map((each) => each.getAttribute('data-broadcast'))
const details = async (id: string) => within(await line(id)).getByRole('button', { name: /^Details/ })
const list = () => screen.getByRole('region', { name: 'Broadcasts' })

describe('a row', () => {
  it('tells the change, who made it, where, and who has seen it', async () => {
    open(withLog(row('a', { label: 'Goodwill' })), '/broadcasts')
    const shown = within(await line('a'))
    expect(shown.getByText('Adjust')).toBeTruthy()
    expect(shown.getByText('+50')).toBeTruthy()
    expect(shown.getByText('v7')).toBeTruthy()
    expect(await shown.findByText('Pavel')).toBeTruthy()
    expect(shown.getByText('Goodwill')).toBeTruthy()
    expect(shown.getByText('web-1')).toBeTruthy()
    expect(shown.getByText('shown on 2 of 3 screens')).toBeTruthy()
    expect(shown.getByText('1 hidden')).toBeTruthy()
    expect(shown.getByText('9–14 ms')).toBeTruthy()
    expect(shown.getByRole('link').getAttribute('href')).toBe('/console/users/user-of-a')
  })

  it('tells a time that is still to come by the clock, and says that a clock is wrong', async () => {
    const hour = new Date(Date.now() + 3_600_000).toISOString()
    const soon = new Date(Date.now() + 20_000).toISOString()
    open(withLog(row('a', { committed_at: hour }), row('b', { committed_at: soon })), '/broadcasts')
    const ahead = within(await line('a'))
    expect(ahead.getByText(fullTime(hour))).toBeTruthy()
    expect(ahead.getByText(', later than the clock of this device')).toBeTruthy()
    expect(ahead.queryByText(/^in /)).toBeNull()
    // So much is only the way that clocks are.
    expect(within(await line('b')).getByText('just now')).toBeTruthy()
  })

  it('stands out by a sign, a word and a mark while a screen is behind', async () => {
    open(
      withLog(row('a', { screens: counts({ hidden: 0, behind: 1 }), settled: false }), row('b')),
      '/broadcasts',
    )
    const late = await line('a')
    const word = within(late).getByText('1 behind')
    expect(word.querySelector('svg')).toBeTruthy()
    expect(late.hasAttribute('data-behind')).toBe(true)
    expect((await line('b')).hasAttribute('data-behind')).toBe(false)
  })

  it('says “not counted” where nobody wrote it down, and “no screen” only where that is known', async () => {
    open(
      withLog(
        row('a', { screens: null, node: null, details: 'none' }),
        row('b', { screens: counts({ open: 0 }) }),
      ),
      '/broadcasts',
    )
    expect(within(await line('a')).getByText('not counted')).toBeTruthy()
    expect(within(await line('b')).getByText('no screen was open')).toBeTruthy()
  })

  it('looks different where somebody asked for it', async () => {
    open(withLog(row('a', { asked: true, kind: 'resend', amount: null, entry: null })), '/broadcasts')
    const asked = await line('a')
    expect(within(asked).getByText('Sent again')).toBeTruthy()
    expect(asked.hasAttribute('data-asked')).toBe(true)
  })

  it.each([
    [counts(), '9–14 ms'],
    [counts({ last_ms: 9 }), '9 ms'],
    [counts({ shown: 0, first_ms: null, last_ms: null }), undefined],
    [null, undefined],
  ])('of %o took %s', (given, text) => expect(delayText(given)).toBe(text))
})

describe('what comes in', () => {
  it('stands at the top by itself while nobody is at the list', async () => {
    const server = withLog(row('a'))
    open(server, '/broadcasts')
    await line('a')
    await server.moves([row('b'), row('a')])
    await waitFor(() => expect(lines()).toEqual(['b', 'a']))
    expect(screen.queryByRole('button', { name: /new broadcasts?: show/ })).toBeNull()
  })

  it('waits behind a button while the pointer is on the list', async () => {
    const server = withLog(row('a'))
    const { user } = open(server, '/broadcasts')
    await line('a')
    fireEvent.pointerEnter(list())
    await server.moves([row('c'), row('b'), row('a')])
    const show = await screen.findByRole('button', { name: '2 new broadcasts: show' })
    expect(lines()).toEqual(['a'])
    await user.click(show)
    expect(lines()).toEqual(['c', 'b', 'a'])
  })

  it('waits while the top of the list is scrolled away', async () => {
    const server = withLog(row('a'))
    open(server, '/broadcasts')
    await line('a')
    list().getBoundingClientRect = () => new DOMRect(0, -400, 800, 900)
    await server.moves([row('b'), row('a')])
    await screen.findByRole('button', { name: '1 new broadcast: show' })
    expect(lines()).toEqual(['a'])
  })

  it('waits while a row is open', async () => {
    const server = withLog(row('a'))
    open(server, '/broadcasts?row=a')
    await line('a')
    await server.moves([row('b'), row('a')])
    await screen.findByRole('button', { name: '1 new broadcast: show' })
    expect(lines()).toEqual(['a'])
  })

  it('counts on in its place under the pointer', async () => {
    const server = withLog(row('a', { screens: counts({ hidden: 0, behind: 1 }), settled: false }))
    open(server, '/broadcasts')
    fireEvent.pointerEnter(await screen.findByRole('region', { name: 'Broadcasts' }))
    await line('a')
    await server.moves([row('b'), row('a', { screens: counts({ shown: 3, hidden: 0 }) })])
    expect(await screen.findByText('shown on 3 of 3 screens')).toBeTruthy()
    expect(lines()).toEqual(['a'])
  })
})

describe('the details', () => {
  it('tell each screen with its browser, carrier, state, version and time', async () => {
    const server = withLog(row('a'))
    server.sights = [
      sight({ tabs: 2 }),
      sight({ screen: 'scr_2', carrier: 'sse', state: 'hidden', version: 6, ms: null }),
    ]
    const { user } = open(server, '/broadcasts')
    const toggle = await details('a')
    await user.click(toggle)
    expect(toggle.getAttribute('aria-expanded')).toBe('true')
    expect(location.search).toContain('row=a')
    const [first, second] = await within(
      await screen.findByRole('region', { name: 'Screens of a' }),
    ).findAllByRole('listitem')
    expect(first?.textContent).toBe('Firefox on Linux · websocket · 2 tabs shownshows v79 ms')
    expect(second?.textContent).toBe('Firefox on Linux · sse hiddenshows v6–')
    expect(screen.getByText(/^1 of 3 has left since/)).toBeTruthy()
  })

  const detail = (more: Partial<BroadcastDetail>): BroadcastDetail => ({ ...row('a'), shown_on: [], ...more })
  it.each([
    [detail({ screens: null, details: 'none' }), /^Not counted/],
    [detail({ screens: counts({ off: true }) }), /^Receipts are off/],
    [detail({ screens: counts({ open: 0 }) }), /^No screen of this user was open/],
    [detail({ details: 'sampled' }), /^Many changes came at once/],
    [detail({ details: 'none' }), /^The single screens are no longer remembered/],
  ])('say in words what is not known (%#)', (given, text) => expect(detailsNote(given)).toMatch(text))

  it('say nothing more where every screen is listed', () =>
    expect(detailsNote(detail({ screens: counts({ open: 1 }), shown_on: [sight()] }))).toBeUndefined())
})

describe('sending again', () => {
  it('asks first, then shows who has it', async () => {
    const { user, server } = open(withLog(row('a', { user_id: 'user-of-a/é' })), '/broadcasts?row=a')
    await user.click(await screen.findByRole('button', { name: 'Send again…' }))
    const dialog = await screen.findByRole('dialog', { name: 'Send again to user-of-a/é?' })
    expect(server.sent('POST', /broadcast$/)).toHaveLength(0)
    await user.click(within(dialog).getByRole('button', { name: 'Send again' }))
    expect(await within(dialog).findByText('shown on 2 of 2 screens')).toBeTruthy()
    const [sent] = server.sent('POST', /broadcast$/)
    expect(sent?.path).toBe('admin/users/user-of-a%2F%C3%A9/broadcast')
    expect(sent?.query.get('wait')).toBe('shown')
  })

  it('keeps what went wrong with its request id', async () => {
    const { user, server } = open(withLog(row('a')), '/broadcasts?row=a')
    server.once('POST', /broadcast$/, () => problem(503, 'busy', 'The server has too much to do.'))
    await user.click(await screen.findByRole('button', { name: 'Send again…' }))
    const dialog = await screen.findByRole('dialog')
    await user.click(within(dialog).getByRole('button', { name: 'Send again' }))
    expect(await within(dialog).findByText('The server has too much to do.')).toBeTruthy()
    expect(within(dialog).getByRole('button', { name: 'Copy req_7f3e' })).toBeTruthy()
  })

  it('is not offered to those who may only look', async () => {
    const server = withLog(row('a'))
    server.operator = { ...ADMIN, role: 'viewer' }
    open(server, '/broadcasts?row=a')
    await screen.findByRole('region', { name: 'Screens of a' })
    expect(screen.queryByRole('button', { name: 'Send again…' })).toBeNull()
  })
})

describe('the list', () => {
  it('asks for what stands in the address', async () => {
    const path =
      '/broadcasts?user=ada&unit=tokens&kind=resend&state=behind&since=2026-11-20&until=2026-11-20&after=c1'
    const server = withLog(row('a'))
    open(server, path)
    await line('a')
    const query = Object.fromEntries(server.reads[0]?.query ?? [])
    expect(query).toMatchObject({ user: 'ada', unit: 'tokens', kind: 'resend', state: 'behind', after: 'c1' })
    const hours = (Date.parse(query['until'] ?? '') - Date.parse(query['since'] ?? '')) / 3_600_000
    expect(hours).toBe(24)
  })

  it('puts what is chosen into the address, from the first page', async () => {
    const server = withLog(row('a'))
    const { user } = open(server, '/broadcasts?after=c1')
    await line('a')
    await user.click(screen.getByRole('radio', { name: 'Behind' }))
    await waitFor(() => expect(server.reads.at(-1)?.query.get('state')).toBe('behind'))
    await user.selectOptions(screen.getByRole('combobox', { name: 'Kind' }), 'Sent again')
    await waitFor(() => expect(location.search).toBe('?state=behind&kind=resend'))
  })

  it('goes to older rows and back', async () => {
    const server = withLog(row('a'))
    server.next = 'older'
    server.previous = 'newer'
    const { user } = open(server, '/broadcasts')
    await line('a')
    await user.click(screen.getByRole('button', { name: 'Next' }))
    await waitFor(() => expect(server.reads.at(-1)?.query.get('after')).toBe('older'))
    await user.click(screen.getByRole('button', { name: 'Previous' }))
    await waitFor(() => expect(server.reads.at(-1)?.query.get('before')).toBe('newer'))
  })

  it('keeps a row that the filter has lost, and tells how it went on', async () => {
    const late = row('a', { screens: counts({ hidden: 0, behind: 1 }), settled: false })
    const server = withLog(late)
    open(server, '/broadcasts?state=behind')
    await line('a')
    fireEvent.pointerEnter(list())
    server.once('GET', /broadcasts\/a$/, () => json(row('a', { screens: counts({ shown: 3, hidden: 0 }) })))
    await server.moves([row('b')])
    expect(await screen.findByText('shown on 3 of 3 screens')).toBeTruthy()
    expect(lines()).toEqual(['a'])
  })

  it('names the next step where there is nothing', async () => {
    open(withLog(), '/broadcasts')
    expect(await screen.findByText('Nothing has been sent yet')).toBeTruthy()
  })

  it('keeps a failure with its request id, and reads again', async () => {
    const server = withLog(row('a'))
    server.once('GET', /broadcasts$/, () => problem(403, 'forbidden', 'You may not see this.'))
    const { user } = open(server, '/broadcasts')
    expect(await screen.findByText('You may not see this.')).toBeTruthy()
    expect(screen.getByRole('button', { name: 'Copy req_7f3e' })).toBeTruthy()
    await user.click(screen.getByRole('button', { name: 'Try again' }))
    expect(await line('a')).toBeTruthy()
  })
})
