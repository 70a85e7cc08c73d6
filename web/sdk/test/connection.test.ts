// @vitest-environment node
/**
 * The connection machine: how it backs off, what it obeys, whom it believes. The table of close codes is
 * the server's own, from `conformance/vectors.json`.
 */
import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Connection, newConnection, type Step, statusOf, steps, type Timers } from '../src/connection.js'

type Name = keyof typeof steps
type Rest = readonly (number | boolean | null | undefined)[]

/** Runs events through the machine and keeps the timers as a clock would. */
class Run {
  connection = newConnection
  timers: Record<string, number> = {}
  actions: readonly string[] = []

  constructor(public random = 0.5) {}

  tell(name: Name, ...rest: Rest): this {
    const [next, timers, ...actions] = (steps[name] as (...input: readonly unknown[]) => Step)(
      this.connection,
      this.random,
      ...rest,
    )
    this.connection = next
    this.actions = actions
    for (const [timer, ms] of Object.entries(timers as Timers)) {
      if (ms) this.timers[timer] = ms
      else delete this.timers[timer]
    }
    return this
  }

  ring(timer: Name): this {
    expect(this.timers).toHaveProperty(timer)
    delete this.timers[timer]
    return this.tell(timer)
  }

  get status() {
    return statusOf(this.connection)
  }
}

const live = (random?: number) => new Run(random).tell('start').tell('token').tell('hello', 20_000, null)
const stable = (random?: number) => live(random).ring('stable')

const file = new URL('../../../conformance/vectors.json', import.meta.url)
const { closes } = JSON.parse(readFileSync(file, 'utf8')) as {
  closes: readonly { code: number; name: string; advice: string }[]
}

describe('close codes of the server', () => {
  const obeys: Readonly<Record<string, (run: Run) => void>> = {
    reconnect_now: (run) => expect(run.timers['retry']).toBe(1),
    reconnect_with_backoff: (run) => expect(run.timers['retry']).toBe(1 + 250),
    get_new_token(run) {
      expect(run.timers['retry']).toBe(1)
      expect(run.ring('retry').connection.fresh).toBe(true)
    },
    stay_away(run) {
      expect(run.status).toBe('error')
      expect(run.timers).toEqual({})
    },
  }

  test.each(closes)('$code $name: $advice', ({ code, advice }) => {
    obeys[advice]?.(stable().tell('closed', code))
    expect(obeys).toHaveProperty(advice)
  })

  test.each([1002, 1003, 1007, 1009])('%i blames our own bytes, so they are not sent again', (code) => {
    expect(stable().tell('closed', code).status).toBe('error')
  })

  test.each([0, 1000, 1001, 1005, 1006, 4999])('%i is backed off from', (code) => {
    expect(stable().tell('closed', code).timers['retry']).toBe(251)
  })
})

describe('backing off', () => {
  test('full jitter from half a second to twenty', () => {
    const waits = [0.5, 1, 2, 4, 8, 16, 20, 20].map((seconds) => 1 + 0.999 * seconds * 1000)
    const run = stable(0.999)
    const waited = waits.map(() => {
      run.tell('closed', 1006)
      const wait = run.timers['retry']
      run.ring('retry').tell('token')
      return wait
    })
    expect(waited).toEqual(waits)
  })

  test('"now" is now once; a server that says it again is backed off from', () => {
    const run = stable().tell('closed', 4000)
    expect(run.timers['retry']).toBe(1)
    run.ring('retry').tell('token').tell('hello', 20_000, null).tell('closed', 4000)
    expect(run.timers['retry']).toBe(1 + 500)
  })

  test('ten seconds of stability make it calm again', () => {
    const run = live().tell('closed', 1006).ring('retry').tell('token').tell('hello', 20_000, null)
    expect(run.timers['stable']).toBe(10_000)
    expect(run.ring('stable').tell('closed', 1006).timers['retry']).toBe(251)
  })

  test('a hello that answers a resync does not start stability anew', () => {
    const run = live()
    delete run.timers['stable']
    expect(run.tell('hello', 20_000, null).timers).not.toHaveProperty('stable')
  })

  test('Retry-After is the least wait, and a wake does not cut it short', () => {
    const run = stable().tell('closed', 4100, 7_000)
    expect(run.timers['retry']).toBe(7_251)
    expect(run.tell('wake', 60_000).actions).toEqual([])
  })

  test('a token that could not be had is tried again with backoff', () => {
    const run = new Run().tell('start').tell('tokenFailed')
    expect([run.status, run.timers['retry']]).toEqual(['reconnecting', 251])
  })
})

