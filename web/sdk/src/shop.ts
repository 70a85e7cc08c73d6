/**
 * Vouchers, orders and packages of the user who is signed in: three changes and three lists.
 *
 * Promise: a change's idempotency key is written down before the request leaves and forgotten when a definite
 * answer came, so that whatever happens between the two (a lost answer, a reload, a second press) the change
 * happens once. What happened is told to every list at once; other screens hear of it from the service.
 *
 * The odd one: an answer that is not from the service itself (a proxy's page, half a body) decides nothing, even
 * with status 404. Only a problem with a `code` is the service's word.
 */
import type { Environment } from './environment.js'
import type { CallApi } from './http.js'
import { createKeeping, type StorageLike } from './keeping.js'
import { createList, type Page } from './lists.js'
import type {
  ChangeProblem,
  CreditsLists,
  CreditsProblem,
  CreditsStore,
  ListSource,
  Order,
  OrderTerms,
  Redeemed,
  ShopItems,
  ShopListName,
} from './types.js'
import { readVoucherCode } from './vouchers.js'

export interface Shop {
  readonly lists: CreditsLists
  redeem(code: string): Promise<Redeemed>
  order(packageId: string, terms?: OrderTerms): Promise<Order>
  cancelOrder(orderId: string): Promise<Order>
}

/** Statuses of an answer that the ledger did not give: the change may have happened, or may still happen. */
const UNDECIDED = [401, 403, 408, 425, 429]

/** What of the store the shop needs: itself, how to tell that a list moved, how to make an idempotency key. */
export type ShopNeeds = readonly [
  store: CreditsStore,
  moved: (list: 'orders' | 'vouchers') => void,
  newKey: () => string,
]

/** Tests give their own session storage; a browser has one, and the core needs none. */
export interface ShopEnvironment extends Environment {
  readonly storage?: () => StorageLike | undefined
}

/** @param server - Names the service, so that two of them never share a key. */
export function createShop(
  environment: ShopEnvironment,
  server: string,
  call: CallApi,
  ...[store, moved, newKey]: ShopNeeds
): Shop {
  const keeping = createKeeping(newKey, environment.storage ?? (() => sessionStorage))
  const underWay = new Map<string, Promise<unknown>>()

  /** Sends a change under its kept key. The same change, while it is under way, is the same promise. */
  function change<T>(list: 'orders' | 'vouchers', path: string, body: object): Promise<T> {
    const text = JSON.stringify(body)
    const intent = [server, store.getSnapshot().user, path, text].join(' ')
    const running = underWay.get(intent) ?? send(intent, path, text).finally(() => done(intent, list))
    underWay.set(intent, running)
    return running as Promise<T>
  }

  function done(intent: string, list: 'orders' | 'vouchers'): void {
    underWay.delete(intent)
    moved(list)
  }

  async function send(intent: string, path: string, body: string): Promise<unknown> {
    const headers = { 'content-type': 'application/json', 'idempotency-key': keeping.keyOf(intent) }
    try {
      const answer = await call(path, { method: 'POST', headers, body })
      if (answer === null) throw SIGNED_OUT
      keeping.forget(intent)
      return answer
    } catch (reason) {
      if (isDefinite(reason)) keeping.forget(intent)
      throw problemOf(reason)
    }
  }

  function list<N extends ShopListName>(
    name: N,
    idOf: (item: ShopItems[N]) => string,
  ): ListSource<ShopItems[N]> {
    const read = async (limit: number, after: string | null) => {
      const query = new URLSearchParams({ limit: String(limit), ...(after && { after }) })
      const path = name === 'packages' ? 'credits/packages' : `credits/${name}?${query}`
      return call<Page<ShopItems[N]>>(path).catch((reason) => {
        throw problemOf(reason)
      })
    }
    return createList(idOf, read, (again, live) => {
      const stops = [
        store.on(name, again),
        store.on('status', (status) => {
          if (status === 'live') live()
          // Nobody is left whose list it would be.
          if (status === 'signed-out') again()
        }),
      ]
      return () => stops.forEach((stop) => void stop())
    })
  }

  return {
    async redeem(typed) {
      const { state, symbols } = readVoucherCode(typed)
      if (state === 'wrong') throw problemOf(WRONG_CODE)
      const answer = await change<Redeemed>('vouchers', 'credits/vouchers/redeem', { code: symbols ?? typed })
      // The push has told the number already, unless there was nothing to push on.
      if (store.getSnapshot().status !== 'live') store.refresh({ force: true, unit: answer.unit })
      return answer
    },
    order: (packageId, { billing, purchaseReference, metadata, shown } = {}) =>
      change('orders', 'credits/orders', {
        package_id: packageId,
        billing: billing ?? null,
        purchase_reference: purchaseReference ?? null,
        metadata: metadata ?? null,
        shown: shown ?? null,
      }),
    cancelOrder: (orderId) => change('orders', `credits/orders/${encodeURIComponent(orderId)}/cancel`, {}),
    lists: {
      orders: list('orders', ({ id }) => id),
      vouchers: list('vouchers', ({ entry, voucher }) => entry ?? voucher),
      packages: list('packages', ({ id }) => id),
    },
  }
}

const WRONG_CODE: CreditsProblem = {
  code: 'wrong_check_symbol',
  detail: 'The code has a typing error; please check it symbol by symbol.',
  status: 422,
}
const SIGNED_OUT: CreditsProblem = { code: 'unauthenticated', detail: 'You are signed out.', status: 401 }
const NETWORK: CreditsProblem = {
  code: 'network',
  detail: 'The server cannot be reached. Try again: nothing happens twice.',
}

function isDefinite(reason: unknown): boolean {
  const { code = 'http', status = 0 } = reason as Partial<CreditsProblem>
  return code !== 'http' && status >= 400 && status < 500 && !UNDECIDED.includes(status)
}

function problemOf(reason: unknown): ChangeProblem {
  const known = (reason as Partial<CreditsProblem>).code ? (reason as CreditsProblem) : NETWORK
  return Object.assign(new Error(known.detail), { name: 'ChangeProblem' }, known)
}
