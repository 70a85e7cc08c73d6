/**
 * A small livecredits in memory, as the browser sees it: a scripted `fetch` and the live socket.
 *
 * It keeps users with balances and versions, books sets, adjustments and reversals like the real one, and
 * pushes each to the socket. A test may script the answer of any route once (`once`), hold it back
 * (`holdBack`), or change a balance behind the console's back (`someoneChanges`).
 */
import { vi } from 'vitest'
import type { AuditRow, Entry, Hold, Lot, Operator, Screen, Unit, UserRow } from '../src/api'
import type { Stats } from '../src/installation'
import type { Counts } from '../src/receipts'

export interface Request {
  method: string
  path: string
  query: URLSearchParams
  headers: Headers
  body: Record<string, unknown> | undefined
}

type Scripted = (request: Request) => Response | Promise<Response>

export const ADMIN: Operator = {
  id: 'op_1',
  name: 'Olga',
  email: 'olga@example.com',
  role: 'admin',
  limit: null,
}

export function json(body: unknown, status = 200): Response {
  return new Response(JSON.stringify(body), { status, headers: { 'content-type': 'application/json' } })
}

export function problem(status: number, code: string, detail: string, extra: object = {}): Response {
  return json({ status, code, detail, title: code, request_id: 'req_7f3e', ...extra }, status)
}

/** Figures of balances, and of nothing else that ever happened. */
export function statsOf(credits: number[], more: Partial<Stats> = {}): Stats {
  const still = { granted: 0, spent: 0, expired: 0, taken: 0, reversed: 0 }
  const first = Date.parse('2026-11-22T06:00:00Z')
  return {
    as_of: '2026-11-23T05:36:21.123456Z',
    today_from: '2026-11-23T00:00:00Z',
    complete: true,
    units: [
      {
        unit: 'credits',
        scale: 0,
        outstanding: credits.reduce((sum, each) => sum + each, 0),
        held: 0,
        granted_today: 0,
        spent_today: 0,
        expired_today: 0,
        taken_today: 0,
        reversed_today: 0,
        series: Array.from({ length: 24 }, (_, at) => ({
          at: new Date(first + at * 3_600_000).toISOString(),
          ...still,
        })),
      },
    ],
    users: credits.length,
    orders: { pending: 0 },
    screens: { open: 0, users: 0, users_exact: true },
    painted: {
      p50_ms: null,
      p95_ms: null,
      p99_ms: null,
      count: 0,
      window_s: 3600,
      objective_ms: 200,
      within: null,
    },
    failures: {
      since: '2026-11-23T05:00:00Z',
      storage: null,
      errors: 0,
      refused: 0,
      limited: 0,
      closed: {},
      alarms: 0,
    },
    nodes: { asked: 1, answered: 1 },
    ...more,
  }
}

export class Server {
  operator: Operator | null = ADMIN
  users = new Map<string, UserRow>()
  entries: Entry[] = []
  holds: Hold[] = []
  lots: Lot[] = []
  screens: Screen[] = []
  audit: AuditRow[] = []
  /** Every change of an operator must say why. */
  requireReason = false
  /** What the next look at any broadcast tells; null: there is no such broadcast. */
  broadcast: { screens: Counts; settled: boolean } | null = null
  /** What the socket was sent. */
  frames: Record<string, unknown>[] = []
  units: Unit[] = [{ name: 'credits', scale: 0 }]
  requests: Request[] = []
  /** Nothing listens any more. */
  isGone = false
  /** Pushes wait while this is true: the HTTP answer comes first then. */
  pushesPaused = false
  private scripts: { method: string; path: RegExp; answer: Scripted }[] = []
  private sockets = new Set<FakeSocket>()
  private count = 0

  constructor() {
    vi.stubGlobal('fetch', (address: string, init: RequestInit) => this.fetch(address, init))
    const server = this
    vi.stubGlobal(
      'WebSocket',
      class extends FakeSocket {
        constructor() {
          super(server)
        }
      },
    )
  }

  addUser(user_id: string, credits: number, more: Partial<UserRow> = {}): UserRow {
    const row: UserRow = {
      user_id,
      name: null,
      email: null,
      credits,
      balance: { settled: credits, held: 0, available: credits },
      version: 1,
      unit: 'credits',
      frozen: false,
      floor: 0,
      screens: 0,
      updated_at: '2026-11-23T05:36:21.123456Z',
      ...more,
    }
    this.users.set(user_id, row)
    return row
  }

  /** The next request to this route gets this answer instead. */
  once(method: string, path: RegExp, answer: Scripted): void {
    this.scripts.push({ method, path, answer })
  }

  /** Keeps the next request to this route waiting; the returned function lets it go on. */
  holdBack(method: string, path: RegExp): () => void {
    let go = () => {}
    const gate = new Promise<void>((resume) => {
      go = resume
    })
    this.once(method, path, async (request) => {
      await gate
      return this.route(request)
    })
    return go
  }

  /** Another operator, a job, an expiry: the balance moves and is pushed. */
  someoneChanges(user_id: string, amount: number): void {
    this.book(user_id, amount, 'adjust', null)
  }