describe('bye', () => {
  test.each([
    [0, 1001],
    [0.5, 2501],
    [0.999, 3998],
  ])('returns within its window (luck %f)', (luck, wait) => {
    const run = stable(luck).tell('bye', 1_000, 4_000)
    expect(run.timers['retry']).toBeCloseTo(wait, 0)
    run.tell('closed', 4000)
    expect(run.timers['retry']).toBeCloseTo(wait, 0)
    expect(run.tell('wake', 60_000).actions).toEqual([])
    expect(run.ring('retry').actions).toEqual(['token'])
  })

  test('leaves by itself where the server does not close', () => {
    const run = stable().tell('bye', 0, 0).ring('retry')
    expect(run.actions).toEqual(['close', 'token'])
    expect(run.status).toBe('reconnecting')
  })
})

describe('liveness', () => {
  test('one and a half heartbeats of silence end the socket', () => {
    const run = live()
    expect(run.timers['liveness']).toBe(30_000)
    expect(run.tell('hello', 8_000, null).tell('heard').timers['liveness']).toBe(12_000)
    expect(run.ring('liveness').actions).toEqual(['close'])
    expect(run.status).toBe('reconnecting')
  })

  test('a wake asks, and gives two seconds', () => {
    const run = stable().tell('wake', 60_000)
    expect([run.actions, run.timers['probe']]).toEqual([['resync'], 2_000])
    expect(run.tell('heard').timers).not.toHaveProperty('probe')
    run.tell('wake', 60_000)
    expect([run.ring('probe').actions, run.timers['retry']]).toEqual([['close'], 1])
  })

  test('a wake right after a word asks nothing', () => {
    expect(live().tell('wake', 1_999).actions).toEqual([])
  })

  test('a wake while waiting tries at once, but not without a network', () => {
    expect(stable().tell('closed', 1006).tell('wake', 60_000).actions).toEqual(['token'])
    const offline = stable().tell('closed', 1006).tell('network', true)
    expect([offline.actions, offline.status]).toEqual([[], 'offline'])
    expect(offline.tell('network', false).actions).toEqual(['token'])
  })

  test('no hello within ten seconds is a loss', () => {
    const run = new Run().tell('start').tell('token')
    expect(run.timers['overdue']).toBe(10_000)
    expect(run.ring('overdue').timers['retry']).toBe(251)
  })
})

describe('tokens', () => {
  test.each([
    [3_600_000, 3_570_000],
    [60_000, 40_000],
    [9_000, 6_000],
  ])('one that lasts %i ms is renewed after %i', (lasts, after) => {
    const run = live().tell('hello', 20_000, lasts)
    expect(run.timers['renew']).toBe(after)
    expect(run.ring('renew').actions).toEqual(['token'])
    expect(run.connection.fresh).toBe(true)
    expect(run.tell('token').actions).toEqual(['auth'])
    expect(run.ring('renewed').actions).toEqual(['resync'])
    expect(run.status).toBe('live')
  })

  test.each([null, 0, -5_000])('one that lasts %s by this clock is left to the server', (lasts) => {
    expect(live().tell('hello', 20_000, lasts).timers).not.toHaveProperty('renew')
  })

  test('a renewal that fails is tried again while the old token holds', () => {
    const run = live().tell('hello', 20_000, 60_000).ring('renew').tell('tokenFailed')
    expect([run.status, run.timers['renew']]).toEqual(['live', 10_000])
  })

  test('one that never comes is asked for anew', () => {
    const run = new Run().tell('start')
    expect(run.timers['overdue']).toBe(10_000)
    run.ring('overdue')
    expect([run.status, run.connection.fresh, run.timers['retry']]).toEqual(['reconnecting', true, 251])
    expect(run.ring('retry').actions).toEqual(['token'])
    expect(run.tell('token').connection.fresh).toBe(false)
  })

  test('none means signed out, and only a new start asks again', () => {
    const run = live().tell('hello', 20_000, 60_000).ring('renew').tell('noToken')
    expect([run.status, run.timers, run.actions]).toEqual(['signed-out', {}, ['close']])
    expect(run.tell('wake', 60_000).actions).toEqual([])
    expect(run.tell('start').actions).toEqual(['token'])
    expect(run.connection.fresh).toBe(true)
  })
})

