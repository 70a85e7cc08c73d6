/**
 * The one place that talks HTTP: typed routes, problem documents as errors, keys for every change.
 *
 * Reads are sent once (the query layer repeats them); changes carry an idempotency key that was stored
 * before sending, so they are repeated here when no answer came. It knows nothing of React or of screens.
 * The odd thing: a network failure is a `Problem` too, with status 0 and no `detail`, so a caller has one
 * kind of error to show.
 */
import { serverUrl } from './base'
import { forgetKey, keyFor } from './keys'

export type Role = 'viewer' | 'support' | 'admin'

export interface Operator {
  id: string
  name: string
  email: string
  role: Role
  limit: number | null
}

export interface Balance {
  settled: number
  held: number
  available: number
}

export interface UserRow {
  user_id: string
  name: string | null
  email: string | null
  credits: number
  balance: Balance
  version: number
  unit: string
  frozen: boolean
  floor: number | null
  screens: number
  updated_at: string | null
  /** Available credits are below the threshold of the user, or of the unit. */
  low?: boolean
}

export interface Lot {
  lot: string
  amount: number
  remaining: number
  earmarked: number
  priority: number
  expires_at: string | null
  source: string | null
  created_at: string
}

export interface Account {
  unit: string
  version: number
  credits: number
  balance: Balance
  floor: number | null
  frozen: boolean
  next_expiry: { at: string; amount: number } | null
}

export interface UserDetail extends UserRow {
  lots: Lot[]
  next_expiry: { at: string; amount: number } | null
  metadata: Record<string, unknown> | null
  created_at: string
  accounts: Account[]
  /** Whether this user's screens are asked what they have painted. */
  receipts?: boolean
  /** The user's own threshold; null where the unit's holds. */
  low_threshold?: number | null
}

export interface Entry {
  entry: string
  user_id: string
  unit: string
  version: number
  kind: string
  amount: number
  settled_delta: number
  held_delta: number
  balance: Balance
  credits: number
  at: string
  label: string | null
  reason?: string | null
  actor?: string | null
  metadata?: Record<string, unknown> | null
  reverses?: string | null
  reversed_by?: string | null
  hold?: string | null
}

export interface Hold {
  hold: string
  user_id: string
  unit: string
  amount: number
  captured: number
  state: 'open' | 'captured' | 'released'
  expires_at: string
  created_at: string
  closed_at: string | null
}

export interface Screen {
  screen: string
  user: string | null
  kind: string
  carrier: string
  since: string
  user_agent: string | null
  visible: boolean | null
  painted: Record<string, number>
  tabs: number | null
  /** It has been sent more than it has painted. */
  behind: boolean
  /** Alive on the wire, but has not said for a while what it shows. */
  asleep: boolean
}

export interface AuditRow {
  id: string
  at: string
  actor: string
  action: string
  target: string | null
  reason: string | null
  before: unknown
  after: unknown
  address: string | null
  request_id: string | null
  details: unknown
}

export interface Answer {
  entry: string
  user_id: string
  unit: string
  kind: string
  amount: number
  version: number
  epoch: string
  credits: number
  balance: Balance
  as_of: string
}

/** An operator or a key, as far as a list of actors reads it. */
export interface Named {
  id: string
  name: string
}

export interface Unit {
  name: string
  scale: number
  /** Below it a balance is marked as low, unless the user has a threshold of their own. */
  low_threshold?: number | null
}

/** Part of a list; `next` and `previous` are cursors for `after` and `before`. */
export interface Page<T> {
  items: T[]
  next: string | null
  previous: string | null
}

export interface UsersPage extends Page<UserRow> {
  total: number
}

