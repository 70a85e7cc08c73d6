// @vitest-environment node
/**
 * What the types allow and what they refuse; `tsc` is the judge (`npm run types`). An error that does not come is an
 * error itself, so none of these lines can rot. Nothing here runs but the one test at the end.
 */
import { expect, expectTypeOf, test } from 'vitest'
import { type CreditsSnapshot, createCredits, type Status } from '../src/index.js'
import {
  type CreditContextType,
  CreditProvider,
  useCredits,
  useCreditsSelector,
  useOptimisticCredits,
  useOrders,
  useWatchedCredits,
} from '../src/react.js'

const getToken = () => 'token'

export function theStore() {
  const store = createCredits({
    url: '',
    user: null,
    getToken: async ({ fresh }) => (fresh ? null : 'token'),
  })
  expectTypeOf(store.getSnapshot()).toEqualTypeOf<CreditsSnapshot>()
  // @ts-expect-error a token must be had from somewhere
  createCredits({ url: '' })
  // @ts-expect-error a user is named by the host's own id, a string
  createCredits({ url: '', user: 7, getToken })
  // @ts-expect-error a token is a string or nobody's
  createCredits({ url: '', getToken: () => 7 })
  // @ts-expect-error a snapshot is not for changing
  store.getSnapshot().credits = 5
  // @ts-expect-error there is no such event
  store.on('credits', () => {})
  store.on('update', (userId) => expectTypeOf(userId).toEqualTypeOf<string>())
  store.on('status', (status, since) => {
    expectTypeOf(status).toEqualTypeOf<Status>()
    expectTypeOf(since).toEqualTypeOf<number>()
  })
  store.watch(['ada'], { open: true })
  // @ts-expect-error one user is a list of one
  store.watch('ada')
  // @ts-expect-error the change is a promise: there is nothing to wait for otherwise
  store.optimistic(-5, (key) => key)
  expectTypeOf(store.optimistic(-5, async () => 'picture')).resolves.toEqualTypeOf<string>()
  expectTypeOf(store.redeem('WELCOME')).resolves.toHaveProperty('voucher')
  // @ts-expect-error a purchase reference is a text
  store.order('pck_1', { purchaseReference: 7 })
}

export function TheHooks() {
  const value = useCredits({ unit: 'images' })
  expectTypeOf(value).toExtend<CreditContextType>()
  expectTypeOf(value.status).toEqualTypeOf<Status>()
  // @ts-expect-error no such name
  value.balance
  expectTypeOf(useCreditsSelector(({ credits }) => credits < 5)).toEqualTypeOf<boolean>()
  // @ts-expect-error a selector selects
  useCreditsSelector('credits')
  expectTypeOf(useOptimisticCredits()(-5, async () => ({ version: 1 }))).resolves.toEqualTypeOf<{
    version: number
  }>()
  // @ts-expect-error it may not be known yet
  useWatchedCredits('ada').credits
  expectTypeOf(useOrders().items[0]?.state).toEqualTypeOf<
    'pending' | 'fulfilled' | 'cancelled' | 'refunded' | undefined
  >()
  return [
    <CreditProvider key="1" url="" user="ada" getToken={getToken} />,
    <CreditProvider key="2" store={createCredits({ url: '', getToken })} />,
    // @ts-expect-error neither a store nor how to make one
    <CreditProvider key="3" />,
    // @ts-expect-error nor half of it
    <CreditProvider key="4" url="" />,
  ]
}

test('this file is one of those that the judge reads', async () => {
  const { readFileSync } = await import('node:fs')
  const config = readFileSync(new URL('../tsconfig.json', import.meta.url), 'utf8')
  expect(config).toContain('"include": ["src", "test"]')
})
