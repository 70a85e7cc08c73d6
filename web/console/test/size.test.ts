// @vitest-environment node
/** What a browser loads before it shows a first screen stays small: the entry, the screen, and all they import. */
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
  const follow = (name: string, loaded: Set<string>): Set<string> => {
    if (loaded.has(name)) return loaded
    loaded.add(name)
    for (const next of chunks.get(name)?.imports ?? []) follow(next, loaded)
    return loaded
  }
  const entries = [...chunks.values()].filter((chunk) => chunk.isEntry)
  const sizes = new Map<string, number>()
  for (const own of chunks.values()) {
    // Any screen may be the first: its address is a link that somebody sends.
    if (!own.isDynamicEntry || !/\/screens\/\w+\.tsx$/.test(own.facadeModuleId ?? '')) continue
    const loaded = new Set<string>()
    for (const chunk of [...entries, own]) follow(chunk.fileName, loaded)
    const bytes = [...loaded].reduce((sum, name) => sum + gzipSync(chunks.get(name)?.code ?? '').length, 0)
    sizes.set(own.name, bytes)
  }
  console.log('first loads in bytes:', Object.fromEntries(sizes))
  expect([...sizes.keys()]).toEqual(
    expect.arrayContaining(['Overview', 'Users', 'Orders', 'Broadcasts', 'SignIn']),
  )
  expect(sizes.size).toBeGreaterThanOrEqual(14)
  for (const [screen, bytes] of sizes) {
    expect(bytes, screen).toBeGreaterThan(50_000)
    expect(bytes, screen).toBeLessThanOrEqual(FIRST_LOAD_MAX)
  }
})