  /** The answer that a request gets where nothing is scripted; for scripts. */
  answer(request: Request): Response {
    return this.route(request)
  }

  sent(method: string, path: RegExp): Request[] {
    return this.requests.filter((request) => request.method === method && path.test(request.path))
  }

  announceLists(...lists: string[]): void {
    for (const socket of this.sockets) socket.receive({ type: 'changed', lists })
  }

  cutTheLine(): void {
    for (const socket of [...this.sockets]) socket.drop()
  }

  join(socket: FakeSocket): void {
    this.sockets.add(socket)
  }

  leave(socket: FakeSocket): void {
    this.sockets.delete(socket)
  }

  stateOf(user_id: string) {
    const row = this.users.get(user_id)
    return {
      type: 'state',
      epoch: 'ep_1',
      user: user_id,
      unit: 'credits',
      version: row?.version ?? 0,
      balance: row?.balance ?? { settled: 0, held: 0, available: 0 },
      credits: row?.credits ?? 0,
      scale: 0,
      next_expiry: null,
      changed_at: row?.updated_at ?? null,
      cause: null,
      keys: [],
      low: row?.low ?? false,
    }
  }

  private async fetch(address: string, init: RequestInit): Promise<Response> {
    if (this.isGone) throw new TypeError('Failed to fetch')
    const url = new URL(address)
    const request: Request = {
      method: init.method ?? 'GET',
      path: url.pathname.replace('/api/v1/', ''),
      query: url.searchParams,
      headers: new Headers(init.headers),
      body: init.body ? JSON.parse(String(init.body)) : undefined,
    }
    this.requests.push(request)
    const at = this.scripts.findIndex(
      ({ method, path }) => method === request.method && path.test(request.path),
    )
    if (at < 0) return this.route(request)
    const [script] = this.scripts.splice(at, 1)
    return script ? script.answer(request) : this.route(request)
  }

  protected route(request: Request): Response {
    const { method, path, body = {} } = request
    const [, id = '', rest = ''] = /^(?:admin\/)?users\/([^/]+)\/?(.*)$/.exec(path) ?? []
    const user = this.users.get(decodeURIComponent(id))
    switch (`${method} ${path}`) {
      case 'GET admin/session':
        return this.operator
          ? json({ operator: this.operator, require_reason: this.requireReason })
          : problem(401, 'unauthenticated', 'Sign in first.')
      case 'POST admin/session':
        return this.signIn(body)
      case 'DELETE admin/session':
        this.operator = null
        return new Response(null, { status: 204 })
      case 'POST admin/session/live-token':
        return json({ token: 'live', expires_at: '2099-01-01T00:00:00Z' })
      case 'GET admin/stats':
        return json(this.stats())
      case 'GET admin/settings':
        return json({ reason_presets: ['Goodwill', 'Correction', 'Refund', 'Promotion', 'Test'] })
      case 'GET admin/units':
        return json({ items: this.units })
      case 'GET admin/operators':
        return json({ items: [ADMIN, { id: 'op_2', name: 'Pavel' }] })
      case 'GET admin/keys':
        return json({ items: [{ id: 'key_1', name: 'shop backend' }] })
      case 'GET admin/users':
        return json(this.page(request.query))
      case 'GET admin/screens':
        return json({ items: this.screens })
      case 'GET admin/audit':
        return json({
          items: this.audit.filter(({ action }) => action !== request.query.get('exclude')),
          next: null,
          previous: null,
        })
    }
    if (path.startsWith('admin/broadcasts/') && this.broadcast) return json(this.broadcast)
    if (path.startsWith('admin/entries/')) return this.reverse(path.split('/')[2] ?? '')
    if (!user) return problem(404, 'not_found', 'There is no such user.')
    if (rest === 'history') return json(this.history(request.query))
    if (rest === 'holds') return json({ items: this.holds, next: null, previous: null })
    if (rest === 'credits') return this.set(user, request)
    if (rest === 'adjustments' || rest === 'grants') {
      return json(
        this.book(user.user_id, Number(body['amount']), rest === 'grants' ? 'grant' : 'adjust', body),
      )
    }
    if (method === 'PUT' && rest === '') Object.assign(user, body)
    if (/^holds\/.*\/(release|capture)$/.test(rest)) {
      this.holds = []
      return json(this.book(user.user_id, 0, rest.endsWith('release') ? 'release' : 'capture', body))
    }
    return json({
      ...user,
      lots: this.lots,
      next_expiry: null,
      metadata: null,
      created_at: '2026-11-01T00:00:00Z',
      accounts: [],
    })
  }

  /** The figures that its users add up to. */
  protected stats(): Stats {
    return statsOf([...this.users.values()].map((row) => row.credits))
  }

  private signIn(body: Record<string, unknown>): Response {
    if (body['code'] === 'good' || body['password'] === 'correct horse') {
      this.operator = ADMIN
      return json({ operator: ADMIN })
    }
    const what = 'code' in body ? 'This sign-in link has been used already.' : 'Email or password is wrong.'
    return problem(401, 'unauthenticated', what)
  }