describe('what people are told', () => {
  test('connecting, live, reconnecting, stale, live', () => {
    const run = new Run()
    const told = [run.status]
    const see = () => told.push(run.status)
    run.tell('start')
    see()
    run.tell('token').tell('hello', 20_000, null)
    see()
    run.tell('closed', 1006)
    see()
    run.ring('stale')
    see()
    run.ring('retry').tell('token').tell('hello', 20_000, null)
    see()
    expect(told).toEqual(['idle', 'connecting', 'live', 'reconnecting', 'stale', 'live'])
  })

  test('failed attempts do not put off the moment when the number counts as stale', () => {
    const run = stable().tell('closed', 1006)
    expect(run.timers['stale']).toBe(10_000)
    run.timers['stale'] = 4_000
    run.ring('retry').tell('token').tell('closed', 1006)
    expect(run.timers['stale']).toBe(4_000)
  })

  test('starting twice is once', () => {
    for (const run of [new Run().tell('start'), live(), live().tell('closed', 1006)]) {
      expect(run.tell('start').actions).toEqual([])
    }
  })

  test('stopping ends everything from everywhere', () => {
    const runs = [
      new Run().tell('start'),
      new Run().tell('start').tell('token'),
      live(),
      live().tell('closed', 0),
    ]
    for (const run of runs) {
      run.tell('stop')
      expect([run.status, run.timers, run.actions]).toEqual(['idle', {}, ['close']])
    }
  })
})

/** What may happen in each phase; the promise that `link.ts` gives the machine. */
function possible({ phase }: Connection, timers: Record<string, number>): readonly [Name, ...Rest][] {
  const always: [Name, ...Rest][] = [
    ['wake', 60_000],
    ['network', false],
    ['network', true],
  ]
  const due = Object.keys(timers).map((timer): [Name] => [timer as Name])
  if (phase === 'token') return [...always, ...due, ['token'], ['tokenFailed']]
  if (phase === 'opening')
    return [...always, ...due, ['hello', 20_000, 60_000], ['closed', 1006], ['closed', 4000]]
  if (phase !== 'live') return [...always, ...due]
  return [...always, ...due, ['heard'], ['bye', 0, 3_000], ['closed', 4200], ['hello', 20_000, 60_000]]
}

test('however events fall, something always leads on: a timer runs or a token is being asked for', () => {
  fc.assert(
    fc.property(
      fc.array(fc.nat(1_000), { maxLength: 60 }),
      fc.double({ min: 0, max: 0.999, noNaN: true }),
      (picks, luck) => {
        const run = new Run(luck).tell('start')
        for (const pick of picks) {
          const choices = possible(run.connection, run.timers)
          const [name, ...rest] = choices[pick % choices.length] as [Name, ...Rest]
          delete run.timers[name]
          run.tell(name, ...rest)
          const { phase } = run.connection
          const leading: Partial<Record<typeof phase, Name>> = {
            opening: 'overdue',
            waiting: 'retry',
            live: 'liveness',
          }
          const timer = leading[phase]
          expect(phase === 'token' || (timer && timer in run.timers), `${name}, now ${phase}`).toBe(true)
          for (const ms of Object.values(run.timers)) expect(ms).toBeGreaterThan(0)
          expect(run.timers['retry'] ?? 0).toBeLessThanOrEqual(20_001)
        }
      },
    ),
    { numRuns: 5_000 },
  )
})
