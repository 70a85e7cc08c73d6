/** The Overview: figures in the reader's numbers, live, honest about what is not known; a chart with a table twin. */
import { screen, waitFor, within } from '@testing-library/react'
import { expect, it } from 'vitest'
import { barOf, ceilingOf, dayStart, milliseconds, share } from '../src/overview/figures'
import { open, problem } from './harness'
import { InstallationServer } from './installation-server'
import { json, statsOf } from './server'

function withFigures(more: Parameters<typeof statsOf>[1] = {}): InstallationServer {
  const server = new InstallationServer()
  const stats = statsOf([1200, 34], more)
  const [unit] = stats.units
  if (unit) {
    Object.assign(unit, { granted_today: 500, spent_today: 120, expired_today: 7 })
    const last = unit.series.at(-1)
    if (last) Object.assign(last, { granted: 500, spent: 120, expired: 7, reversed: -3 })
  }
  server.figures = stats
  return server
}

const tile = async (name: RegExp) => {
  const list = await screen.findByRole('list', { name: 'At a glance' })
  return within(list).getByText(name).closest('li')?.textContent
}

it('is where the console opens, and shows the installation at a glance', async () => {
  const { server } = open(
    withFigures({ orders: { pending: 3 }, screens: { open: 12, users: 9, users_exact: true } }),
    '/',
  )
  expect(await tile(/^Outstanding/)).toContain('1,234')
  expect(await tile(/Granted today/)).toContain('500')
  expect(await tile(/Spent today/)).toContain('and 7 expired')
  expect(await tile(/Open orders/)).toContain('3wait to be fulfilled')
  expect(await tile(/Live screens/)).toContain('12of 9 users')
  expect(screen.getByRole('link', { name: 'Open orders' }).getAttribute('href')).toBe('/console/orders')
  expect(server.sent('GET', /^admin\/stats$/)[0]?.query.get('today_from')).toBe(dayStart())
})

it('reads the figures again when the server says that something moved', async () => {
  const { server } = open(withFigures(), '/overview')
  await tile(/^Outstanding/)
  server.figures = statsOf([5000])
  server.announceLists('history')
  await waitFor(async () => expect(await tile(/^Outstanding/)).toContain('5,000'))
})

it('draws the day and tells it as a table as well', async () => {
  const { user } = open(withFigures(), '/overview')
  const chart = await screen.findByRole('img', { name: /in the last 24 hours/ })
  expect(chart.getAttribute('aria-label')).toBe(
    'credits in the last 24 hours: granted 500, spent 120, expired 7, taken back 3',
  )
  await user.click(screen.getByRole('button', { name: 'As a table' }))
  const table = screen.getByRole('table', { name: /newest first/ })
  const rows = within(table).getAllByRole('row')
  expect(rows).toHaveLength(25)
  expect(rows[1]?.textContent).toMatch(/50012073$/)
})

it('cuts the hour that would dwarf all others, and says so', async () => {
  const server = withFigures()
  const [unit] = server.figures.units
  if (!unit) throw new Error('no unit')
  unit.series = unit.series.map((hour, at) => ({ ...hour, granted: at === 3 ? 90_000 : at === 9 ? 40 : 0 }))
  open(server, '/overview')
  await screen.findByRole('img', { name: /in the last 24 hours/ })
  expect([...document.querySelectorAll('[data-cut]')].map((one) => one.textContent)).toEqual(['90,000'])
  expect(screen.getByText(/bars with a gap are cut/)).toBeTruthy()
})

it.each([
  [[], 1],
  [[7], 7],
  [[100, 90, 30], 100],
  [[29_250, 19_375, 200, 70], 300],
  [[1000, 10], 15],
  [[1000, 900, 800, 700, 10], 1000],
])('draws bars of %j up to %d', (amounts, ceiling) => {
  const parts = { granted: 0, back: 0, spent: 0, expired: 0, taken: 0 }
  const bars = amounts.map((amount, at) => ({
    at: '',
    parts,
    up: at % 2 ? 0 : amount,
    down: at % 2 ? amount : 0,
  }))
  expect(ceilingOf(bars)).toBe(ceiling)
})

it('judges the painted times by the objective, in words too', async () => {
  const painted = { p50_ms: 14.2, p95_ms: 180, p99_ms: 320, count: 1204, window_s: 3600 }
  open(withFigures({ painted: { ...painted, objective_ms: 200, within: 0.9996 } }), '/overview')
  const row = (name: string) => screen.getByText(name).closest('div')?.textContent
  await screen.findByText('p99')
  expect(row('p95')).toBe('p95180 mswithin the objective')
  expect(row('p99')).toBe('p99320 msover the objective')
  expect(screen.getByText('99.9%')).toBeTruthy()
})

it('says what failed and what is still being counted', async () => {
  open(
    withFigures({
      complete: false,
      failures: {
        since: '2026-11-23T05:00:00Z',
        storage: 'The disk is gone.',
        errors: 2,
        refused: 5,
        limited: 0,
        closed: { no_answer: 4, restarting: 9 },
        alarms: 0,
      },
    }),
    '/overview',
  )
  expect(await screen.findByText(/Nothing is written any more: The disk is gone\./)).toBeTruthy()
  expect(screen.getByText('Screens ended: no sign of life').nextSibling?.textContent).toBe('4')
  expect(screen.queryByText(/restarting/)).toBeNull()
  expect(screen.getByText(/still being counted/)).toBeTruthy()
})

