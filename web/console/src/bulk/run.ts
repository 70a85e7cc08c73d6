/**
 * Trying, applying and undoing a long list of changes: chunk by chunk, one run whatever it takes.
 *
 * Every row has a key of its own, and the chunks of a run have keys that the server tells as one run. The run's
 * name is kept from before the first row is sent until the last answer came: a lost answer, a closed tab or the
 * same file dropped again goes on where it broke off, and the server books no row twice. The same file after a
 * finished run is a new run, since somebody may well grant the same list every month.
 */
import { asProblem, type Problem } from '../api'
import { forgetKey, keyFor } from '../keys'
import { type BatchItem, type BatchResult, type BatchRow, type BatchRowResult, shop } from '../shop'
import { chunksOf, joined, markOf } from './plan'

export const ROWS_AT_ONCE = 10_000
const BATCHES_AT_ONCE = 200

/** The rows with their keys, and what keeps them. */
export interface Run {
  intent: string
  /** How the server calls it: its batches' keys begin with it. */
  id: string
  rows: BatchRow[]
}

export function runOf(rows: BatchRow[]): Run {
  const intent = `bulk ${markOf(JSON.stringify(rows))}`
  const key = keyFor(intent)
  return {
    intent,
    id: `run:${key}`,
    rows: rows.map((row) => ({ ...row, key: row.key ?? `${key}:${row.row}` })),
  }
}

export type Progress = (done: number, of: number) => void

/** What every row would do; throws a `Problem`. */
export async function tryRun(
  run: Run,
  atomic: boolean,
  progress: Progress,
  signal?: AbortSignal,
): Promise<BatchRowResult[]> {
  const chunks: BatchRowResult[][] = []
  let done = 0
  for (const rows of chunksOf(run.rows, ROWS_AT_ONCE)) {
    chunks.push((await shop.tryBatch(rows, atomic, signal)).rows)
    done += rows.length
    progress(done, run.rows.length)
  }
  return joined(chunks)
}

export interface Applied {
  results: BatchRowResult[]
  /** Why it stopped before the end; what is left can be sent again. */
  problem?: Problem
}

/** What of a run is sent: the rows that fit, all of them where it is all or nothing. */
export interface Asked {
  intent: string
  id: string
  rows: BatchRow[]
  atomic: boolean
}

/** Sends the rows that were not answered yet; `before` is what an earlier attempt in this tab came to. */
export async function applyRun(run: Asked, before: Applied, progress: Progress): Promise<Applied> {
  const { rows, atomic } = run
  const results = [...before.results]
  const answered = new Set(results.map(({ row }) => row))
  const left = rows.filter(({ row }) => !answered.has(row))
  for (const chunk of chunksOf(left, ROWS_AT_ONCE)) {
    progress(results.length, rows.length)
    try {
      // The chunk's key names its content: the same rows again are the same request.
      const key = `${run.id}:${markOf(JSON.stringify(chunk))}`
      const answer = await shop.batch(key, chunk, atomic, commonReason(rows))
      results.push(...(answer.state === 'refused' ? answer.rows.map(notApplied) : answer.rows))
    } catch (error) {
      return { results, problem: asProblem(error) }
    }
  }
  progress(results.length, rows.length)
  forgetKey(run.intent)
  return { results }
}

/** One reason of all rows is the run's own: the list of runs shows it. */
function commonReason(rows: readonly BatchRow[]): string | undefined {
  const reason = rows[0]?.reason
  return rows.every((row) => row.reason === reason) ? reason : undefined
}

/** All or nothing, and another row was refused. */
function notApplied(result: BatchRowResult): BatchRowResult {
  if (!result.ok) return result
  return { ...result, ok: false, after: null, detail: 'Not applied: another row was refused' }
}

/** The batches of a run, the newest first. */
async function batchesOf(run: string, signal?: AbortSignal): Promise<BatchItem[]> {
  const items: BatchItem[] = []
  let after: string | undefined
  do {
    const page = await shop.batches({ run, after, limit: BATCHES_AT_ONCE }, signal)
    items.push(...page.items)
    after = page.next ?? undefined
  } while (after)
  return items
}

export interface ToldRun {
  run: string
  state: BatchItem['state']
  reason: string | null
  actor: string
  created_at: string
  results: BatchRowResult[]
}

/** A run as the server knows it: all its batches as one report. Null where it knows none. */
export async function readRun(
  run: string,
  progress: Progress,
  signal?: AbortSignal,
): Promise<ToldRun | null> {
  const items = await batchesOf(run, signal)
  const batches: BatchResult[] = []
  for (const { batch } of [...items].reverse()) {
    progress(batches.length, items.length)
    batches.push(await shop.batchOf(batch, signal))
  }
  return toldRun(run, items, mergedRows(batches))
}

function toldRun(run: string, items: BatchItem[], results: BatchRowResult[]): ToldRun | null {
  const first = items.at(-1)
  if (!first) return null
  const { reason, actor, created_at } = first
  return { run, state: stateOf(items), reason, actor, created_at, results }
}

/** A row that was sent twice counts where it left its entry. */
function mergedRows(batches: readonly BatchResult[]): BatchRowResult[] {
  const rows = new Map<number, BatchRowResult>()
  for (const result of batches.flatMap((batch) => batch.rows)) {
    const known = rows.get(result.row)
    if (!known || (!known.entry && (result.entry || result.ok))) rows.set(result.row, result)
  }
  return [...rows.values()].sort((a, b) => a.row - b.row)
}

export function stateOf(items: readonly BatchItem[]): BatchItem['state'] {
  const every = (state: BatchItem['state']) => items.every((item) => item.state === state)
  if (items.some(({ state }) => state === 'running')) return 'running'
  if (items.some(({ state }) => state === 'interrupted')) return 'interrupted'
  if (every('applied')) return 'applied'
  return every('reversed') ? 'reversed' : 'partly_reversed'
}

/** What can be taken back: a run with all its batches, or a batch that stands alone. */
export type Undoable = { run: string } | { batch: string }

export interface Undone {
  problem?: Problem
}

/** Takes back everything that still stands, the last batch first. Asked again, it goes on with what is left. */
export async function undoAll(
  what: Undoable,
  reason: string,
  belowFloor: boolean,
  progress: Progress,
): Promise<Undone> {
  try {
    const batches = 'run' in what ? (await batchesOf(what.run)).map(({ batch }) => batch) : [what.batch]
    for (const [at, batch] of batches.entries()) {
      progress(at, batches.length)
      await shop.reverseBatch(batch, { reason, allow_below_floor: belowFloor })
    }
    return {}
  } catch (error) {
    return { problem: asProblem(error) }
  }
}
