/** The small parts that have no screen: addresses, keys, times, announcements, audit values. */
import './setup'
import { describe, expect, it } from 'vitest'
import { summarise } from '../src/announce'
import { address } from '../src/api'
import { basePath, serverUrl } from '../src/base'
import { browserName } from '../src/components/Screens'
import { valuesOf } from '../src/components/Values'
import { forgetAllKeys, forgetKey, keyFor } from '../src/keys'
import { ago, isAhead } from '../src/time'

describe('addresses', () => {
  it.each([
    ['http://x.test/console/', '/console', 'http://x.test/'],
    ['http://x.test/billing/credits/console/', '/billing/credits/console', 'http://x.test/billing/credits/'],
  ])('follow the base %s', (base, path, server) => {
    expect(basePath(base)).toBe(path)
    expect(serverUrl(base).href).toBe(server)
  })

  it('leave out what is not asked', () => {
    expect(new URL(address('admin/users', { q: 'a b', sort: '', limit: 5, after: undefined })).search).toBe(
      '?q=a+b&limit=5',
    )
  })
})

describe('keys', () => {
  it('are the same for the same intent until its outcome is known', () => {
    const first = keyFor('POST a {}')
    expect(keyFor('POST a {}')).toBe(first)
    expect(keyFor('POST b {}')).not.toBe(first)
    forgetKey('POST a {}')
    expect(keyFor('POST a {}')).not.toBe(first)
  })

  it('leave with the operator, and nothing else does', () => {
    keyFor('POST a {}')
    sessionStorage.setItem('theirs', 'stays')
    forgetAllKeys()
    expect(Object.keys(sessionStorage)).toEqual(['theirs'])
  })
})

describe('announcements', () => {
  it('are read singly while they are few', () => {
    expect(
      summarise([
        { text: 'Saved', group: undefined },
        { text: 'ada: 5', group: 'balances' },
      ]),
    ).toBe('Saved. ada: 5')
  })

  it('become a count when they are many', () => {
    const many = Array.from({ length: 40 }, (_, at) => ({ text: `u${at}: 5`, group: 'balances' }))
    expect(summarise([...many, { text: 'Saved', group: undefined }])).toBe('Saved. 40 balances changed')
  })
})

describe('times', () => {
  const now = Date.parse('2026-11-23T12:00:00Z')
  it.each([
    ['2026-11-23T11:59:30Z', 'just now'],
    ['2026-11-23T11:50:00Z', '10m ago'],
    ['2026-11-23T09:00:00Z', '3h ago'],
    ['2026-11-21T12:00:00Z', '2d ago'],
    ['2026-11-23T14:00:00Z', 'in 2h'],
    ['2026-01-02T12:00:00Z', 'Jan 2, 2026'],
  ])('%s reads %s', (at, text) => expect(ago(at, now)).toBe(text))

  it.each([
    ['2026-11-23T12:00:50Z', false],
    ['2026-11-23T13:00:00Z', true],
    ['2026-11-23T11:00:00Z', false],
  ])('%s is ahead: %s', (at, ahead) => expect(isAhead(at, now)).toBe(ahead))
})

it('flattens what a change did', () => {
  expect(valuesOf({ credits: 1500, profile: { name: null } })).toEqual({
    credits: '1,500',
    'profile.name': 'none',
  })
  expect(valuesOf(null)).toEqual({})
})

it('names a browser so that people know their own', () => {
  expect(browserName('Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0')).toBe(
    'Firefox on Linux',
  )
  expect(browserName('Mozilla/5.0 (iPhone) AppleWebKit Version/17 Safari/605')).toBe('Safari on iOS')
  expect(browserName(null)).toBe('Unknown screen')
})