  private page(query: URLSearchParams) {
    const q = (query.get('q') ?? '').toLowerCase()
    const sort = query.get('sort') ?? 'user_id'
    const items = [...this.users.values()].filter(
      (row) =>
        [row.user_id, row.name, row.email].some((text) => text?.toLowerCase().includes(q)) &&
        (query.get('frozen') !== 'true' || row.frozen),
    )
    if (sort === '-credits') items.sort((a, b) => b.credits - a.credits)
    const from = Number(query.get('after') ?? 0)
    const to = from + Number(query.get('limit') ?? 50)
    return {
      items: items.slice(from, to).map((row) => ({ ...row })),
      next: to < items.length ? String(to) : null,
      previous: from > 0 ? String(from) : null,
      total: items.length,
    }
  }

  private history(query: URLSearchParams) {
    const items = [...this.entries].reverse()
    const from = Number(query.get('after') ?? 0)
    const to = from + Number(query.get('limit') ?? 50)
    return { items: items.slice(from, to), next: to < items.length ? String(to) : null, previous: null }
  }

  private set(user: UserRow, request: Request): Response {
    const wanted = Number(request.headers.get('if-match')?.replaceAll('"', ''))
    if (wanted !== user.version) {
      return problem(412, 'version_mismatch', 'The balance has changed.', {
        version: user.version,
        balance: user.balance,
      })
    }
    return json(
      this.book(user.user_id, Number(request.body?.['credits']) - user.credits, 'set', request.body ?? null),
    )
  }

  private reverse(id: string): Response {
    const entry = this.entries.find((each) => each.entry === id)
    if (!entry) return problem(404, 'not_found', 'There is no such entry.')
    return json(this.book(entry.user_id, -entry.amount, 'reverse', null))
  }

  protected book(user_id: string, amount: number, kind: string, body: Record<string, unknown> | null) {
    const row = this.users.get(user_id)
    if (!row) throw new Error(`no user ${user_id}`)
    this.count += 1
    row.version += 1
    row.credits += amount
    row.balance = { settled: row.credits, held: 0, available: row.credits }
    const answer = {
      entry: `ent_${this.count}`,
      user_id,
      unit: 'credits',
      kind,
      amount,
      version: row.version,
      epoch: 'ep_1',
      credits: row.credits,
      balance: row.balance,
      as_of: '2026-11-23T06:00:00Z',
    }
    this.entries.push({
      ...answer,
      settled_delta: amount,
      held_delta: 0,
      at: '2026-11-23T06:00:00Z',
      label: null,
      reason: (body?.['reason'] as string | undefined) ?? null,
      actor: 'operator:op_1',
    })
    if (!this.pushesPaused) this.push(user_id)
    return answer
  }

  push(user_id: string): void {
    for (const socket of this.sockets) if (socket.watched.has(user_id)) socket.receive(this.stateOf(user_id))
  }
}

/** The live socket: answers `auth`, `watch` and `resync` as the protocol says. */
export class FakeSocket {
  static readonly CONNECTING = 0
  static readonly OPEN = 1
  static readonly CLOSING = 2
  static readonly CLOSED = 3
  readyState = FakeSocket.CONNECTING
  protocol = 'livecredits.v1'
  onopen: ((event: Event) => void) | null = null
  onmessage: ((event: MessageEvent) => void) | null = null
  onclose: ((event: CloseEvent) => void) | null = null
  onerror: ((event: Event) => void) | null = null
  watched = new Set<string>()

  constructor(private readonly server: Server) {
    queueMicrotask(() => {
      if (server.isGone) return this.drop()
      this.readyState = FakeSocket.OPEN
      server.join(this)
      this.onopen?.(new Event('open'))
    })
  }

  send(text: string): void {
    const frame = JSON.parse(text) as { type: string; users?: string[] }
    this.server.frames.push(frame)
    if (frame.type === 'auth' || frame.type === 'resync') this.receive(this.hello())
    if (frame.type === 'unwatch') for (const user of frame.users ?? []) this.watched.delete(user)
    if (frame.type !== 'watch') return
    for (const user of frame.users ?? []) {
      this.watched.add(user)
      this.receive(this.server.stateOf(user))
    }
  }

  receive(frame: object): void {
    queueMicrotask(() => this.onmessage?.(new MessageEvent('message', { data: JSON.stringify(frame) })))
  }

  drop(): void {
    this.close(1006)
  }

  close(code = 1000): void {
    if (this.readyState === FakeSocket.CLOSED) return
    this.readyState = FakeSocket.CLOSED
    this.server.leave(this)
    this.onclose?.(new CloseEvent('close', { code }))
  }

  private hello() {
    return {
      type: 'hello',
      protocol: 1,
      epoch: 'ep_1',
      screen: 'scr_1',
      heartbeat_s: 20,
      token_expires_at: null,
      user: null,
      accounts: [...this.watched].map((user) => this.server.stateOf(user)),
    }
  }
}