/** A request that did not succeed: the server's problem document, or the lack of any answer. */
export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    /** A sentence for a human; absent when no server wrote one. */
    readonly detail: string | undefined,
    readonly requestId: string | undefined,
    readonly document: Record<string, unknown> = {},
  ) {
    super(detail ?? code)
    this.name = 'Problem'
  }

  /** No word on whether the change was made: the same key must be used again. */
  get outcomeUnknown(): boolean {
    return this.status === 0 || this.status >= 500
  }

  /** The messages about single fields, by field name. */
  get fields(): Record<string, string> {
    const errors = Array.isArray(this.document['errors']) ? this.document['errors'] : []
    return Object.fromEntries(
      errors.map((error: Record<string, unknown>) => [
        String(error['field'] ?? ''),
        String(error['message'] ?? error['detail'] ?? ''),
      ]),
    )
  }
}

/** Everything as a problem, so that screens need not guess what was thrown. */
export function asProblem(error: unknown): Problem {
  if (error instanceof Problem) return error
  return new Problem(0, 'unexpected', error instanceof Error ? error.message : undefined, undefined)
}

let signedOut: () => void = () => {}

/** Calls back when the server no longer knows this session. */
export function onSignedOut(callback: () => void): void {
  signedOut = callback
}

type Query = Record<string, string | number | boolean | null | undefined>

export interface Options {
  query?: Query
  body?: unknown
  headers?: Record<string, string>
  signal?: AbortSignal | undefined
}

/** The address of a route, for links as well (an export is a plain download). */
export function address(path: string, query: Query = {}): string {
  const url = new URL(`api/v1/${path}`, serverUrl())
  for (const [name, value] of Object.entries(query)) {
    if (value !== null && value !== undefined && value !== '') url.searchParams.set(name, String(value))
  }
  return url.href
}

export async function request<T>(method: string, path: string, options: Options = {}): Promise<T> {
  const headers = new Headers({ accept: 'application/json', ...options.headers })
  if (options.body !== undefined) headers.set('content-type', 'application/json')
  let response: Response
  try {
    response = await fetch(address(path, options.query), {
      method,
      headers,
      credentials: 'same-origin',
      body: options.body === undefined ? null : JSON.stringify(options.body),
      signal: options.signal ?? null,
    })
  } catch (error) {
    if (options.signal?.aborted) throw error
    throw new Problem(0, 'unreachable', undefined, undefined)
  }
  if (response.ok) return (response.status === 204 ? undefined : await response.json()) as T
  const problem = await readProblem(response)
  if (problem.status === 401 && path !== 'admin/session') signedOut()
  throw problem
}

async function readProblem(response: Response): Promise<Problem> {
  let document: Record<string, unknown> = {}
  try {
    document = (await response.json()) as Record<string, unknown>
  } catch {
    // A proxy's error page is not a problem document; the status still says what happened.
  }
  const text = (name: string) => (typeof document[name] === 'string' ? document[name] : undefined)
  return new Problem(
    response.status,
    text('code') ?? `http_${response.status}`,
    text('detail'),
    text('request_id') ?? response.headers.get('x-request-id') ?? undefined,
    document,
  )
}

const RETRY_AFTER_MS = [300, 1200]

/** Sends a change with its key; repeats it with the same key while its outcome is unknown. */
export async function change<T>(
  method: string,
  path: string,
  body: unknown,
  headers: Record<string, string> = {},
): Promise<T> {
  const intent = `${method} ${path} ${JSON.stringify(body)} ${JSON.stringify(headers)}`
  try {
    const answer = await changeWithKey<T>(keyFor(intent), method, path, body, headers)
    forgetKey(intent)
    return answer
  } catch (error) {
    if (!asProblem(error).outcomeUnknown) forgetKey(intent)
    throw error
  }
}

/** A change whose key somebody else keeps: a batch is too large to be its own intent. */
export async function changeWithKey<T>(
  key: string,
  method: string,
  path: string,
  body: unknown,
  headers: Record<string, string> = {},
): Promise<T> {
  for (let attempt = 0; ; attempt += 1) {
    try {
      return await request<T>(method, path, { body, headers: { ...headers, 'idempotency-key': key } })
    } catch (error) {
      const problem = asProblem(error)
      const wait = RETRY_AFTER_MS[attempt]
      if (!problem.outcomeUnknown || wait === undefined) throw problem
      await new Promise((resume) => setTimeout(resume, wait))
    }
  }
}

