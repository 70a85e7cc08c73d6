/** The Audit screen: what happened, narrowed by filters that stand in the address. */
import { screen, waitFor, within } from '@testing-library/react'
import { expect, it } from 'vitest'
import type { AuditRow } from '../src/api'
import { ADMIN, open, Server } from './harness'

const ROW: AuditRow = {
  id: 'aud_1',
  at: '2026-11-23T05:36:21.123456Z',
  actor: 'operator:op_1',
  action: 'credits.set',
  target: 'ada',
  reason: 'goodwill',
  before: { credits: 1000, version: 1 },
  after: { credits: 1500, version: 1 },
  address: '203.0.113.7',
  request_id: 'req_7f3e',
  details: null,
}

function withRow(): Server {
  const server = new Server()
  server.audit = [ROW]
  return server
}

it('shows before and after, why and who', async () => {
  open(withRow(), '/audit')
  const row = await screen.findByRole('row', { name: /credits\.set/ })
  expect(row.querySelector('.audit-values')?.textContent).toMatch(/credits 1,000\s+1,500/)
  expect(within(row).getByText('goodwill')).toBeTruthy()
  expect(within(row).getByText('Olga (you)')).toBeTruthy()
  expect(within(row).getByRole('link', { name: 'ada' }).getAttribute('href')).toBe('/console/users/ada')
})

it('calls colleagues and keys by their names, and shortens what it does not know', async () => {
  const server = withRow()
  const from = (id: string, actor: string): AuditRow => ({ ...ROW, id, actor })
  server.audit = [
    from('aud_1', 'operator:op_2'),
    from('aud_2', 'service:key_1'),
    from('aud_3', 'service:key_01a2071e39c377729be7270574a8436a'),
  ]
  open(server, '/audit')
  expect(await screen.findByText('Pavel')).toBeTruthy()
  expect(screen.getByText('shop backend')).toBeTruthy()
  expect(screen.getByText('service …a8436a')).toBeTruthy()
})

it('tells of what is new what it has, not what it lacks', async () => {
  const server = withRow()
  const after = { disabled: false, limit: null, name: 'Pavel', ends_at_us: 1_763_876_181_000_000 }
  server.audit = [{ ...ROW, action: 'operator.created', target: 'op_2', before: null, after }]
  open(server, '/audit')
  const row = await screen.findByRole('row', { name: /operator\.created/ })
  // Who it is about is called by name, as who did it.
  await waitFor(() => expect(within(row).getAllByText('Pavel')).toHaveLength(2))
  const values = [...row.querySelectorAll('.audit-values li')].map((each) => each.textContent)
  expect(values).toEqual(['disabled false', 'name Pavel', expect.stringMatching(/^ends_at Nov 2\d, 2025/)])
})

it('opens the details with the request id', async () => {
  const { user } = open(withRow(), '/audit')
  const more = await screen.findByRole('button', { name: /Details of credits\.set/ })
  await user.click(more)
  expect(more.getAttribute('aria-expanded')).toBe('true')
  expect(screen.getByText('req_7f3e')).toBeTruthy()
  expect(screen.getByText('203.0.113.7')).toBeTruthy()
})

it('filters by Enter, keeps the filter in the address and asks the server', async () => {
  const { user, server } = open(withRow(), '/audit')
  await screen.findByText('goodwill')
  await user.type(screen.getByLabelText('Target'), 'ada{Enter}')
  await waitFor(() => expect(server.requests.at(-1)?.query.get('target')).toBe('ada'))
  expect(location.search).toBe('?target=ada')
  await user.click(screen.getByRole('button', { name: 'Clear' }))
  expect(location.search).toBe('')
  expect((screen.getByLabelText('Target') as HTMLInputElement).value).toBe('')
})

it('leaves broadcasts out at the server, so that pages stay full, until somebody asks for them', async () => {
  const { user, server } = open(withRow(), '/audit?after=aud_9')
  await screen.findByText('goodwill')
  const asked = () => server.sent('GET', /^admin\/audit$/).at(-1)?.query
  expect(asked()?.get('exclude')).toBe('user.broadcast')
  await user.click(screen.getByRole('switch', { name: 'Broadcasts' }))
  await waitFor(() => expect(asked()?.get('exclude')).toBeNull())
  expect(asked()?.get('after')).toBeNull()
  expect(location.search).toBe('?broadcasts=shown')
})

it('asks for one action whatever it is', async () => {
  const { server } = open(withRow(), '/audit?action=user.broadcast')
  await screen.findByText('goodwill')
  const query = server.sent('GET', /^admin\/audit$/)[0]?.query
  expect([query?.get('action'), query?.get('exclude')]).toEqual(['user.broadcast', null])
})

it('takes whole days of the reader’s own calendar', async () => {
  const { server } = open(withRow(), '/audit?since=2026-11-20&until=2026-11-20')
  await screen.findByText('goodwill')
  const query = server.sent('GET', /^admin\/audit$/)[0]?.query
  const hours = (Date.parse(query?.get('until') ?? '') - Date.parse(query?.get('since') ?? '')) / 3_600_000
  expect(hours).toBe(24)
})

it('exports what the filters ask for', async () => {
  open(withRow(), '/audit?actor=operator:op_1')
  const link = await screen.findByRole('link', { name: 'Export as csv' })
  const url = new URL(link.getAttribute('href') ?? '')
  expect(url.pathname).toBe('/api/v1/admin/audit')
  expect(Object.fromEntries(url.searchParams)).toEqual({ actor: 'operator:op_1', format: 'csv' })
})

it('offers new rows instead of pushing the list down', async () => {
  const { user, server } = open(withRow(), '/audit')
  await screen.findByText('goodwill')
  server.audit = [{ ...ROW, id: 'aud_2', reason: 'second' }, ROW]
  server.announceLists('audit')
  const show = await screen.findByRole('button', { name: '1 new row: show' })
  expect(screen.queryByText('second')).toBeNull()
  await user.click(show)
  expect(await screen.findByText('second')).toBeTruthy()
})

it('leaves the export to admins, and names the next step when there is nothing', async () => {
  const server = new Server()
  server.operator = { ...ADMIN, role: 'viewer' }
  open(server, '/audit')
  expect(await screen.findByText('Nothing has happened yet')).toBeTruthy()
  expect(screen.queryByRole('link', { name: /Export/ })).toBeNull()
})
