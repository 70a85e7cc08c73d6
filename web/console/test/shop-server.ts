/**
 * The server in memory with a shop: packages, orders, campaigns, vouchers and batches, as the browser sees them.
 *
 * Like its parent it books for real: a fulfilled order moves the balance and is pushed, and the lists that moved
 * are announced.
 */
import type {
  BatchItem,
  BatchResult,
  BatchRow,
  BatchRowResult,
  Campaign,
  Operation,
  Order,
  Package,
  Redemption,
  Voucher,
} from '../src/shop'
import { json, problem, type Request, Server } from './server'

const AT = '2026-11-23T05:36:21.123456Z'

export class ShopServer extends Server {
  packages: Package[] = []
  orders: Order[] = []
  campaigns: Campaign[] = []
  vouchers: Voucher[] = []
  redemptions: Redemption[] = []
  batches = new Map<string, BatchResult>()
  /** Batches by their key: sent again they answer the same. */
  readonly batchKeys = new Map<string, BatchResult>()
  /** Keys of rows that were applied; a row of the same key is not applied again. */
  readonly appliedKeys = new Map<string, BatchRowResult>()
  private made = 0

  addPackage(name: string, more: Partial<Package> = {}): Package {
    const found: Package = {
      id: `pkg_${this.packages.length + 1}`,
      name,
      description: null,
      credits: 500,
      unit: 'credits',
      price_minor: 900,
      currency: 'EUR',
      validity_s: null,
      active: true,
      position: this.packages.length + 1,
      ...more,
    }
    this.packages.push(found)
    return found
  }

  addOrder(user_id: string, more: Partial<Order> = {}): Order {
    const bought = this.packages[0] ?? this.addPackage('Starter')
    const order: Order = {
      id: `ord_${this.orders.length + 1}`,
      user_id,
      package: bought,
      state: 'pending',
      billing: null,
      purchase_reference: null,
      metadata: null,
      created_at: AT,
      fulfilled_at: null,
      fulfilled_by: null,
      refunded_by: null,
      refund_reason: null,
      claimed_by: null,
      note: null,
      cancelled_at: null,
      cancelled_by: null,
      cancel_reason: null,
      refunded_at: null,
      entry: null,
      refund_entry: null,
      ...more,
    }
    this.orders.unshift(order)
    return order
  }

  addCampaign(name: string, more: Partial<Campaign> = {}): Campaign {
    const campaign: Campaign = {
      id: `cmp_${this.campaigns.length + 1}`,
      name,
      label: null,
      credits: 25,
      unit: 'credits',
      validity_s: null,
      starts_at: null,
      ends_at: null,
      max_per_code: 1,
      max_per_user: 1,
      allowed_users: null,
      prefix: null,
      word: null,
      welcome: false,
      codes: 2,
      state: 'running',
      created_at: AT,
      created_by: 'operator:op_1',
      funnel: { codes: 2, redeemed_codes: 0, redemptions: 0, credits_granted: 0, revoked: 0, open: 2 },
      ...more,
    }
    this.campaigns.unshift(campaign)
    return campaign
  }

  addVoucher(code: string, more: Partial<Voucher> = {}): Voucher {
    const voucher: Voucher = {
      voucher: `vch_${this.vouchers.length + 1}`,
      code,
      campaign: null,
      amount: 25,
      unit: 'credits',
      user_id: null,
      expires_at: null,
      max_redemptions: 1,
      redemptions: 0,
      state: 'open',
      redeemed_by: null,
      redeemed_at: null,
      created_by: 'operator:op_1',
      created_at: AT,
      ...more,
    }
    this.vouchers.push(voucher)
    return voucher
  }

  /** A colleague fulfils it: the credits move, and everybody is told. */
  someoneFulfils(order: Order, by = 'operator:op_2'): void {
    this.fulfil(order, by)
    this.announceLists('orders')
  }

  /** Applies a batch whose answer never arrives. */
  bookUnheard({ body, headers }: Request): void {
    this.applyBatch((body?.['rows'] ?? []) as BatchRow[], false, false, headers.get('idempotency-key'))
  }

  protected override route(request: Request): Response {
    return this.shop(request) ?? super.route(request)
  }

