// @vitest-environment node
/**
 * What an app pays: each entry bundled and minified as a bundler would, gzipped, against its budget. The
 * core's figure is all that it loads at once; parts that load on demand are named and bounded apart.
 */
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { build, type Rolldown } from 'vite'
import { expect, test } from 'vitest'

const kB = 1024
/** Parts that are loaded on demand and have a budget each; the rest have one together. */
const OF_THEIR_OWN = ['shop', 'race', 'receipts'] as const
type Sizes = Readonly<Record<'atOnce' | 'later' | (typeof OF_THEIR_OWN)[number], number>>

async function measure(entry: string, external: readonly RegExp[]): Promise<Sizes & { imports: string[] }> {
  const result = await build({
    configFile: false,
    logLevel: 'silent',
    root: fileURLToPath(new URL('..', import.meta.url)),
    define: { 'process.env.NODE_ENV': '"production"' },
    build: {
      write: false,
      target: 'es2022',
      minify: true,
      modulePreload: false,
      lib: { entry: fileURLToPath(new URL(`../src/${entry}`, import.meta.url)), formats: ['es'] },
      rolldownOptions: { external: [...external], output: { minify: true, comments: false } },
    },
  })
  const [{ output }] = result as Rolldown.RolldownOutput[] as [Rolldown.RolldownOutput]
  const chunks = output.filter((chunk) => chunk.type === 'chunk')
  const bytes = (chunk: Rolldown.OutputChunk) => gzipSync(chunk.code, { level: 9 }).length
  const first = chunks.find((chunk) => chunk.isEntry) as Rolldown.OutputChunk
  const atOnce = chunks.filter((chunk) => chunk === first || first.imports.includes(chunk.fileName))
  const sum = (some: readonly Rolldown.OutputChunk[]) =>
    some.reduce((total, chunk) => total + bytes(chunk), 0)
  const named = (name: string) => chunks.filter((chunk) => chunk.name === name)
  const later = chunks.filter(
    (chunk) => !atOnce.includes(chunk) && !OF_THEIR_OWN.some((name) => name === chunk.name),
  )
  return {
    atOnce: sum(atOnce),
    later: sum(later),
    ...Object.fromEntries(OF_THEIR_OWN.map((name) => [name, sum(named(name))])),
    imports: chunks.flatMap((chunk) => chunk.imports),
  } as Sizes & { imports: string[] }
}

test('the core is at most 6 kB, all in one piece, and every part on demand keeps its own budget', async () => {
  const { imports, ...sizes } = await measure('index.ts', [])
  console.info(`livecredits: ${JSON.stringify(sizes)} bytes`)
  const budgets: Sizes = {
    atOnce: 6 * kB,
    // Reads by HTTP, and what operators watch.
    later: 2 * kB,
    shop: 2 * kB,
    // The second carrier, where WebSockets do not come through.
    race: 1.25 * kB,
    receipts: 0.8 * kB,
  }
  for (const [name, most] of Object.entries(budgets) as [keyof Sizes, number][]) {
    expect(sizes[name], name).toBeGreaterThan(0)
    expect(sizes[name], name).toBeLessThanOrEqual(most)
  }
  // A part that imported from the core would tear the core into several files.
  expect(imports).toEqual([])
})

test('reading a voucher’s code is at most 0.6 kB, and loads nothing of the core', async () => {
  const { atOnce, later, imports } = await measure('vouchers.ts', [])
  console.info(`livecredits/vouchers: ${atOnce} bytes`)
  expect(atOnce).toBeLessThanOrEqual(0.6 * kB)
  expect([later, imports]).toEqual([0, []])
})

test('the React entry is at most 1 kB beside the core', async () => {
  const { atOnce, imports } = await measure('react.tsx', [/^react/, /\/(store|events)\.js$/])
  console.info(`livecredits/react: ${atOnce} bytes`)
  expect(atOnce).toBeLessThanOrEqual(1 * kB)
  expect(imports.sort()).toEqual(['events.js', 'react', 'store.js'])
})

test('the element is at most 1.5 kB beside the core', async () => {
  const { atOnce, imports } = await measure('element.ts', [/\/store\.js$/])
  console.info(`livecredits/element: ${atOnce} bytes`)
  expect(atOnce).toBeLessThanOrEqual(1.5 * kB)
  expect(imports).toEqual(['store.js'])
})
