// @vitest-environment node
/**
 * The reducer: the vectors that it shares with its twin in Python, and two properties. States win by
 * version alone, whatever the wire did to them; and an optimistic number is never shown twice or lost,
 * whatever order frames, answers and reads come in.
 */
import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  accountId,
  answer,
  type Book,
  drop,
  emptyBook,
  pendingOn,
  place,
  receive,
  receiveKeyless,
  retell,
  versionsOf,
} from '../src/balance.js'
import type { HelloFrame, ServerFrame, StateFrame } from '../src/frames.js'
import { forget } from '../src/watching.js'

interface Vector {
  readonly name: string
  readonly initial: HelloFrame | null
  readonly frames: readonly ServerFrame[]
  readonly final: {
    readonly epoch: string | null
    readonly user: string | null
    readonly accounts: readonly unknown[]
  }
  readonly resync: readonly number[]
}

const file = new URL('../../../conformance/vectors.json', import.meta.url)
const { vectors } = JSON.parse(readFileSync(file, 'utf8')) as { readonly vectors: readonly Vector[] }

/** Applies frames as the store does: a frame that asks for `resync` changes nothing. */
function apply(book: Book, frames: readonly ServerFrame[]) {
  const resync: number[] = []
  const end = frames.reduce((before, frame, index) => {
    const after = receive(before, frame)
    if (!after) resync.push(index)
    return after ?? before
  }, book)
  return { book: end, resync }
}

function state(version: number, available: number, more: Partial<StateFrame> = {}): StateFrame {
  return {
    type: 'state',
    epoch: 'ep_a',
    user: 'ada',
    unit: 'credits',
    version,
    balance: { settled: available, held: 0, available },
    scale: 0,
    next_expiry: null,
    changed_at: null,
    cause: null,
    keys: [],
    ...more,
  }
}

const hello = (accounts: readonly StateFrame[], epoch = 'ep_a'): HelloFrame => ({
  type: 'hello',
  epoch,
  heartbeat_s: 20,
  token_expires_at: null,
  user: 'ada',
  accounts,
})

const ACCOUNT = accountId('ada', 'credits')
const shown = (book: Book) =>
  (book.accounts.get(ACCOUNT)?.balance.available ?? 0) + pendingOn(book, ACCOUNT).sum
const keyless = ({ keys: _, ...rest }: StateFrame): StateFrame => rest
const begin = (...accounts: readonly StateFrame[]) => receive(emptyBook, hello(accounts)) as Book

describe('vectors shared with Python', () => {
  test('there are at least 200', () => {
    expect(vectors.length).toBeGreaterThanOrEqual(200)
  })

  test.each(vectors)('$name', ({ initial, frames, final, resync }) => {
    const { book, resync: asked } = apply(initial ? (receive(emptyBook, initial) as Book) : emptyBook, frames)
    const accounts = [...book.accounts.values()]
      .map(({ user, unit, version, balance }) => ({ user, unit, version, credits: balance.available }))
      .sort((a, b) => (accountId(a.user, a.unit) < accountId(b.user, b.unit) ? -1 : 1))
    expect({ epoch: book.epoch, user: book.user, accounts, resync: asked }).toEqual({ ...final, resync })
  })
})

test('any permutation, duplication and loss of states ends at the newest of those that came', () => {
  const arrivals = fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1, maxLength: 40 })
  fc.assert(
    fc.property(arrivals, (versions) => {
      const frames = versions.map((version) => state(version, version * 7))
      let last = -1
      let book = begin()
      for (const frame of frames) {
        book = receive(book, frame) as Book
        const { version } = book.accounts.get(ACCOUNT) as StateFrame
        expect(version).toBeGreaterThanOrEqual(last)
        last = version
      }
      expect(shown(book)).toBe(Math.max(...versions) * 7)
    }),
    { numRuns: 10_000 },
  )
})

/**
 * A ledger with one own and one foreign hand on it. What the screen may show at any time is one number:
 * the confirmed version's, plus every own change that was begun, is not refused, and is not in it yet.
 */