  private shop(request: Request): Response | undefined {
    const { method, path, query, body = {} } = request
    const [, list = '', id = '', rest = ''] =
      /^admin\/(?:credits\/)?(packages|orders|campaigns|vouchers|batches)(?:\/([^/?]+))?(?:\/(.*))?$/.exec(
        path,
      ) ?? []
    switch (list) {
      case 'packages':
        return this.package(method, id, body)
      case 'orders':
        return this.order(method, id, rest, query, body)
      case 'campaigns':
        return this.campaign(method, id, rest, query, body)
      case 'vouchers':
        return this.voucher(method, id, query, body)
      case 'batches':
        return this.batch(request, id, rest, body)
    }
    if (/^admin\/users\/[^/]+\/redemptions$/.test(path)) return page(this.redemptions)
    return undefined
  }

  private package(method: string, id: string, body: object): Response {
    if (method === 'GET') return json({ items: this.packages })
    if (method === 'POST') return json(this.addPackage('', body), 201)
    const at = this.packages.findIndex((found) => found.id === id)
    const found = this.packages[at]
    if (!found) return problem(404, 'not_found', 'There is no such package.')
    if (method === 'DELETE') {
      this.packages.splice(at, 1)
      return new Response(null, { status: 204 })
    }
    return json(Object.assign(found, body))
  }

  private order(
    method: string,
    id: string,
    step: string,
    query: URLSearchParams,
    body: Record<string, unknown>,
  ): Response {
    if (id === '') {
      return page(
        this.orders.filter(
          (order) =>
            [null, order.state].includes(query.get('state') as never) &&
            [null, order.user_id].includes(query.get('user')) &&
            JSON.stringify(order)
              .toLowerCase()
              .includes((query.get('q') ?? '').toLowerCase()),
        ),
      )
    }
    const order = this.orders.find((each) => each.id === id)
    if (!order) return problem(404, 'not_found', 'There is no such order.')
    if (method === 'GET') return json({ ...order })
    if (step === 'fulfill') {
      if (order.state === 'fulfilled') {
        return problem(409, 'already_fulfilled', `The order was fulfilled by ${order.fulfilled_by}.`, {
          fulfilled_by: order.fulfilled_by,
          fulfilled_at: order.fulfilled_at,
        })
      }
      return json(this.fulfil(order, 'operator:op_1'))
    }
    if (step === 'status') {
      Object.assign(order, { state: 'cancelled', cancelled_at: AT, cancel_reason: body['reason'] })
      return json(order)
    }
    Object.assign(order, { state: 'refunded', refunded_at: AT })
    return json(this.book(order.user_id, -order.package.credits, 'reverse', body))
  }

  private fulfil(order: Order, by: string) {
    Object.assign(order, { state: 'fulfilled', fulfilled_by: by, fulfilled_at: AT })
    return this.book(order.user_id, order.package.credits, 'fulfil', null)
  }

  private campaign(
    method: string,
    id: string,
    rest: string,
    query: URLSearchParams,
    body: Record<string, unknown>,
  ): Response {
    if (id === '' && method === 'GET') return page(this.campaigns)
    if (id === '') {
      const { allowed_users: listed, ...terms } = body
      const codes = Number(terms['codes'] ?? 1)
      const funnel = { codes, redeemed_codes: 0, redemptions: 0, credits_granted: 0, revoked: 0, open: codes }
      const allowed_users = Array.isArray(listed) ? listed.length : null
      return json(this.addCampaign('', { ...terms, codes, allowed_users, funnel }), 201)
    }
    const campaign = this.campaigns.find((each) => each.id === id)
    if (!campaign) return problem(404, 'not_found', 'There is no such campaign.')
    const codes = this.vouchers.filter((voucher) => voucher.campaign === id)
    if (rest === '') return json({ ...campaign })
    if (rest === 'codes') return page(found(codes, query))
    if (rest === 'revoke') {
      for (const voucher of codes) if (voucher.state === 'open') voucher.state = 'revoked'
      campaign.funnel = {
        ...campaign.funnel,
        revoked: codes.filter((each) => each.state === 'revoked').length,
        open: 0,
      }
      return json(Object.assign(campaign, { state: 'revoked' }))
    }
    const one = codes.find((voucher) => rest === `codes/${voucher.voucher}/revoke`)
    return one ? json(Object.assign(one, { state: 'revoked' })) : problem(404, 'not_found', 'No such code.')
  }

