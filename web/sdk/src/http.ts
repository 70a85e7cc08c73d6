/**
 * The requests of the SDK: read the own balance, ask the server to push a user's state again.
 *
 * Promise: a failed request throws a `CreditsProblem` in the server's words, or whatever `fetch` threw. A
 * token goes into the header, never into the address; a refused token is renewed once; nothing is asked
 * before the time that a Retry-After named.
 *
 * The odd one: this file is loaded when it is first needed. Numbers come by push; most pages never read.
 */
import type { Environment } from './environment.js'
import type { StateFrame } from './frames.js'
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
}

export function createHttp(
  environment: Environment,
  root: string,
  credential: (fresh: boolean) => Promise<string | null>,
): Http {
  let notBefore = 0
  let refusal: CreditsProblem | undefined

  async function ask(path: string, init: RequestInit): Promise<Response> {
    if (environment.now() < notBefore) throw refusal
    const response = await environment.fetch(`${root}/api/v1/${path}`, init)
    if (response.ok) return response
    const { status, headers } = response
    const { code = 'http', detail = `HTTP ${status}` } = await response.json().catch(() => ({}))
    notBefore = environment.now() + Number(headers.get('retry-after')) * 1000 || 0
    refusal = { code, detail, status }
    throw refusal
  }

  async function readBalance(unit: string, fresh = false): Promise<BalanceBody | null> {
    const token = await credential(fresh)
    if (token === null) return null
    try {
      const headers = { authorization: `Bearer ${token}` }
      const path = `credits/balance?unit=${encodeURIComponent(unit)}`
      return await (await ask(path, { headers, cache: 'no-store' })).json()
    } catch (reason) {
      if ((reason as CreditsProblem)?.status === 401 && !fresh) return readBalance(unit, true)
      throw reason
    }
  }

  return {
    async readBalance(unit, heldState) {
      const body = await readBalance(unit)
      return body && stateOf(body, heldState(body.user_id))
    },
    pushAgain: (userId) =>
      ask(`admin/users/${encodeURIComponent(userId)}/broadcast`, { method: 'POST', credentials: 'include' }),
  }
}

function stateOf(body: BalanceBody, before: StateFrame | undefined): StateFrame {
  const { user_id: user, unit, version, epoch, balance, next_expiry } = body
  const { scale = 0 } = before ?? {}
  const { cause = null, changed_at = null } = before?.version === version ? before : {}
  return { type: 'state', epoch, user, unit, version, balance, scale, next_expiry, changed_at, cause }
}