const user = (id: string) => `admin/users/${encodeURIComponent(id)}`

export interface ChangeBody {
  unit: string
  reason: string
  label?: string
}

export interface ListQuery extends Query {
  after?: string | undefined
  before?: string | undefined
  limit?: number | undefined
}

/** The user's screens say at once that they painted the change; its answer does not wait for that. */
export const SEEN = { receipt: true }

interface SignedIn {
  operator: Operator
  /** Whether every change by an operator must carry a reason. */
  require_reason: boolean
}

/** The routes the console uses, one line each. */
export const api = {
  session: () => request<SignedIn>('GET', 'admin/session'),
  signIn: (body: { email: string; password: string } | { code: string }) =>
    request<SignedIn>('POST', 'admin/session', { body }),
  signOut: () => request<void>('DELETE', 'admin/session'),
  liveToken: () => request<{ token: string; expires_at: string }>('POST', 'admin/session/live-token'),
  operators: (signal?: AbortSignal) => request<{ items: Named[] }>('GET', 'admin/operators', { signal }),
  keys: (signal?: AbortSignal) => request<{ items: Named[] }>('GET', 'admin/keys', { signal }),
  reasonPresets: (signal?: AbortSignal) =>
    request<{ reason_presets: string[] }>('GET', 'admin/settings', { signal }),
  units: (signal?: AbortSignal) => request<{ items: Unit[] }>('GET', 'admin/units', { signal }),

  users: (query: ListQuery, signal?: AbortSignal) =>
    request<UsersPage>('GET', 'admin/users', { query, signal }),
  user: (id: string, unit: string, signal?: AbortSignal) =>
    request<UserDetail>('GET', user(id), { query: { unit }, signal }),
  putUser: (id: string, body: Record<string, unknown>) => change<UserDetail>('PUT', user(id), body),
  history: (id: string, query: ListQuery, signal?: AbortSignal) =>
    request<Page<Entry>>('GET', `${user(id)}/history`, { query, signal }),
  holds: (id: string, query: ListQuery, signal?: AbortSignal) =>
    request<Page<Hold>>('GET', `${user(id)}/holds`, { query, signal }),
  screens: (id: string, signal?: AbortSignal) =>
    request<{ items: Screen[] }>('GET', 'admin/screens', { query: { user: id }, signal }),
  audit: (query: ListQuery, signal?: AbortSignal) =>
    request<Page<AuditRow>>('GET', 'admin/audit', { query, signal }),

  setCredits: (id: string, credits: number, body: ChangeBody, ifVersion: number) =>
    change<Answer>(
      'PUT',
      `${user(id)}/credits`,
      { credits, ...body, ...SEEN },
      { 'if-match': `"${ifVersion}"` },
    ),
  adjust: (id: string, amount: number, body: ChangeBody) =>
    change<Answer>('POST', `${user(id)}/adjustments`, { amount, ...body, ...SEEN }),
  grant: (id: string, amount: number, body: ChangeBody & { expires_at?: string }) =>
    change<Answer>('POST', `users/${encodeURIComponent(id)}/grants`, { amount, ...body, ...SEEN }),
  reverse: (entry: string, body: { reason: string }) =>
    change<Answer>('POST', `admin/entries/${encodeURIComponent(entry)}/reverse`, { ...body, ...SEEN }),
  capture: (id: string, hold: string, body: { amount?: number; reason: string }) =>
    change<Answer>('POST', `users/${encodeURIComponent(id)}/holds/${encodeURIComponent(hold)}/capture`, {
      ...body,
      ...SEEN,
    }),
  release: (id: string, hold: string, body: { reason: string }) =>
    change<Answer>('POST', `users/${encodeURIComponent(id)}/holds/${encodeURIComponent(hold)}/release`, {
      ...body,
      ...SEEN,
    }),
}
