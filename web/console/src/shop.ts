/**
 * The routes of the shop and of bulk work: packages, orders, campaigns, vouchers, batches.
 *
 * Stands beside `api.ts` and uses its two ways to ask (`request` for reads, `change` with a kept key), so that
 * the first screen does not load what only these screens need. It knows nothing of React.
 */
import { type Answer, change, changeWithKey, type ListQuery, type Page, request, SEEN } from './api'

export interface Package {
  id: string
  name: string
  description: string | null
  credits: number
  unit: string
  /** In the currency's smallest part. */
  price_minor: number
  /** ISO 4217. */
  currency: string
  /** How long the credits last; null for ever. */
  validity_s: number | null
  active: boolean
  /** Where it stands among the others; lower is first. */
  position: number
}

export type PackageBody = Omit<Package, 'id'> & { reason?: string | undefined }

export type OrderState = 'pending' | 'fulfilled' | 'cancelled' | 'refunded'

export interface Billing {
  organisation?: string | null
  purchaser?: string | null
  address?: string | null
  email?: string | null
}

export interface Order {
  id: string
  user_id: string
  /** As it was when it was ordered. */
  package: Pick<Package, 'id' | 'name' | 'credits' | 'unit' | 'price_minor' | 'currency' | 'validity_s'>
  state: OrderState
  billing: Billing | null
  purchase_reference: string | null
  metadata: Record<string, unknown> | null
  created_at: string
  fulfilled_at: string | null
  /** The actor: the credential that fulfilled it. */
  fulfilled_by: string | null
  /** Whom the caller named. */
  claimed_by: string | null
  note: string | null
  cancelled_at: string | null
  cancelled_by: string | null
  cancel_reason: string | null
  refunded_at: string | null
  refunded_by: string | null
  refund_reason: string | null
  entry: string | null
  refund_entry: string | null
}

/** What a refund does where part of the order's credits is spent. */
export type Spent = 'refuse' | 'left' | 'below_floor'

export interface Funnel {
  codes: number
  redeemed_codes: number
  redemptions: number
  credits_granted: number
  revoked: number
  /** Neither revoked nor used up. */
  open: number
}

export interface Campaign {
  id: string
  name: string
  /** What users read in their history. */
  label: string | null
  credits: number
  unit: string
  validity_s: number | null
  starts_at: string | null
  ends_at: string | null
  max_per_code: number | null
  max_per_user: number | null
  /** How many users may redeem; null for everybody. */
  allowed_users: number | null
  prefix: string | null
  /** The one chosen code, where none were generated. */
  word: string | null
  welcome: boolean
  /** How many codes were asked for; `funnel.codes` exist already. */
  codes: number
  state: 'upcoming' | 'running' | 'used_up' | 'ended' | 'revoked'
  created_at: string
  created_by: string
  funnel: Funnel
}

export interface CampaignBody {
  name: string
  label?: string
  credits: number
  unit: string
  validity_s?: number | null
  starts_at?: string | null
  ends_at?: string | null
  max_per_code?: number | null
  max_per_user?: number | null
  allowed_users?: string[] | null
  prefix?: string
  welcome: boolean
  codes?: number
  word?: string
  reason?: string | undefined
}

export type VoucherState = 'upcoming' | 'open' | 'used' | 'expired' | 'revoked'

/** One code: of a campaign, or standing alone. */
export interface Voucher {
  voucher: string
  code: string
  campaign: string | null
  amount: number
  unit: string
  /** The only one who may redeem it; null for everybody. */
  user_id: string | null
  expires_at: string | null
  max_redemptions: number | null
  redemptions: number
  state: VoucherState
  /** Who redeemed it last. */
  redeemed_by: string | null
  redeemed_at: string | null
  created_by: string
  created_at: string
}

export interface VoucherBody {
  amount: number
  unit?: string
  user_id?: string | null
  expires_at?: string | null
  code?: string
  reason?: string | undefined
}

export interface Redemption {
  voucher: string
  code: string
  user_id: string
  unit: string
  amount: number
  label: string | null
  entry: string
  redeemed_at: string
  /** When the credits end. */
  expires_at: string | null
  welcome: boolean
  campaign?: string | null
}

export type Operation = 'adjust' | 'set' | 'grant'

export interface BatchRow {
  row: number
  user_id: string
  op: Operation
  amount: number
  unit?: string
  reason?: string
  label?: string
  expires_at?: string
  /** Makes the row happen at most once, however often it is sent. */
  key?: string
}

export interface BatchRowResult {
  row: number
  user_id: string
  op: Operation
  amount: number
  unit: string
  ok: boolean
  code?: string
  detail?: string
  /** Available credits just before the row; null for an unknown user. */
  before: number | null
  after: number | null
  entry?: string
  /** The entry that undid it. */
  reversed_by?: string
  /** A former request had done it already. */
  replayed?: boolean
}

export interface BatchResult {
  batch: string | null
  run: string | null
  dry_run: boolean
  atomic: boolean
  state: 'previewed' | 'refused' | 'running' | 'interrupted' | 'applied' | 'reversed' | 'partly_reversed'
  applied: number
  refused: number
  reason: string | null
  actor: string | null
  created_at: string | null
  rows: BatchRowResult[]
}

