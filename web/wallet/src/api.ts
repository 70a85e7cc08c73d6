/**
 * The host app's own backend, as its pages call it: `src/livecredits/demo.py` answers.
 *
 * Promise: every answer is `{ data }` or `{ error }` with a sentence for people in `error.detail`; nothing throws. It
 * must not know credits' own API: a page of the host app speaks to the host's backend, which speaks to livecredits.
 * The odd one: paths are relative to the page, so the wallet runs under any prefix.
 */
import type { GetToken, OrderState } from 'livecredits'

export interface HostUser {
  readonly id: string
  readonly name: string
  readonly plan: string
  readonly credits: number
}

/** An order as the host's own team sees it. */
export interface HostOrder {
  readonly id: string
  readonly user_id: string
  readonly package: string
  readonly status: OrderState
}

export interface Problem {
  readonly detail: string
  readonly code?: string
  readonly status?: number
}

export type Outcome<T> =
  | { readonly data: T; readonly error: null }
  | { readonly data: null; readonly error: Problem }

/** The part of a change's answer that the SDK reads to settle an optimistic number. */
export interface SpendAnswer {
  readonly version: number
  readonly epoch: string
  readonly user_id: string
  readonly unit: string
}

const UNREACHABLE: Problem = { detail: 'The server cannot be reached. Nothing was changed on this screen.' }

async function call<T>(
  method: string,
  path: string,
  body?: unknown,
  headers = {},
  take = (response: Response): Promise<unknown> => response.json(),
): Promise<Outcome<T>> {
  try {
    const response = await fetch(path, {
      method,
      headers: body === undefined ? headers : { 'Content-Type': 'application/json', ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    if (!response.ok) return { data: null, error: (await response.json()) as Problem }
    return { data: (await take(response)) as T, error: null }
  } catch {
    return { data: null, error: UNREACHABLE }
  }
}

/** Reads with a screen token, and once more with a fresh one where the token was no longer good. */
export async function readWith<T>(
  getToken: GetToken,
  path: string,
  take?: (response: Response) => Promise<unknown>,
): Promise<Outcome<T>> {
  for (const fresh of [false, true]) {
    const token = await Promise.resolve(getToken({ fresh })).catch(() => null)
    const outcome = await call<T>('GET', path, undefined, { Authorization: `Bearer ${token}` }, take)
    if (outcome.error?.status !== 401) return outcome
  }
  return { data: null, error: { detail: 'You are signed out. Sign in again to go on.' } }
}

export const api = {
  /** Signs a demo user in and mints the screen token. A real app reads the user from its own session cookie. */
  session: (user: string) => call<{ token: string }>('POST', 'api/session', { user }),
  spend: (user: string, amount: number, key: string) =>
    call<SpendAnswer>('POST', 'api/spend', { user, amount, key }),
  users: () => call<{ items: HostUser[] }>('GET', 'api/users'),
  updateUserCredits: (userId: string, credits: number) =>
    call<{ credits: number }>('PUT', `api/users/${encodeURIComponent(userId)}/credits`, { credits }),
  getCreditOrders: () => call<{ items: HostOrder[] }>('GET', 'api/orders'),
  fulfillCreditOrder: (orderId: string, body: { fulfilled_by: string }) =>
    call<{ credits: number }>('POST', `api/orders/${encodeURIComponent(orderId)}/fulfill`, body),
}
