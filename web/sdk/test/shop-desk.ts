/**
 * The shop's side of the scripted server: vouchers, orders and packages, with idempotency as the service has it.
 *
 * Promise: a change is made once per key, and the same key is answered the same; every change hints the user's
 * lists on every screen. `lose` lets answers get lost after the change was made, `cut` the requests before it.
 */
import type { Order, Redemption } from '../src/types.js'
import type { Server } from './world.js'

type Made = { readonly body: object; readonly status: number }

export class ShopDesk {
  readonly orders: Order[] = []
  readonly redeemed: (Redemption & { user_id: string })[] = []
  readonly codes = new Map<string, number>()
  /** Every change that was really made, by its key. */
  readonly made = new Map<string, Made>()
  /** What happens to the next changes: the answer is lost, or the request; else all goes well. */
  fate: ('lose' | 'cut' | 'proxy')[] = []
  pages: { list: string; after: string | null; limit: number; user: string }[] = []

  constructor(readonly server: Server) {}

  async answer(url: URL, { method, headers, body }: RequestInit): Promise<Response | undefined> {
    const [, list = '', ...rest] = url.pathname.replace('/api/v1/', '').split('/')
    if (!['orders', 'vouchers', 'packages'].includes(list)) return undefined
    const given = headers as Record<string, string>
    const user = given['authorization']?.replace('Bearer screen:', '') ?? ''
    if (method !== 'POST') return this.#page(list, url, user)
    const fate = this.fate.shift()
    if (fate === 'cut') throw new TypeError('Failed to fetch')
    const key = given['idempotency-key'] ?? ''
    const made = this.made.get(key) ?? this.#make(user, [list, ...rest].join('/'), JSON.parse(String(body)))
    this.made.set(key, made)
    if (fate === 'lose') throw new TypeError('Failed to fetch')
    if (fate === 'proxy') return new Response('<h1>Not Found</h1>', { status: 404 })
    return Response.json(made.body, { status: made.status })
  }

  /** As an operator does it. */
  fulfil(id: string): void {
    const at = this.orders.findIndex((order) => order.id === id)
    const order = this.orders[at] as Order
    this.orders[at] = { ...order, state: 'fulfilled', fulfilled_at: this.#now }
    this.server.change(order.user_id, order.package.credits)
    this.server.hintUser(order.user_id, 'history', 'orders')
  }

  get #now(): string {
    return new Date(this.server.world.now).toISOString()
  }

  #page(list: string, url: URL, user: string): Response {
    const limit = Number(url.searchParams.get('limit') ?? 1000)
    const after = url.searchParams.get('after')
    this.pages.push({ list, after, limit, user })
    const all = list === 'orders' ? this.orders : list === 'vouchers' ? this.redeemed : PACKAGES
    const own = list === 'packages' ? all : all.filter((item) => 'user_id' in item && item.user_id === user)
    const newest = list === 'packages' ? [...own] : [...own].reverse()
    const from = after === null ? 0 : newest.findIndex((item) => idOf(item) === after) + 1
    const items = newest.slice(from, from + limit)
    const last = items.at(-1)
    const next = last && from + limit < newest.length ? idOf(last) : null
    return Response.json({ items, next, previous: null })
  }

  #make(user: string, route: string, body: Record<string, unknown>): Made {
    if (route === 'vouchers/redeem') return this.#redeem(user, String(body['code']))
    if (route === 'orders') return this.#order(user, body)
    const at = this.orders.findIndex((order) => order.id === route.split('/')[1] && order.user_id === user)
    const order = this.orders[at]
    if (!order) return refusal(404, 'not_found', 'There is no such order.')
    if (order.state !== 'pending') return refusal(409, 'order_closed', `The order is ${order.state}.`)
    const cancelled = { ...order, state: 'cancelled', cancelled_at: this.#now } as const
    this.orders[at] = cancelled
    this.server.hintUser(user, 'orders')
    return { status: 200, body: cancelled }
  }

  #redeem(user: string, code: string): Made {
    const amount = this.codes.get(code)
    if (amount === undefined) return refusal(404, 'not_found', 'There is no such code.')
    const before = this.redeemed.find((one) => one.code === code)
    if (before?.user_id === user)
      return refusal(409, 'already_redeemed', 'You have redeemed this code before.')
    if (before) return refusal(409, 'voucher_used', 'This code has been used.')
    const { version, epoch, unit, balance } = this.server.change(user, amount)
    const entry = `ent_${version}`
    this.redeemed.push({
      ...{ state: 'redeemed', entry, voucher: `vch_${code}`, code, user_id: user, unit, amount },
      ...{ label: null, redeemed_at: this.#now, expires_at: null, welcome: false },
    })
    this.server.hintUser(user, 'history', 'vouchers')
    const answer = { entry, user_id: user, unit, amount, version, epoch, balance, credits: balance.available }
    return { status: 200, body: { ...answer, voucher: `vch_${code}` } }
  }

  #order(user: string, body: Record<string, unknown>): Made {
    const found = PACKAGES.find(({ id }) => id === body['package_id'])
    if (!found) return refusal(404, 'not_found', 'There is no such package.')
    const order = {
      ...{ id: `ord_${this.orders.length + 1}`, user_id: user, package: found, state: 'pending' },
      ...{
        billing: body['billing'],
        purchase_reference: body['purchase_reference'],
        metadata: body['metadata'],
      },
      ...{ created_at: this.#now, fulfilled_at: null, cancelled_at: null, cancel_reason: null },
      ...{ refunded_at: null, entry: null },
    } as Order
    this.orders.push(order)
    this.server.hintUser(user, 'orders')
    return { status: 201, body: order }
  }
}

const idOf = (item: object): string =>
  ('entry' in item && 'code' in item ? item.entry : 'id' in item && item.id) as string

const refusal = (status: number, code: string, detail: string): Made => ({
  status,
  body: { type: 'about:blank', title: code, status, code, detail },
})

export const PACKAGES = [
  {
    id: 'pkg_small',
    name: 'Small',
    credits: 100,
    unit: 'credits',
    price_minor: 900,
    currency: 'EUR',
    validity_s: null,
  },
  {
    id: 'pkg_large',
    name: 'Large',
    credits: 1000,
    unit: 'credits',
    price_minor: 6900,
    currency: 'EUR',
    validity_s: null,
  },
]
