/** The balance over time: steps and not slopes, a table that says the same, and no entry read twice. */
import './setup'
import { screen, waitFor, within } from '@testing-library/react'
import { describe, expect, it } from 'vitest'
import type { Entry } from '../src/api'
import { dataOf } from '../src/chart/Steps'
import { extremesOf, joinedEntries, pointsOf } from '../src/chart/series'
import { json, open, problem, Server, settle } from './harness'

const T0 = Date.parse('2026-11-01T00:00:00Z')
const entry = (version: number, hours: number, amount: number, credits: number, held = 0): Entry => ({
  entry: `ent_${version}`,
  user_id: 'ada',
  unit: 'credits',
  version,
  kind: held ? 'hold' : 'adjust',
  amount,
  settled_delta: amount,
  held_delta: held,
  balance: { settled: credits, held: 0, available: credits },
  credits,
  at: new Date(T0 + hours * 3_600_000).toISOString(),
  label: null,
})
const NOW = { at: T0 + 100 * 3_600_000, credits: 70 }
const ENTRIES = [entry(3, 30, 0, 70, 20), entry(1, 10, 100, 100), entry(2, 20, -10, 90)]

describe('the points', () => {
  it('stand in the order of versions, from before the first entry until now', () => {
    const points = pointsOf(ENTRIES, T0, NOW)
    expect(points.map(({ at, credits }) => [(at - T0) / 3_600_000, credits])).toEqual([
      [0, 0],
      [10, 100],
      [20, 90],
      [30, 70],
      [100, 70],
    ])
    expect(dataOf(points)[1]).toEqual([0, 100, 90, 70, 70])
    expect(extremesOf(points)).toEqual({ lowest: 0, highest: 100 })
  })

  it('begin with what was there when the span began', () => {
    expect(pointsOf(ENTRIES, T0 + 15 * 3_600_000, NOW).map(({ credits }) => credits)).toEqual([
      100, 90, 70, 70,
    ])
    expect(pointsOf([], T0, NOW).map(({ credits }) => credits)).toEqual([70, 70])
    expect(pointsOf([], undefined, NOW)).toEqual([NOW])
  })

  it('never go back in time, whatever the clocks say', () => {
    const times = pointsOf(ENTRIES, T0, { at: T0, credits: 70 }).map(({ at }) => at)
    expect([...times].sort((a, b) => a - b)).toEqual(times)
  })

  it('hold each version once when a newer page is put in front', () => {
    const known = [entry(2, 20, -10, 90), entry(1, 10, 100, 100)]
    const fresh = [entry(3, 30, -20, 70), entry(2, 20, -10, 90)]
    expect(joinedEntries(fresh, known).map(({ version }) => version)).toEqual([3, 2, 1])
  })
})

function withAda(): Server {
  const server = new Server()
  server.addUser('ada', 100, { name: 'Ada' })
  server.someoneChanges('ada', 50)
  server.someoneChanges('ada', -20)
  return server
}
const card = () => screen.findByRole('region', { name: 'Balance over time' })

it('says in words what the picture shows', async () => {
  open(withAda(), '/users/ada?span=all')
  const picture = await within(await card()).findByRole('img')
  expect(picture.getAttribute('aria-label')).toMatch(/from 150 to 130 now, lowest 130, highest 150$/)
  expect(picture.querySelector('canvas')).toBeTruthy()
})

it('has a table with every step, also for those who come by the link', async () => {
  const { user } = open(withAda(), '/users/ada?span=all')
  await user.click(within(await card()).getByRole('radio', { name: 'Table' }))
  const table = await within(await card()).findByRole('table')
  const rows = within(table).getAllByRole('row').slice(1)
  expect(rows.map((row) => [...row.querySelectorAll('.end')].map((cell) => cell.textContent))).toEqual([
    ['−20', '130'],
    ['+50', '150'],
  ])
  expect(location.search).toContain('chart=table')
})

it('reads all pages once, and then one page for each move', async () => {
  const server = withAda()
  for (let at = 0; at < 448; at += 1) server.someoneChanges('ada', 1)
  open(server, '/users/ada?span=all&chart=table')
  const pages = () =>
    server.sent('GET', /history$/).filter(({ query }) => query.get('limit') === '200').length
  await within(await card()).findByText('−20')
  expect(pages()).toBe(3)
  await settle()
  server.someoneChanges('ada', 7)
  await within(await card()).findByText('+7')
  expect(within(await card()).getByText('−20')).toBeTruthy()
  expect(pages()).toBe(4)
})

it('asks for the span that was chosen, and keeps it in the address', async () => {
  const server = withAda()
  const { user } = open(server, '/users/ada')
  await within(await card()).findByRole('img')
  await user.click(within(await card()).getByRole('radio', { name: '7 days' }))
  await waitFor(() => {
    const since = server.sent('GET', /history$/).map(({ query }) => query.get('since'))
    expect(since.some((each) => each && Date.now() - Date.parse(each) < 7.1 * 86_400_000)).toBe(true)
  })
  expect(location.search).toContain('span=7')
})

it('says why it is not there, with the request id, and tries again', async () => {
  const server = withAda()
  // Timeline and chart both read the history; both fail.
  for (let at = 0; at < 2; at += 1)
    server.once('GET', /history$/, () => problem(403, 'forbidden', 'Not yours.'))
  const { user } = open(server, '/users/ada?span=all')
  const chart = await card()
  await within(chart).findByText('Not yours.')
  expect(within(chart).getByRole('button', { name: 'Copy req_7f3e' })).toBeTruthy()
  server.once('GET', /history$/, () => json({ items: [], next: null, previous: null }))
  await user.click(within(chart).getByRole('button', { name: 'Try again' }))
  expect(await within(chart).findByRole('img')).toBeTruthy()
})
