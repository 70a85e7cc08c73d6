/**
 * Runs that have begun, kept by the browser until they are over, rows and all.
 *
 * A tab that was closed or reloaded in the middle finds the very same rows and keys here and goes on by them. What
 * is kept belongs to one operator: nobody else is offered it, and signing out takes it away. The odd thing: where
 * the browser keeps nothing (a private window of some kind) the memory of the tab has to do, and a reload then
 * needs the file again.
 */
import type { BatchRowResult } from '../shop'
import type { Unreadable } from './plan'
import type { Asked } from './run'

export interface KeptRun extends Asked {
  operator: string
  name: string
  begun_at: string
  /** What was never sent: rows that the dry run refused, and lines that could not be read. */
  skipped: BatchRowResult[]
  unreadable: Unreadable[]
  /** Every row was answered; only what the server does not know is kept, for the report. */
  isOver: boolean
}

const DATABASE = 'livecredits-console'
const STORE = 'runs'
/** Reports of runs that are over, at most. */
const OVER_MOST = 20

let opened: Promise<IDBDatabase | undefined> | undefined
const memory = new Map<string, KeptRun>()

function open(): Promise<IDBDatabase | undefined> {
  opened ??= new Promise((resolve) => {
    if (typeof indexedDB === 'undefined') return resolve(undefined)
    const request = indexedDB.open(DATABASE, 1)
    request.onupgradeneeded = () => request.result.createObjectStore(STORE, { keyPath: 'id' })
    request.onsuccess = () => resolve(request.result)
    request.onerror = () => resolve(undefined)
  })
  return opened
}

async function ask<T>(
  mode: IDBTransactionMode,
  work: (store: IDBObjectStore) => IDBRequest<T>,
  instead: () => T,
): Promise<T> {
  const database = await open()
  if (!database) return instead()
  return new Promise((resolve, reject) => {
    const request = work(database.transaction(STORE, mode).objectStore(STORE))
    // The transaction, not the request: only then it is on the disk.
    const { transaction } = request
    if (transaction) transaction.oncomplete = () => resolve(request.result)
    request.onerror = () => reject(request.error)
  })
}

export async function keepRun(run: KeptRun): Promise<void> {
  await ask(
    'readwrite',
    (store) => store.put(run),
    () => {
      memory.set(run.id, run)
      return run.id
    },
  )
}

export async function keptRun(operator: string, id: string): Promise<KeptRun | null> {
  const found = await ask<KeptRun | undefined>(
    'readonly',
    (store) => store.get(id),
    () => memory.get(id),
  )
  return found?.operator === operator ? found : null
}

/** This operator's runs, the newest first. */
export async function keptRuns(operator: string): Promise<KeptRun[]> {
  const all = await ask<KeptRun[]>(
    'readonly',
    (store) => store.getAll(),
    () => [...memory.values()],
  )
  return all.filter((run) => run.operator === operator).sort((a, b) => b.begun_at.localeCompare(a.begun_at))
}

async function dropRun(id: string): Promise<void> {
  await ask<undefined>(
    'readwrite',
    (store) => store.delete(id),
    () => void memory.delete(id),
  )
}

/** Every row is answered: the rows are the server's now. */
export async function finishRun(run: KeptRun): Promise<void> {
  if (run.skipped.length + run.unreadable.length === 0) return dropRun(run.id)
  await keepRun({ ...run, rows: [], isOver: true })
  const over = (await keptRuns(run.operator)).filter(({ isOver }) => isOver)
  for (const old of over.slice(OVER_MOST)) await dropRun(old.id)
}

/** Nothing of a person stays in a browser that somebody else may use. */
export async function forgetRuns(): Promise<void> {
  memory.clear()
  if (typeof indexedDB === 'undefined') return
  await ask<undefined>(
    'readwrite',
    (store) => store.clear(),
    () => undefined,
  )
}
