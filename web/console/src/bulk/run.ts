/**
 * Trying and applying a bulk file: chunk by chunk, each row with a key of its own.
 *
 * The key of a run is kept from before the first row is sent until the last answer came. A lost answer, a closed
 * tab or the same file dropped again therefore goes on where it broke off; the server books no row twice. The
 * same file after a finished run is a new run, since somebody may well grant the same list every month.
 */
import { asProblem, type Problem } from '../api'
import { forgetKey, keyFor } from '../keys'
import { type BatchRow, type BatchRowResult, shop } from '../shop'
import { chunksOf, joined, markOf } from './plan'

export const ROWS_AT_ONCE = 10_000
/** Smaller than what the server takes, so that the progress moves. */
const APPLIED_AT_ONCE = 2000

/** The rows with their keys, and what keeps them. */
export interface Run {
  intent: string
  key: string
  rows: BatchRow[]
}

export function runOf(rows: BatchRow[]): Run {
  const intent = `bulk ${markOf(JSON.stringify(rows))}`
  const key = keyFor(intent)
  return { intent, key, rows: rows.map((row) => ({ ...row, key: row.key ?? `${key}:${row.row}` })) }
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
  /** The batches that were made, in their order. */
  batches: string[]
  results: BatchRowResult[]
  /** Why it stopped before the end; what is left can be sent again. */
  problem?: Problem
}

/** Sends the rows that were not answered yet; `before` is what an earlier attempt came to. */
export async function applyRun(
  run: Run,
  rows: readonly BatchRow[],
  atomic: boolean,
  before: Applied,
  progress: Progress,
): Promise<Applied> {
  const batches = [...before.batches]
  const results = [...before.results]
  const answered = new Set(results.map(({ row }) => row))
  const left = rows.filter(({ row }) => !answered.has(row))
  for (const chunk of chunksOf(left, atomic ? ROWS_AT_ONCE : APPLIED_AT_ONCE)) {
    progress(results.length, rows.length)
    try {
      // The chunk's key names its content: the same rows again are the same request.
      const key = `${run.key}:${markOf(JSON.stringify(chunk))}`
      const answer = await shop.batch(key, chunk, atomic)
      if (answer.batch) batches.push(answer.batch)
      results.push(...(answer.state === 'refused' ? answer.rows.map(notApplied) : answer.rows))
    } catch (error) {
      return { batches, results, problem: asProblem(error) }
    }
  }
  progress(results.length, rows.length)
  forgetKey(run.intent)
  return { batches, results }
}

/** All or nothing, and another row was refused. */
function notApplied(result: BatchRowResult): BatchRowResult {
  if (!result.ok) return result
  return { ...result, ok: false, after: null, detail: 'Not applied: another row was refused' }
}

/** Takes the batches back, the last one first. Returns every row as it stands afterwards. */
export async function undoRun(
  applied: Applied,
  reason: string,
  belowFloor: boolean,
  progress: Progress,
): Promise<Applied> {
  let results = applied.results
  const batches = [...applied.batches].reverse()
  for (const [at, batch] of batches.entries()) {
    progress(at, batches.length)
    try {
      await shop.reverseBatch(batch, { reason, allow_below_floor: belowFloor })
      results = refreshed(results, (await shop.batchOf(batch)).rows)
    } catch (error) {
      return { ...applied, results, problem: asProblem(error) }
    }
  }
  return { batches: applied.batches, results }
}

function refreshed(results: BatchRowResult[], rows: readonly BatchRowResult[]): BatchRowResult[] {
  const fresh = new Map(rows.map((row) => [row.row, row]))
  return results.map((result) => fresh.get(result.row) ?? result)
}
