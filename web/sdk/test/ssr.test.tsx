/**
 * Pages that a server rendered: the markup says "not known yet", the browser takes it over without a warning, and
 * parts that are taken over late, when the number is there already, are no exception.
 */
import { act, cleanup } from '@testing-library/react'
import { type ComponentType, lazy, type ReactNode, StrictMode, Suspense } from 'react'
import { hydrateRoot, type Root } from 'react-dom/client'
import { renderToReadableStream } from 'react-dom/server.edge'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { Environment } from '../src/environment.js'
import * as inBrowser from '../src/react.js'
import { World } from './world.js'

const browser = vi.hoisted(() => ({ current: undefined as unknown }))
vi.mock('../src/environment.js', () => ({
  browser: new Proxy({}, { get: (_, name) => (browser.current as Environment)[name as keyof Environment] }),
}))

type Library = typeof inBrowser

let world: World
let root: Root | undefined
const faults: unknown[] = []

beforeEach(() => {
  world = new World()
  world.server.commit('ada', 100)
  faults.length = 0
  vi.spyOn(console, 'error').mockImplementation((...what) => void faults.push(what))
})

afterEach(async () => {
  await act(async () => root?.unmount())
  cleanup()
  document.body.replaceChildren()
  vi.restoreAllMocks()
})

/** The app, on the SDK as one of the two sides has loaded it: a server is another process. */
function appOn({ CreditProvider, useCredits, useCreditsSelector, useOrders, useWatchedCredits }: Library) {
  function Badge({ name = 'badge' }) {
    const { credits, loading, status, since } = useCredits()
    const sign = useCreditsSelector((snapshot) => ({ of: Math.sign(snapshot.credits) }))
    const orders = useOrders()
    const watched = useWatchedCredits('bob')
    return (
      <output id={name} title={`${status} since ${since}, ${sign.of}, ${watched?.credits}`}>
        {loading ? '…' : credits} {orders.loading ? 'orders to come' : orders.items.length}
      </output>
    )
  }
  const Late = () => <Badge name="late" />
  const page = (Part: ComponentType | null) => (
    <StrictMode>
      <CreditProvider url="" user="ada" getToken={() => 'screen:ada'} log={false}>
        <Badge />
        <Suspense fallback="waiting">{Part && <Part />}</Suspense>
      </CreditProvider>
    </StrictMode>
  )
  return { page, Late }
}

/** A server has neither tabs nor sockets: whatever it touched would throw. */
async function onServer(render: (app: ReturnType<typeof appOn>) => ReactNode): Promise<string> {
  world.now -= 5_000
  const touch = (_: object, name: string | symbol) => {
    throw new Error(`a server has no ${String(name)}`)
  }
  browser.current = new Proxy({}, { get: touch })
  vi.resetModules()
  const app = appOn(await import('../src/react.js'))
  const stream = await renderToReadableStream(render(app))
  await stream.allReady
  const markup = await new Response(stream).text()
  browser.current = world.openTab().environment
  world.now += 5_000
  return markup
}

async function takeOver(markup: string, app: ReactNode): Promise<void> {
  const container = document.createElement('div')
  container.innerHTML = markup
  document.body.append(container)
  await act(async () => {
    root = hydrateRoot(container, app, { onRecoverableError: (error) => void faults.push(error) })
  })
}

const text = (id: string) => document.getElementById(id)?.textContent
const pass = (ms: number) => act(() => world.pass(ms))

test('what the server wrote is taken over, then the number comes', async () => {
  const markup = await onServer(({ page }) => page(null))
  expect(markup).toContain('idle since 0, 0, undefined')
  await takeOver(markup, appOn(inBrowser).page(null))
  expect(text('badge')).toMatch(/^…/)
  await pass(100)
  expect(text('badge')).toBe('100 0')
  expect(world.server.live.length).toBe(1)
  expect(faults).toEqual([])
})

test('a part that is taken over late matches too, and shows the number at once', async () => {
  const markup = await onServer(({ page, Late }) => page(Late))
  expect(markup).toContain('id="late"')
  const { page, Late } = appOn(inBrowser)
  let arrive = () => {}
  const arrived = new Promise<{ default: ComponentType }>((resolve) => {
    arrive = () => resolve({ default: Late })
  })
  await takeOver(markup, page(lazy(() => arrived)))
  const late = document.getElementById('late')
  await pass(100)
  expect([text('badge'), text('late')]).toEqual(['100 0', '… orders to come'])
  await act(async () => arrive())
  await pass(100)
  expect([text('badge'), text('late')]).toEqual(['100 0', '100 0'])
  // Made anew would be right as well to look at, and is what a mismatch ends in.
  expect(document.getElementById('late')).toBe(late)
  expect(faults).toEqual([])
})
