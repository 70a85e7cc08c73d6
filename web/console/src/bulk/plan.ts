/**
 * From a table of text to rows of a batch: which column means what, what is wrong with which line, what it adds up to.
 *
 * Pure. A row that cannot be read is told with its line and column and never sent; what only the ledger can know
 * (an unknown user, too few credits) comes from the dry run.
 */
import { type Parsed, PLAIN, parseAmount } from '../amounts'
import { meant, type Table } from '../csv'
import type { BatchRow, BatchRowResult, Operation } from '../shop'

export const FIELDS = ['user_id', 'amount', 'op', 'unit', 'reason', 'label', 'expires_at', 'key'] as const
export type Field = (typeof FIELDS)[number]

/** The column of each field by its place, or none. */
export type Mapping = Partial<Record<Field, number>>

/** What holds for rows whose column is missing or empty. */
export interface Defaults {
  op: Operation
  unit: string
  reason: string
}

const NAMES: Record<Field, RegExp> = {
  user_id: /^(user[ _-]?id|user|id|account|customer|benutzer|uid)$/i,
  amount: /^(amount|credits?|value|delta|change|menge|betrag)$/i,
  op: /^(op|operation|kind|type|verb)$/i,
  unit: /^unit$/i,
  reason: /^(reason|why|note|comment)$/i,
  label: /^(label|shown|text)$/i,
  expires_at: /^(expires?([ _-]?at)?|expiry|until|valid[ _-]?until)$/i,
  key: /^(key|idempotency[ _-]?key)$/i,
}

/** Columns by what their names usually mean; the first fitting one counts. */
export function guess(header: readonly string[]): Mapping {
  const mapping: Mapping = {}
  for (const field of FIELDS) {
    const at = header.findIndex((name) => NAMES[field].test(name.trim()))
    if (at >= 0) mapping[field] = at
  }
  return mapping
}

export interface Unreadable {
  line: number
  column: string
  message: string
}

export interface Plan {
  rows: BatchRow[]
  unreadable: Unreadable[]
}

/** The rows of the batch, each numbered by the line on which it stands in the file. */
export function planOf(
  table: Table,
  mapping: Mapping,
  defaults: Defaults,
  scaleOf: (unit: string) => number,
): Plan {
  const plan: Plan = { rows: [], unreadable: [] }
  for (const { line, cells } of table.rows) {
    const cell = (field: Field) => {
      const at = mapping[field]
      return at === undefined ? '' : (cells[at] ?? '').trim()
    }
    const read = rowOf(line, cell, defaults, scaleOf)
    if ('message' in read)
      plan.unreadable.push({ line, column: columnOf(table, mapping, read.field), ...read })
    else plan.rows.push(read)
  }
  return plan
}

function columnOf(table: Table, mapping: Mapping, field: Field): string {
  const at = mapping[field]
  return (at === undefined ? undefined : table.header[at]) || field
}

type Failed = { field: Field; message: string }

function rowOf(
  line: number,
  cell: (field: Field) => string,
  defaults: Defaults,
  scaleOf: (unit: string) => number,
): BatchRow | Failed {
  const fail = (field: Field, message: string): Failed => ({ field, message })
  const user = meant(cell('user_id'))
  if (user === '' || user.length > 128) return fail('user_id', user ? 'At most 128 characters' : 'No user')
  const op = (cell('op') || defaults.op).toLowerCase()
  if (!isOperation(op)) return fail('op', `“${cell('op')}” is none of adjust, set, grant`)
  const unit = cell('unit') || defaults.unit
  const amount = amountOf(cell('amount'), op, scaleOf(unit))
  if (!amount.ok) return fail('amount', amount.message)
  const expires = cell('expires_at')
  const expiresAt = timeOf(expires)
  if (expires && !expiresAt)
    return fail('expires_at', `“${expires}” is no day like 2026-12-31 and no time like 2026-12-31T12:00:00Z`)
  const reason = meant(cell('reason')) || defaults.reason
  const [label, key] = [meant(cell('label')), cell('key')]
  return {
    row: line,
    user_id: user,
    op,
    amount: amount.value,
    unit,
    ...(reason ? { reason } : {}),
    ...(label ? { label } : {}),
    ...(expiresAt ? { expires_at: expiresAt } : {}),
    ...(key ? { key } : {}),
  }
}