  private voucher(
    method: string,
    id: string,
    query: URLSearchParams,
    body: Record<string, unknown>,
  ): Response {
    if (id === '' && method === 'GET') {
      return page(
        found(
          this.vouchers.filter((voucher) => voucher.campaign === null),
          query,
        ),
      )
    }
    if (id === '') return json(this.addVoucher(String(body['code'] ?? 'NEW1-CODE'), body), 201)
    const at = this.vouchers.findIndex((voucher) => voucher.voucher === id)
    const voucher = this.vouchers[at]
    if (!voucher) return problem(404, 'not_found', 'There is no such voucher.')
    if (method === 'GET') return json({ ...voucher })
    if (voucher.redemptions > 0) return problem(409, 'voucher_used', 'The voucher has been used.')
    if (method === 'PUT') return json(Object.assign(voucher, body))
    this.vouchers.splice(at, 1)
    return new Response(null, { status: 204 })
  }

  private batch(request: Request, id: string, rest: string, body: Record<string, unknown>): Response {
    if (id === '' && request.method === 'GET') {
      const run = request.query.get('run')
      const wanted = [...this.batches.values()].filter((batch) => run === null || batch.run === run)
      const items = wanted.reverse().map(
        (batch): BatchItem => ({
          batch: batch.batch ?? '',
          run: batch.run,
          state: batch.state,
          atomic: batch.atomic,
          rows: batch.rows.length,
          reason: null,
          label: null,
          actor: 'operator:op_1',
          created_at: AT,
        }),
      )
      return page(items)
    }
    if (id === '')
      return json(
        this.applyBatch(
          body['rows'] as BatchRow[],
          body['dry_run'] === true,
          body['atomic'] === true,
          request.headers.get('idempotency-key'),
        ),
      )
    const batch = this.batches.get(id)
    if (!batch) return problem(404, 'not_found', 'There is no such batch.')
    if (rest === 'reverse') {
      for (const row of batch.rows) {
        if (!row.ok || row.reversed_by) continue
        this.book(row.user_id, (row.before ?? 0) - (row.after ?? 0), 'reverse', null)
        row.reversed_by = 'ent_undo'
      }
      batch.state = 'reversed'
    }
    return json(batch)
  }

  private applyBatch(rows: BatchRow[], dry: boolean, atomic: boolean, key: string | null): BatchResult {
    const before = key === null ? undefined : this.batchKeys.get(key)
    if (before) return before
    const now = new Map<string, number>()
    const results = rows.map((row): BatchRowResult => {
      const known = row.key === undefined ? undefined : this.appliedKeys.get(row.key)
      if (known) return { ...known, replayed: true }
      const before = now.get(row.user_id) ?? this.users.get(row.user_id)?.credits ?? null
      const told = {
        row: row.row,
        user_id: row.user_id,
        op: row.op,
        amount: row.amount,
        unit: 'credits',
        before,
      }
      if (before === null && row.op !== 'grant') {
        return {
          ...told,
          ok: false,
          after: null,
          code: 'not_found',
          detail: `There is no user ${row.user_id}.`,
        }
      }
      const after = afterOf(row.op, row.amount, before ?? 0)
      if (after < 0) {
        return {
          ...told,
          ok: false,
          after: null,
          code: 'insufficient_credits',
          detail: 'Not enough credits.',
        }
      }
      now.set(row.user_id, after)
      return { ...told, ok: true, after }
    })
    const refused = results.filter(({ ok }) => !ok).length
    const stands = !dry && !(atomic && refused > 0)
    this.made += 1
    const batch: BatchResult = {
      batch: stands ? `bat_${this.made}` : null,
      run: key?.startsWith('run:') ? key.slice(0, key.lastIndexOf(':')) : null,
      dry_run: dry,
      atomic,
      state: dry ? 'previewed' : stands ? 'applied' : 'refused',
      applied: results.length - refused,
      refused,
      reason: null,
      actor: 'operator:op_1',
      created_at: AT,
      rows: results,
    }
    if (!stands) return batch
    for (const [at, result] of results.entries()) {
      const key = rows[at]?.key
      if (!result.ok || result.replayed) continue
      this.book(result.user_id, (result.after ?? 0) - (result.before ?? 0), result.op, null)
      if (key) this.appliedKeys.set(key, result)
    }
    this.batches.set(batch.batch ?? '', batch)
    if (key !== null) this.batchKeys.set(key, batch)
    return batch
  }
}

function afterOf(op: Operation, amount: number, before: number): number {
  return op === 'set' ? amount : before + amount
}

function found(vouchers: Voucher[], query: URLSearchParams): Voucher[] {
  const q = (query.get('q') ?? '').toUpperCase()
  return vouchers.filter(
    ({ code, state }) => code.includes(q) && [null, state].includes(query.get('state') as never),
  )
}

function page(items: object[]): Response {
  return json({ items: items.map((item) => ({ ...item })), next: null, previous: null })
}
