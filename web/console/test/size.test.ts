// @vitest-environment node
/** What a browser loads before it shows the first screen stays small: the entry and what it imports at once. */
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { build, type Rolldown } from 'vite'
import { expect, it } from 'vitest'

const FIRST_LOAD_MAX = 200_000

it('loads at most 200 kB of JavaScript at first', { timeout: 120_000 }, async () => {
  const root = fileURLToPath(new URL('..', import.meta.url))
  const configFile = fileURLToPath(new URL('../vite.config.ts', import.meta.url))
  const built = (await build({
    root,
    configFile,
    mode: 'production',
    logLevel: 'silent',
    define: { 'process.env.NODE_ENV': '"production"' },
    build: { write: false },
  })) as Rolldown.RolldownOutput
  const chunks = new Map(
    built.output.flatMap((file) => (file.type === 'chunk' ? [[file.fileName, file] as const] : [])),
  )
  const first = new Set<string>()
  const follow = (name: string): void => {
    if (first.has(name)) return
    first.add(name)
    for (const next of chunks.get(name)?.imports ?? []) follow(next)
  }
  for (const chunk of chunks.values()) if (chunk.isEntry) follow(chunk.fileName)
  const bytes = [...first].reduce((sum, name) => sum + gzipSync(chunks.get(name)?.code ?? '').length, 0)
  console.log(`first load: ${bytes} bytes`)
  expect(bytes).toBeGreaterThan(50_000)
  expect(bytes).toBeLessThanOrEqual(FIRST_LOAD_MAX)
})
