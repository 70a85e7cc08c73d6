/**
 * The requests of the SDK: read the own balance, ask the server to push a user's state again, and whatever the
 * shop asks.
 *
 * Promise: a failed request throws a `CreditsProblem` in the server's words, or whatever `fetch` threw. A
 * token goes into the header, never into the address; a refused token is renewed once; a route is not asked
 * before the time that its Retry-After named.
 *
 * The odd one: this file is loaded when it is first needed. Numbers come by push; most pages never read.
 */
import type { Environment } from './environment.js'
import type { StateFrame } from './frames.js'
import type { Shop, ShopNeeds } from './shop.js'
import type { Balance, CreditsProblem, CreditsStore, NextExpiry } from './types.js'

/** A balance as the HTTP API writes it; the fields that the SDK reads. */
interface BalanceBody {
  readonly user_id: string
  readonly unit: string
  readonly version: number
  readonly epoch: string
  readonly balance: Balance
  readonly next_expiry: NextExpiry | null
}

export interface Http {
  /**
   * Reads the own balance. Rejects with the reason.
   *
   * @param settled - The key of an own change that a read which begins now contains for certain.
   */
  read(unit?: string, settled?: string): Promise<void>
  refresh: CreditsStore['refresh']
  refreshUser: CreditsStore['refreshUser']
  pushAgain(userId: string): Promise<unknown>
  lists(): Promise<Shop['lists']>
  redeem: Shop['redeem']
  order: Shop['order']
  cancelOrder: Shop['cancelOrder']
}

/** What a read needs of the store. */
export interface Reading {
  me(): string | null | undefined
  /** False where there is nothing to read. */
  mayRead(): boolean
  /** The state held of an account, for what HTTP does not tell. */
  held(user: string, unit: string): StateFrame | undefined
  /** @param state - Null when nobody is signed in. */
  take(state: StateFrame | null, settled?: string): void
  log(line: string): void
}

/**
 * Asks with the screen's token; null when nobody is signed in.
 *
 * @param path - Under `/api/v1/`.
 * @param init - Method, further headers and body.
 */
export type CallApi = <T>(path: string, init?: CallInit) => Promise<T | null>

export interface CallInit extends RequestInit {
  readonly headers?: Readonly<Record<string, string>>
}

type RefreshOptions = Parameters<CreditsStore['refresh']>[0]

interface Refusal {
  readonly notBefore: number
  readonly problem: CreditsProblem
}

export function createHttp(
  environment: Environment,
  root: string,
  credential: (fresh: boolean) => Promise<string | null>,
  { me, mayRead, held, take, log }: Reading,
  ...forShop: ShopNeeds
): Http {
  const [{ unit: usual }] = forShop
  const reads = new Map<string, Promise<void>>()
  const refusals = new Map<string, Refusal>()
  let opened: Shop | undefined

  async function ask(path: string, init: RequestInit): Promise<Response> {
    const route = `${init.method} ${path.split('?')[0]}`
    const former = refusals.get(route)
    if (former && environment.now() < former.notBefore) throw former.problem
    const response = await environment.fetch(`${root}/api/v1/${path}`, init)
    if (response.ok) return response
    const { status, headers } = response
    const told = await response.json().catch(() => ({}))
    const problem = { ...told, code: told.code ?? 'http', detail: told.detail ?? `HTTP ${status}`, status }
    const notBefore = environment.now() + Number(headers.get('retry-after')) * 1000 || 0
    refusals.set(route, { notBefore, problem })
    throw problem
  }

  async function call<T>(path: string, init: CallInit = {}, fresh = false): Promise<T | null> {
    const token = await credential(fresh)
    if (token === null) return null
    try {
      const headers = { ...init.headers, authorization: `Bearer ${token}` }
      return await (await ask(path, { ...init, headers, cache: 'no-store' })).json()
    } catch (reason) {
      if ((reason as CreditsProblem)?.status === 401 && !fresh) return call(path, init, true)
      throw reason
    }
  }

  async function read(unit = usual, settled?: string): Promise<void> {
    const body = await call<BalanceBody>(`credits/balance?unit=${encodeURIComponent(unit)}`)
    take(body && stateOf(body, held(body.user_id, unit)), settled)
  }

  async function refresh({ force = false, unit = usual }: RefreshOptions = {}): Promise<void> {
    if (!mayRead()) return
    let reading = reads.get(unit)
    if (!reading || force) {
      reading = read(unit)
      reads.set(unit, reading)
    }
    await reading.finally(() => reads.get(unit) === reading && reads.delete(unit))
  }

  async function shop(): Promise<Shop> {
    const { createShop } = await import('./shop.js')
    // Only now: whoever asked at the same time has come here before, and there is one shop, or a key would be two.
    opened ??= createShop(environment, root, call, ...forShop)
    return opened
  }

  return {
    lists: async () => (await shop()).lists,
    redeem: async (code) => (await shop()).redeem(code),
    order: async (packageId, terms) => (await shop()).order(packageId, terms),
    cancelOrder: async (orderId) => (await shop()).cancelOrder(orderId),
    read,
    refresh,
    async refreshUser(userId) {
      if (userId !== me()) return
      log(`🔄 Refreshing credits for user ${userId} (current user)`)
      await refresh({ force: true })
    },
    pushAgain: (userId) =>
      ask(`admin/users/${encodeURIComponent(userId)}/broadcast`, { method: 'POST', credentials: 'include' }),
  }
}

function stateOf(body: BalanceBody, before: StateFrame | undefined): StateFrame {
  const { user_id: user, unit, version, epoch, balance, next_expiry } = body
  // As `frames.ts` refuses it; that function would be torn out of the core's own file by this part.
  const { settled, held, available } = balance
  if (![version, settled, held, available].every(Number.isSafeInteger)) throw new RangeError('inexact number')
  const { scale = 0 } = before ?? {}
  const { cause = null, changed_at = null, low = false } = before?.version === version ? before : {}
  return { type: 'state', epoch, user, unit, version, balance, scale, next_expiry, changed_at, cause, low }
}