/** A batch in the list of batches. */
export interface BatchItem {
  batch: string
  /** The run that it is a part of. */
  run: string | null
  state: BatchResult['state']
  atomic: boolean
  rows: number
  reason: string | null
  label: string | null
  actor: string
  created_at: string
}

const order = (id: string) => `admin/credits/orders/${encodeURIComponent(id)}`
const campaign = (id: string) => `admin/campaigns/${encodeURIComponent(id)}`
const voucher = (id: string) => `admin/vouchers/${encodeURIComponent(id)}`
const packageAt = (id: string) => `admin/credits/packages/${encodeURIComponent(id)}`
/** What is deleted has no body to say why. */
const withReason = (path: string, reason: string | undefined) =>
  reason === undefined ? path : `${path}?reason=${encodeURIComponent(reason)}`

export const shop = {
  packages: (signal?: AbortSignal) =>
    request<{ items: Package[] }>('GET', 'admin/credits/packages', { signal }),
  addPackage: (body: PackageBody) => change<Package>('POST', 'admin/credits/packages', body),
  putPackage: (id: string, body: PackageBody) => change<Package>('PUT', packageAt(id), body),
  deletePackage: (id: string, reason: string | undefined) =>
    change<void>('DELETE', withReason(packageAt(id), reason), undefined),

  orders: (query: ListQuery, signal?: AbortSignal) =>
    request<Page<Order>>('GET', 'admin/credits/orders', { query, signal }),
  order: (id: string, signal?: AbortSignal) => request<Order>('GET', order(id), { signal }),
  fulfil: (id: string, body: { fulfilled_by: string; reason?: string | undefined }) =>
    change<Answer>('POST', `${order(id)}/fulfill`, { ...body, ...SEEN }),
  cancel: (id: string, reason: string) =>
    change<Order>('PATCH', `${order(id)}/status`, { state: 'cancelled', reason }),
  refund: (id: string, body: { reason: string; spent: Spent }) =>
    change<Answer>('POST', `${order(id)}/refund`, { ...body, ...SEEN }),

  campaigns: (query: ListQuery, signal?: AbortSignal) =>
    request<Page<Campaign>>('GET', 'admin/campaigns', { query, signal }),
  campaign: (id: string, signal?: AbortSignal) => request<Campaign>('GET', campaign(id), { signal }),
  addCampaign: (body: CampaignBody) => change<Campaign>('POST', 'admin/campaigns', body),
  codes: (id: string, query: ListQuery, signal?: AbortSignal) =>
    request<Page<Voucher>>('GET', `${campaign(id)}/codes`, { query, signal }),
  revokeCode: (id: string, code: string, reason: string | undefined) =>
    change<Voucher>('POST', `${campaign(id)}/codes/${encodeURIComponent(code)}/revoke`, { reason }),
  revokeRest: (id: string, reason: string | undefined) =>
    change<Campaign>('POST', `${campaign(id)}/revoke`, { reason }),

  vouchers: (query: ListQuery, signal?: AbortSignal) =>
    request<Page<Voucher>>('GET', 'admin/vouchers', { query, signal }),
  voucher: (id: string) => request<Voucher>('GET', voucher(id)),
  addVoucher: (body: VoucherBody) => change<Voucher>('POST', 'admin/vouchers', body),
  putVoucher: (
    id: string,
    body: { amount: number; expires_at?: string | null; reason?: string | undefined },
  ) => change<Voucher>('PUT', voucher(id), body),
  deleteVoucher: (id: string, reason: string | undefined) =>
    change<void>('DELETE', withReason(voucher(id), reason), undefined),

  /** What a batch would do; nothing is booked. */
  tryBatch: (rows: BatchRow[], atomic: boolean, signal?: AbortSignal) =>
    request<BatchResult>('POST', 'admin/batches', { body: { rows, atomic, dry_run: true }, signal }),
  batch: (key: string, rows: BatchRow[], atomic: boolean, reason?: string) =>
    changeWithKey<BatchResult>(key, 'POST', 'admin/batches', { rows, atomic, reason, dry_run: false }),
  batchOf: (id: string, signal?: AbortSignal) =>
    request<BatchResult>('GET', `admin/batches/${encodeURIComponent(id)}`, { signal }),
  batches: (query: ListQuery, signal?: AbortSignal) =>
    request<Page<BatchItem>>('GET', 'admin/batches', { query, signal }),
  reverseBatch: (id: string, body: { reason: string; allow_below_floor: boolean }) =>
    change<BatchResult>('POST', `admin/batches/${encodeURIComponent(id)}/reverse`, body),

  redemptions: (user: string, query: ListQuery, signal?: AbortSignal) =>
    request<Page<Redemption>>('GET', `admin/users/${encodeURIComponent(user)}/redemptions`, {
      query,
      signal,
    }),
  erase: (user: string, reason: string) =>
    change<unknown>(
      'DELETE',
      `admin/users/${encodeURIComponent(user)}/personal-data?reason=${encodeURIComponent(reason)}`,
      undefined,
    ),
}
