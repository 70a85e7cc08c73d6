/**
 * The routes of the whole installation: figures, nodes, settings, operators, keys, units, and the developers' tools.
 *
 * Stands beside `api.ts` and uses its ways to ask, so that a screen loads only what it needs. It knows nothing of
 * React. The odd thing: making a key or a link is asked once and never repeated by itself, since each of them makes
 * another secret.
 */
import { change, type Operator, Problem, type Role, request, type Unit } from './api'
import { serverUrl } from './base'
import { completed } from './older'

export interface Moved {
  granted: number
  spent: number
  expired: number
  taken: number
  /** What reversals gave back (positive) or took back (negative). */
  reversed: number
}

export interface Hour extends Moved {
  at: string
}

export interface UnitStats {
  unit: string
  scale: number
  outstanding: number
  held: number
  granted_today: number
  spent_today: number
  expired_today: number
  taken_today: number
  reversed_today: number
  series: Hour[]
}

export interface Painted {
  p50_ms: number | null
  p95_ms: number | null
  p99_ms: number | null
  count: number
  window_s: number
  objective_ms: number
  within: number | null
}

export interface Failures {
  since: string
  storage: string | null
  errors: number
  refused: number
  limited: number
  closed: Record<string, number>
  alarms: number
}

export interface Stats {
  as_of: string
  today_from: string
  /** False for the first seconds of a process. */
  complete: boolean
  units: UnitStats[]
  users: number
  orders: { pending: number }
  /** Where several nodes have thousands of users, their number is an estimate. */
  screens: { open: number; users: number; users_exact: boolean }
  painted: Painted
  failures: Failures
  /** How many nodes serve, and how many of them the figures of screens, painted times and failures are of. */
  nodes: { asked: number; answered: number }
}

export interface Node {
  node: string
  started_at: string
  version: string
  screens: number
  /** How old the commits of the others were that reached it last. */
  lag_ms: number
  draining: boolean
  /** Why a proxy should not send to it; an older node does not tell. */
  not_ready?: string | null
  is_this: boolean
}

export interface Facts {
  version: string
  mode: 'development' | 'production'
  database: string
  allowed_origins: string[]
  trusted_proxies: string[]
  require_reason: boolean
  session_ttl_s: number
  token_ttl_most_s: number
  heartbeat_s: number
  screens_per_user: number
  identity_provider: string | null
  idempotency_keep_days: number | null
}

/** What operators set for the whole installation. */
export interface Kept {
  receipts: boolean
  painted_objective_ms: number
  broadcasts_keep_days: number
  reason_presets: string[]
}

export interface Settings extends Kept {
  facts: Facts
}

export const SCOPES = ['read', 'move', 'tokens', 'shop', 'admin', 'live'] as const
export type Scope = (typeof SCOPES)[number]

export interface Key {
  id: string
  name: string
  scopes: Scope[]
  /** The end of the secret. */
  hint: string
  created_by: string | null
  created_at: string
  last_used_at: string | null
  revoked_at: string | null
}

export interface OperatorRow extends Operator {
  disabled: boolean
  created_at: string
}

export interface OperatorBody {
  name?: string
  role?: Role
  limit?: number | null
  password?: string
  disabled?: boolean
}

export interface TokenTest {
  valid: boolean
  kind: 'screen' | 'provider' | 'operator' | 'key' | 'unknown'
  user_id: string | null
  known_user: boolean | null
  issued_at: string | null
  expires_at: string | null
  header: Record<string, unknown> | null
  claims: Record<string, unknown> | null
  problem: { check: string; detail: string } | null
}

const operator = (id: string) => `admin/operators/${encodeURIComponent(id)}`

export const installation = {
  stats: async (today_from: string, signal?: AbortSignal) =>
    completed(await request<Stats>('GET', 'admin/stats', { query: { today_from }, signal }), {
      // A node that does not know the others tells its own figures.
      screens: { users_exact: true },
      nodes: { asked: 1, answered: 1 },
    }),
  nodes: (signal?: AbortSignal) => request<{ items: Node[] }>('GET', 'admin/nodes', { signal }),

  settings: (signal?: AbortSignal) => request<Settings>('GET', 'admin/settings', { signal }),
  putSettings: (body: Partial<Kept>) => change<Settings>('PUT', 'admin/settings', body),
  putUnit: (name: string, body: { scale: number; low_threshold: number | null }) =>
    change<Unit>('PUT', `admin/units/${encodeURIComponent(name)}`, body),

  operators: (signal?: AbortSignal) =>
    request<{ items: OperatorRow[] }>('GET', 'admin/operators', { signal }),
  addOperator: (body: OperatorBody & { email: string }) =>
    request<OperatorRow>('POST', 'admin/operators', { body }),
  putOperator: (id: string, body: OperatorBody) => change<OperatorRow>('PUT', operator(id), body),
  linkOperator: (id: string) =>
    request<{ code: string; expires_at: string }>('POST', `${operator(id)}/link`, {}),

  keys: (signal?: AbortSignal) => request<{ items: Key[] }>('GET', 'admin/keys', { signal }),
  addKey: (body: { name: string; scopes: Scope[] }) =>
    request<{ key: Key; secret: string }>('POST', 'admin/keys', { body }),
  revokeKey: (id: string) => request<Key>('DELETE', `admin/keys/${encodeURIComponent(id)}`),

  /** The token travels in the body alone. */
  testToken: (token: string) => request<TokenTest>('POST', 'admin/tokens/test', { body: { token } }),
  mintToken: (user_id: string, ttl_s: number) =>
    request<{ token: string; expires_at: string }>('POST', 'tokens', { body: { user_id, ttl_s } }),
}

export interface Operation {
  method: string
  path: string
  tag: string
  summary: string
  /** The whole description, with who may. */
  description: string
}

interface OpenApi {
  info: { version: string }
  paths: Record<string, Record<string, { tags?: string[]; summary?: string; description?: string }>>
}

/** What the API offers, by the server's own document. */
export async function readOperations(signal: AbortSignal): Promise<Operation[]> {
  const answer = await fetch(new URL('openapi.json', serverUrl()).href, { signal })
  if (!answer.ok) throw new Problem(answer.status, `http_${answer.status}`, undefined, undefined)
  const { paths } = (await answer.json()) as OpenApi
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, { tags = [], summary = '', description = '' }]) => ({
      method: method.toUpperCase(),
      path,
      tag: tags[0] ?? 'Other',
      summary,
      description,
    })),
  )
}