const TIME = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d:\d\d(?:\.\d{1,6})?)(Z|[+-]\d\d:\d\d))?$/i

/** A day (in UTC) or a time as the service's own CSV has them; undefined for all else, since nothing is guessed. */
function timeOf(text: string): string | undefined {
  const [, day, time = '00:00:00', zone = 'Z'] = TIME.exec(text) ?? []
  const isDay = day && new Date(`${day}T00:00:00Z`).toJSON()?.startsWith(day)
  const at = new Date(`${day}T${time}${zone.toUpperCase()}`)
  return isDay && !Number.isNaN(at.getTime()) ? at.toISOString() : undefined
}

function isOperation(text: string): text is Operation {
  return text === 'adjust' || text === 'set' || text === 'grant'
}

function amountOf(text: string, op: Operation, scale: number): Parsed<number> {
  if (text === '') return { ok: false, message: 'No amount' }
  const parsed = parseAmount(text.replace(/^\+/, ''), scale, PLAIN)
  if (!parsed.ok) return { ok: false, message: `“${text}”: ${parsed.message.toLowerCase()}` }
  if (op === 'grant' && parsed.value <= 0) return { ok: false, message: 'A grant adds more than 0' }
  if (op === 'adjust' && parsed.value === 0)
    return { ok: false, message: 'An adjustment of 0 changes nothing' }
  return parsed
}

export interface Totals {
  unit: string
  added: number
  taken: number
  net: number
}

/** What the accepted rows move, by unit. */
export function totalsOf(results: readonly BatchRowResult[]): Totals[] {
  const totals = new Map<string, Totals>()
  for (const { ok, unit, before, after } of results) {
    if (!ok || after === null) continue
    const moved = after - (before ?? 0)
    const total = totals.get(unit) ?? { unit, added: 0, taken: 0, net: 0 }
    totals.set(unit, {
      unit,
      added: total.added + Math.max(0, moved),
      taken: total.taken + Math.max(0, -moved),
      net: total.net + moved,
    })
  }
  return [...totals.values()]
}

export function chunksOf<T>(rows: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(rows.length / size) }, (_, at) =>
    rows.slice(at * size, (at + 1) * size),
  )
}

/**
 * Previews of several chunks as one: the server tries each chunk on the balances of now, so what an earlier chunk
 * would have moved is added here.
 */
export function joined(chunks: readonly (readonly BatchRowResult[])[]): BatchRowResult[] {
  const last = new Map<string, number>()
  return chunks.flatMap((chunk) => {
    const offsets = new Map<string, number>()
    return chunk.map((result) => {
      const account = `${result.unit}\n${result.user_id}`
      if (!offsets.has(account))
        offsets.set(account, (last.get(account) ?? result.before ?? 0) - (result.before ?? 0))
      const offset = offsets.get(account) ?? 0
      const before = result.before === null && offset === 0 ? null : (result.before ?? 0) + offset
      if (!result.ok || result.after === null) return { ...result, before }
      if (result.op === 'set') offsets.set(account, 0)
      const after = result.op === 'set' ? result.after : result.after + offset
      last.set(account, after)
      return { ...result, before, after }
    })
  })
}

/** A short mark of a text (53 bits): tells two files apart, also where no secure context has real hashes. */
export function markOf(text: string): string {
  let a = 0xdeadbeef
  let b = 0x41c6ce57
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at)
    a = Math.imul(a ^ code, 2654435761)
    b = Math.imul(b ^ code, 1597334677)
  }
  a = Math.imul(a ^ (a >>> 16), 2246822507) ^ Math.imul(b ^ (b >>> 13), 3266489909)
  b = Math.imul(b ^ (b >>> 16), 2246822507) ^ Math.imul(a ^ (a >>> 13), 3266489909)
  return `${text.length}-${(4294967296 * (2097151 & b) + (a >>> 0)).toString(36)}`
}
