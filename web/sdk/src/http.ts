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
import type { Balance, CreditsProblem, NextExpiry } from './types.js'

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
   * The own balance as a state without keys; null when nobody is signed in.
   *
   * @param heldState - The state held of an account, for what HTTP does not tell.
   */
  readBalance(unit: string, heldState: (user: string) => StateFrame | undefined): Promise<StateFrame | null>
  pushAgain(userId: string): Promise<unknown>
  lists(): Promise<Shop['lists']>
  redeem: Shop['redeem']
  order: Shop['order']
  cancelOrder: Shop['cancelOrder']
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

interface Refusal {
  readonly notBefore: number
  readonly problem: CreditsProblem
}

export function createHttp(
  environment: Environment,
  root: string,
  credential: (fresh: boolean) => Promise<string | null>,
  ...forShop: ShopNeeds
): Http {
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
    async readBalance(unit, heldState) {
      const body = await call<BalanceBody>(`credits/balance?unit=${encodeURIComponent(unit)}`)
      return body && stateOf(body, heldState(body.user_id))
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
