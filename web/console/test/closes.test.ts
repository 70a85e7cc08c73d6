// @vitest-environment node
/** Close codes are explained in the protocol's own words, and none is missing. */
import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { CLOSES, explain } from '../src/developers/closes'

it('explains a close by its own words and the advice of its range', () => {
  expect(explain(4201, 'token_invalid: The token is not one of ours.')).toBe(
    'token_invalid: The token is not one of ours. Advice: get a new token, then reconnect.',
  )
  expect(explain(1006, '')).toMatch(/back-off/)
})

it('knows the close codes of the protocol, all of them', () => {
  const text = readFileSync(new URL('../../../docs/protocol.md', import.meta.url), 'utf8')
  const rows = [...text.matchAll(/^\| (\d{4}) \| `(\w+)` \| (.*) \|$/gm)]
  expect(rows.map(([, code, name, says]) => ({ code: Number(code), name, says }))).toEqual([...CLOSES])
})