it('says of how many nodes the figures are, and which is an estimate', async () => {
  const { server } = open(
    withFigures({
      screens: { open: 9000, users: 8100, users_exact: false },
      nodes: { asked: 3, answered: 2 },
    }),
    '/overview',
  )
  expect(await tile(/Live screens/)).toContain('of about 8,100 users')
  expect(screen.getByText(/2 of 3 nodes answered: live screens, painted times/)).toBeTruthy()
  expect(screen.getByText(/Counted by each node since it started; the first did/)).toBeTruthy()
  server.figures = statsOf([1])
  server.announceLists('history')
  await screen.findByText(/Counted since the node started/)
  expect(screen.queryByText(/nodes answered/)).toBeNull()
})

it('shows what an older node tells, which knows of no other nodes', async () => {
  const server = withFigures()
  server.once('GET', /^admin\/stats$/, () => {
    const { nodes: _, screens, ...rest } = statsOf([1200, 34])
    return json({ ...rest, screens: { open: 12, users: 9 }, failures: { ...rest.failures, errors: 2 } })
  })
  server.once('GET', /^admin\/nodes$/, () => problem(404, 'not_found', 'There is no such route.'))
  open(server, '/overview')
  expect(await tile(/Live screens/)).toContain('12of 9 users')
  expect(screen.getByText('Answers with a server error').nextSibling?.textContent).toBe('2')
  expect(screen.getByText(/Counted since the node started/)).toBeTruthy()
  expect(screen.queryByText(/nodes answered/)).toBeNull()
})

it('names the next steps where nobody is yet, and ticks what is done', async () => {
  const server = new InstallationServer()
  server.figures = statsOf([])
  server.addKey('shop backend')
  open(server, '/overview')
  const steps = await screen.findByRole('region', { name: 'Next steps' })
  await waitFor(() => expect(within(steps).getAllByRole('listitem')[0]?.textContent).toMatch(/\(done\)$/))
  expect(within(steps).getAllByText(/\(done\)/)).toHaveLength(1)
  expect(within(steps).getByRole('link', { name: 'Make a service key' }).getAttribute('href')).toBe(
    '/console/developers',
  )
})

it('stays with the error and its request id, and tries again', async () => {
  const server = withFigures()
  server.once('GET', /^admin\/stats$/, () => problem(403, 'forbidden', 'Not yours to see.'))
  const { user } = open(server, '/overview')
  expect(await screen.findByText('Not yours to see.')).toBeTruthy()
  expect(screen.getByRole('button', { name: 'Copy req_7f3e' })).toBeTruthy()
  await user.click(screen.getByRole('button', { name: 'Try again' }))
  expect(await tile(/Users/)).toContain('2')
})

it('says nothing of nodes where there is one', async () => {
  const { server } = open(withFigures(), '/overview')
  await tile(/^Outstanding/)
  await waitFor(() => expect(server.sent('GET', /^admin\/nodes$/)).toHaveLength(1))
  expect(screen.queryByRole('table', { name: 'Nodes' })).toBeNull()
})

it('shows the nodes, which of them answers, who goes and who is behind', async () => {
  const server = withFigures()
  const [node] = server.nodes
  if (node) {
    server.nodes.push({ ...node, node: 'credits-2', is_this: false, screens: 1204, lag_ms: 2300 })
    server.nodes.push({ ...node, node: 'credits-3', is_this: false, draining: true })
  }
  open(server, '/overview')
  const table = await screen.findByRole('table', { name: 'Nodes' })
  const rows = within(table).getAllByRole('row').slice(1)
  expect(rows.map((row) => row.textContent)).toEqual([
    expect.stringMatching(/^credits-1 answers you.*0 ms$/),
    expect.stringMatching(/^credits-2 behind.*1,2042,300 ms$/),
    expect.stringMatching(/^credits-3 going/),
  ])
})

it('says why a node is not ready, also where it is alone', async () => {
  const server = withFigures()
  const [node] = server.nodes
  const why = 'The clocks of this machine and of the database server differ by 3600 s.'
  if (node) node.not_ready = why
  open(server, '/overview')
  const table = await screen.findByRole('table', { name: 'Nodes' })
  const [row] = within(table).getAllByRole('row').slice(1)
  expect(row?.textContent).toMatch(/^credits-1 not ready/)
  expect(row?.textContent).toContain(why)
})

it('puts what a reversal did on the side where it belongs', () => {
  const hour = { at: '', granted: 5, spent: 2, expired: 1, taken: 4 }
  expect(barOf({ ...hour, reversed: 3 })).toMatchObject({ up: 8, down: 7, parts: { back: 3, taken: 4 } })
  expect(barOf({ ...hour, reversed: -3 })).toMatchObject({ up: 5, down: 10, parts: { back: 0, taken: 7 } })
})

it.each([
  [0.42, '0.42 ms'],
  [9.96, '10 ms'],
  [14.2, '14 ms'],
  [1234, '1.23 s'],
])('says %d as %s', (ms, text) => expect(milliseconds(ms)).toBe(text))

it('never calls nearly all all', () => {
  expect(share(1)).toBe('100%')
  expect(share(0.99999)).toBe('99.9%')
})

it('begins the day where the reader is', () => {
  expect(dayStart(new Date(2026, 10, 23, 17, 5))).toBe(new Date(2026, 10, 23).toISOString())
})