class Model {
  book = begin(state(0, 0))
  readonly history = [state(0, 0)]
  readonly committed = new Map<string, number>()
  readonly begun = new Map<string, number>()
  readonly unanswered = new Set<string>()
  keys = 0
  readonly wire: StateFrame[] = []
  readonly reads: StateFrame[] = []

  get newest() {
    return this.history.at(-1) as StateFrame
  }

  commit(amount: number, key?: string) {
    const { version, balance, keys } = this.newest
    const next = state(version + 1, balance.available + amount, {
      keys: key ? [...(keys ?? []), [key, version + 1] as const].slice(-16) : (keys ?? []),
    })
    this.history.push(next)
    this.wire.push(next)
    if (key) this.committed.set(key, next.version)
  }

  expected() {
    const confirmed = this.book.accounts.get(ACCOUNT)?.version ?? 0
    const open = [...this.begun].filter(
      ([key]) => (this.committed.get(key) ?? Number.POSITIVE_INFINITY) > confirmed,
    )
    const base = this.history[confirmed]?.balance.available ?? 0
    return base + open.reduce((sum, [, delta]) => sum + delta, 0)
  }
}

type Move = { readonly kind: string; readonly pick: number; readonly amount: number }

const moves: Readonly<Record<string, (model: Model, move: Move) => void>> = {
  begin(model, { amount }) {
    if (model.unanswered.size >= 8) return
    model.keys += 1
    const key = `k${model.keys}`
    model.begun.set(key, amount)
    model.unanswered.add(key)
    model.book = place(model.book, key, ACCOUNT, amount)
  },
  commitOwn(model, { pick }) {
    const waiting = [...model.unanswered].filter((key) => !model.committed.has(key))
    const key = waiting[pick % waiting.length]
    if (key) model.commit(model.begun.get(key) as number, key)
  },
  commitForeign: (model, { amount }) => model.commit(amount),
  answer(model, { pick }) {
    const done = [...model.unanswered].filter((key) => model.committed.has(key))
    const key = done[pick % done.length]
    if (!key) return
    model.unanswered.delete(key)
    model.book = answer(model.book, key, model.committed.get(key) as number, 'ep_a')
  },
  refuse(model, { pick }) {
    const waiting = [...model.unanswered].filter((key) => !model.committed.has(key))
    const key = waiting[pick % waiting.length]
    if (!key) return
    model.unanswered.delete(key)
    model.begun.delete(key)
    model.book = drop(model.book, key)
  },
  deliver(model, { pick }) {
    const frame = model.wire[pick % model.wire.length]
    if (frame) model.book = receive(model.book, frame) as Book
  },
  deliverNewest(model) {
    model.book = receive(model.book, model.newest) as Book
  },
  hello(model) {
    model.book = receive(model.book, hello([model.newest])) as Book
  },
  beginRead: (model) => void model.reads.push(keyless(model.newest)),
  endRead(model, { pick }) {
    const [read] = model.reads.splice(pick % Math.max(1, model.reads.length), 1)
    if (read) model.book = receiveKeyless(model.book, read) ?? model.book
  },
}

test('in any interleaving the number shown counts every own change once: no flicker, no double', () => {
  const move = fc.record({
    kind: fc.constantFrom(...Object.keys(moves)),
    pick: fc.nat(20),
    amount: fc.integer({ min: -50, max: 50 }).filter((amount) => amount !== 0),
  })
  fc.assert(
    fc.property(fc.array(move, { maxLength: 50 }), (script) => {
      const model = new Model()
      for (const one of script) {
        moves[one.kind]?.(model, one)
        expect(shown(model.book)).toBe(model.expected())
      }
      for (const key of [...model.unanswered]) {
        model.unanswered.delete(key)
        if (!model.committed.has(key)) model.begun.delete(key)
        const version = model.committed.get(key)
        model.book = version ? answer(model.book, key, version, 'ep_a') : drop(model.book, key)
      }
      model.book = receive(model.book, model.newest) as Book
      expect(model.book.layers).toEqual([])
      expect(shown(model.book)).toBe(model.newest.balance.available)
    }),
    { numRuns: 10_000 },
  )
})

describe('optimistic changes', () => {
  test('a merged frame settles the changes whose keys it names, and no other', () => {
    let book = begin(state(4, 100))
    book = place(place(book, 'a', ACCOUNT, -10), 'b', ACCOUNT, -20)
    expect(shown(book)).toBe(70)
    book = receive(book, state(6, 95, { keys: [['a', 5]] })) as Book
    expect(shown(book)).toBe(75)
    expect(pendingOn(book, ACCOUNT)).toEqual({ sum: -20, count: 1 })
  })

  test('an answer that comes before its frame keeps the delta until the frame is there', () => {
    let book = place(begin(state(4, 100)), 'a', ACCOUNT, -10)
    book = answer(book, 'a', 5, 'ep_a')
    expect(shown(book)).toBe(90)
    book = receive(book, state(5, 90)) as Book
    expect(shown(book)).toBe(90)
    expect(book.layers).toEqual([])
  })

  test('a frame that comes too late to win still settles by its keys', () => {
    let book = place(begin(state(4, 100)), 'a', ACCOUNT, -10)
    book = receive(book, state(7, 200)) as Book
    book = receive(book, state(5, 90, { keys: [['a', 5]] })) as Book
    expect(shown(book)).toBe(200)
  })

  test('a read is not taken while an own change is unanswered, because it may contain it', () => {
    let book = place(begin(state(4, 100)), 'a', ACCOUNT, -10)
    expect(receiveKeyless(book, keyless(state(5, 90)))).toBeNull()
    book = answer(book, 'a', 5, null)
    book = receiveKeyless(book, keyless(state(5, 90))) as Book
    expect([shown(book), book.layers]).toEqual([90, []])
  })

  test('a change that was answered in another epoch is let go by the hello of this one', () => {
    let book = answer(place(begin(state(4, 100)), 'a', ACCOUNT, -10), 'a', 9, 'ep_a')
    book = receive(book, hello([state(2, 50, { epoch: 'ep_b' })], 'ep_b')) as Book
    expect(shown(book)).toBe(50)
  })

  test('the same key of another account settles nothing here', () => {
    let book = place(begin(state(4, 100)), 'a', ACCOUNT, -10)
    book = receive(book, state(1, 5, { unit: 'images', keys: [['a', 1]] })) as Book
    expect(shown(book)).toBe(90)
  })
})

describe('states that name no keys', () => {
  test('of another epoch are not taken but asked about', () => {
    expect(receiveKeyless(begin(state(4, 100)), keyless(state(9, 1, { epoch: 'ep_b' })))).toBeNull()
  })

  test('fill an empty book', () => {
    const book = receiveKeyless(emptyBook, keyless(state(3, 30))) as Book
    expect([book.epoch, book.user, shown(book)]).toEqual(['ep_a', 'ada', 30])
  })

  test('give way to the frame of the same version, which knows more', () => {
    const known = receiveKeyless(begin(state(4, 100)), keyless(state(5, 90))) as Book
    const cause = { entry: 'ent_5', kind: 'spend', amount: -10, label: 'Image' }
    const book = receive(known, state(5, 90, { cause })) as Book
    expect(book.accounts.get(ACCOUNT)?.cause).toEqual(cause)
  })
})

test('a book retold to another tab is the same book', () => {
  const book = begin(state(4, 100), state(2, 7, { unit: 'images' }))
  const [told] = retell(book)
  expect(receive(emptyBook, told as HelloFrame)).toEqual(book)
  expect(retell(emptyBook)).toEqual([])
})

test('users that are watched no longer are forgotten, whatever their names', () => {
  const book = begin(state(4, 100), state(1, 5, { user: '__proto__' }))
  expect(versionsOf(book, '__proto__')).toEqual({ credits: 1 })
  expect([...forget(book, new Set(['__proto__'])).accounts.keys()]).toEqual([ACCOUNT])
})
