/**
 * The React entry: the nine names one by one, StrictMode, user switch, what renders again and what does
 * not, and an app that knows the original context only. The browser underneath is the scripted one.
 */
import { act, cleanup, fireEvent, render, screen } from '@testing-library/react'
import { type ReactNode, StrictMode, useEffect } from 'react'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { Environment } from '../src/environment.js'
import {
  type CreditContextType,
  CreditProvider,
  type CreditsValue,
  useCredits,
  useCreditsSelector,
  useCreditsStore,
  useOptimisticCredits,
  useWatchedCredits,
} from '../src/react.js'
import { createStore } from '../src/store.js'
import { type Api, CreditDisplay, UsersPage } from './original-app.js'
import { settle, type Tab, World } from './world.js'

const browser = vi.hoisted(() => ({ current: undefined as unknown }))
vi.mock('../src/environment.js', () => ({
  browser: new Proxy({}, { get: (_, name) => (browser.current as Environment)[name as keyof Environment] }),
}))

let world: World
let tab: Tab
let log: ReturnType<typeof vi.spyOn>

beforeEach(() => {
  world = new World()
  tab = world.openTab()
  browser.current = tab.environment
  world.server.commit('ada', 100)
  world.server.commit('bob', 7)
  log = vi.spyOn(console, 'log').mockImplementation(() => {})
})

afterEach(() => {
  cleanup()
  vi.restoreAllMocks()
})

const pass = (ms: number) => act(() => world.pass(ms))

function Provider({ user = 'ada', children }: { user?: string | null; children: ReactNode }) {
  return (
    <CreditProvider url="" user={user} getToken={() => `screen:${user}`} log>
      {children}
    </CreditProvider>
  )
}

/** Hands the hook's value out, and counts renders. */
function probe<T>(use: () => T) {
  const values: T[] = []
  const Probe = () => {
    values.push(use())
    return null
  }
  return {
    Probe,
    values,
    get last() {
      return values.at(-1) as T
    },
  }
}

async function mount() {
  const credits = probe(useCredits)
  const view = render(
    <Provider>
      <credits.Probe />
    </Provider>,
  )
  await pass(50)
  return { credits, view }
}

const NINE = [
  'credits',
  'loading',
  'refreshCredits',
  'refreshVouchers',
  'registerVoucherRefresh',
  'refreshCurrentUserCredits',
  'refreshUserCredits',
  'registerCreditUpdateCallback',
  'broadcastCreditUpdate',
] as const satisfies readonly (keyof CreditContextType)[]

describe('the nine names', () => {
  test('are all there, beside the rest', async () => {
    const { credits } = await mount()
    for (const name of NINE) expect(credits.last).toHaveProperty(name)
    expect(credits.last).toMatchObject({
      available: 100,
      held: 0,
      version: 1,
      status: 'live',
      pending: 0,
      error: null,
    })
  })

  test('credits and loading: 0 and true until known, then the number', async () => {
    const { credits } = await mount()
    expect(credits.values[0]).toMatchObject({ credits: 0, loading: true })
    expect(credits.last).toMatchObject({ credits: 100, loading: false })
  })

  test('credits include what is pending; available does not', async () => {
    const { credits } = await mount()
    const optimistic = probe(useOptimisticCredits)
    cleanup()
    render(
      <Provider>
        <credits.Probe />
        <optimistic.Probe />
      </Provider>,
    )
    await pass(50)
    let answer = (_: { version: number }) => {}
    const change = optimistic.last(
      -30,
      () => new Promise<{ version: number }>((resolve) => (answer = resolve)),
    )
    await pass(1)
    expect(credits.last).toMatchObject({ credits: 70, available: 100, pending: 1 })
    answer({ version: world.server.change('ada', -30).version })
    await act(() => change)
    await pass(50)
    expect(credits.last).toMatchObject({ credits: 70, available: 70, pending: 0 })
  })

  test('refreshCredits joins a read; refreshCurrentUserCredits forces one', async () => {
    const { credits } = await mount()
    await act(() => Promise.all([credits.last.refreshCredits(), credits.last.refreshCredits()]))
    expect(tab.requests.length).toBe(1)
    await act(() => Promise.all([credits.last.refreshCredits(), credits.last.refreshCurrentUserCredits()]))
    expect(tab.requests.length).toBe(3)
  })

  test('refreshes resolve with nothing, even when they fail', async () => {
    const { credits } = await mount()
    world.server.down = true
    expect(await act(() => credits.last.refreshCurrentUserCredits())).toBeUndefined()
    expect(credits.last.error?.code).toBe('network')
    expect(credits.last.credits).toBe(100)
  })

  test('refreshUserCredits reads for the current user only, and calls every callback in any case', async () => {
    const { credits } = await mount()
    const heard = vi.fn()
    credits.last.registerCreditUpdateCallback(heard)
    await act(() => credits.last.refreshUserCredits('bob'))
    expect([tab.requests.length, heard.mock.calls]).toEqual([0, [['bob']]])
    await act(() => credits.last.refreshUserCredits('ada'))
    expect([tab.requests.length, heard.mock.calls]).toEqual([1, [['bob'], ['ada']]])
    expect(log.mock.calls).toEqual([['🔄 Refreshing credits for user ada (current user)']])
  })

  test('broadcastCreditUpdate calls every callback at once, logs, asks nobody, never throws', async () => {
    vi.spyOn(console, 'error').mockImplementation(() => {})
    const { credits } = await mount()
    const heard = vi.fn()
    credits.last.registerCreditUpdateCallback(() => {
      throw new Error('mine')
    })
    credits.last.registerCreditUpdateCallback(heard)
    credits.last.broadcastCreditUpdate('eve')
    expect(heard.mock.calls).toEqual([['eve']])
    expect(log.mock.calls).toEqual([['📢 Broadcasting credit update for user eve']])
    await pass(50)
    expect(tab.requests).toEqual([])
  })

  test('a pushed state calls the callbacks with the id', async () => {
    const { credits } = await mount()
    const heard = vi.fn()
    credits.last.registerCreditUpdateCallback(heard)
    world.server.change('ada', 1)
    await pass(50)
    expect(heard.mock.calls).toEqual([['ada']])
    expect(credits.last.credits).toBe(101)
  })

  test('callbacks may be registered during render, are a set, and may be removed twice', async () => {
    const heard = vi.fn()
    const removals: (() => void)[] = []
    const Eager = () => {
      const { registerCreditUpdateCallback, credits } = useCredits()
      removals.push(registerCreditUpdateCallback(heard))
      return credits
    }
    render(
      <Provider>
        <Eager />
      </Provider>,
    )
    await pass(50)
    expect(removals.length).toBeGreaterThan(1)
    world.server.change('ada', 1)
    await pass(50)
    expect(heard.mock.calls).toEqual([['ada']])
    for (const remove of [...removals, ...removals]) remove()
    world.server.change('ada', 1)
    await pass(50)
    expect(heard).toHaveBeenCalledTimes(1)
  })

  test('registerVoucherRefresh hears refreshVouchers and changed vouchers', async () => {
    const { credits } = await mount()
    const heard = vi.fn()
    const remove = credits.last.registerVoucherRefresh(heard)
    credits.last.refreshVouchers()
    world.server.hint('vouchers')
    world.server.hint('orders')
    await pass(50)
    expect(heard).toHaveBeenCalledTimes(2)
    remove()
    credits.last.refreshVouchers()
    expect(heard).toHaveBeenCalledTimes(2)
  })

  test('an effect of a child may call them on its first mount', async () => {
    const heard = vi.fn()
    const Child = () => {
      const { registerCreditUpdateCallback, broadcastCreditUpdate } = useCredits()
      useEffect(() => registerCreditUpdateCallback(heard), [registerCreditUpdateCallback])
      useEffect(() => broadcastCreditUpdate('eve'), [broadcastCreditUpdate])
      return null
    }
    render(
      <Provider>
        <Child />
      </Provider>,
    )
    expect(heard.mock.calls).toEqual([['eve']])
    await pass(0)
  })

  test('outside a provider the hook says what is missing', () => {
    vi.spyOn(console, 'error').mockImplementation(() => {})
    expect(() => render(<CreditDisplay />)).toThrow('CreditProvider')
  })
})

describe('functions keep their identity', () => {
  test('across pushes, renders and a user switch', async () => {
    const { credits, view } = await mount()
    const [first] = credits.values
    world.server.change('ada', 1)
    await pass(50)
    view.rerender(
      <Provider user="bob">
        <credits.Probe />
      </Provider>,
    )
    await pass(50)
    for (const name of NINE.slice(2)) expect(credits.last[name]).toBe(first?.[name])
    expect(credits.last.credits).toBe(7)
  })
})

describe('StrictMode', () => {
  test('mounts twice and connects once', async () => {
    const credits = probe(useCredits)
    render(
      <StrictMode>
        <Provider>
          <credits.Probe />
        </Provider>
      </StrictMode>,
    )
    await pass(5_000)
    expect(credits.last).toMatchObject({ credits: 100, status: 'live' })
    expect(tab.sockets.length).toBe(1)
    const heard = vi.fn()
    credits.last.registerCreditUpdateCallback(heard)
    world.server.change('ada', 1)
    await pass(50)
    expect(heard).toHaveBeenCalledTimes(1)
  })

  test('unmounting ends the connection', async () => {
    const { view } = await mount()
    view.unmount()
    await pass(50)
    expect(tab.openSockets).toEqual([])
  })
})

describe('user switch', () => {
  test('in a flood of updates: never the former number, from the very render of the switch', async () => {
    const frames: { user: string; credits: number; loading: boolean }[] = []
    const Screen = ({ user }: { user: string }) => {
      const { credits, loading } = useCredits()
      frames.push({ user, credits, loading })
      return null
    }
    const page = (user: string) => (
      <Provider user={user}>
        <Screen user={user} />
      </Provider>
    )
    const view = render(page('ada'))
    await pass(50)
    const flood = (user: string) => {
      for (let n = 0; n < 20; n++) world.at(n, () => world.server.change(user, user === 'ada' ? 1 : -1))
    }
    for (let turn = 0; turn < 10; turn++) {
      const user = turn % 2 === 0 ? 'bob' : 'ada'
      flood('ada')
      flood('bob')
      await pass(3)
      view.rerender(page(user))
      expect(frames.at(-1)).toEqual({ user, credits: 0, loading: true })
      await pass(47)
      expect(frames.at(-1)).toMatchObject({ user, loading: false })
    }
    for (const { user, credits, loading } of frames) {
      if (!loading)
        expect(user === 'ada' ? credits >= 100 : credits <= 7, `${credits} under ${user}`).toBe(true)
      else expect(credits).toBe(0)
    }
    expect(tab.openSockets.map((socket) => socket.user)).toEqual(['ada'])
  })

  test('callbacks that were registered once live on, and hear no more of the former user', async () => {
    const { credits, view } = await mount()
    const heard: string[] = []
    credits.last.registerCreditUpdateCallback((userId) => heard.push(userId))
    view.rerender(
      <Provider user="bob">
        <credits.Probe />
      </Provider>,
    )
    world.server.change('ada', 1)
    await pass(50)
    world.server.change('ada', 1)
    world.server.change('bob', 1)
    await pass(50)
    expect(heard).toEqual(['bob'])
    await act(() => credits.last.refreshUserCredits('ada'))
    expect(tab.requests).toEqual([])
  })

  test('signing out shows zero, not loading', async () => {
    const { credits, view } = await mount()
    view.rerender(
      <Provider user={null}>
        <credits.Probe />
      </Provider>,
    )
    expect(credits.last).toMatchObject({ credits: 0, loading: false, status: 'signed-out', user: null })
    await pass(50)
    expect(tab.openSockets).toEqual([])
  })
})

describe('only what changed renders again', () => {
  test('a unit of its own, a selected part, a provider that renders for other reasons', async () => {
    world.server.units = ['credits', 'images']
    const credits = probe(useCredits)
    const images = probe(() => useCredits({ unit: 'images' }))
    const isLow = probe(() => useCreditsSelector((snapshot) => snapshot.credits < 50))
    const children = (
      <>
        <credits.Probe />
        <images.Probe />
        <isLow.Probe />
      </>
    )
    const view = render(<Provider>{children}</Provider>)
    await pass(50)
    const counts = () => [credits.values.length, images.values.length, isLow.values.length]
    const [a, b, c] = counts() as [number, number, number]
    world.server.change('ada', -1)
    await pass(50)
    expect(counts()).toEqual([a + 1, b, c])
    world.server.change('ada', 4, { unit: 'images' })
    await pass(50)
    expect(counts()).toEqual([a + 1, b + 1, c])
    world.server.tick()
    world.server.push(world.server.state('ada'))
    await pass(50)
    view.rerender(<Provider>{children}</Provider>)
    await pass(50)
    expect(counts()).toEqual([a + 1, b + 1, c])
    world.server.change('ada', -60)
    await pass(50)
    expect(counts()).toEqual([a + 2, b + 1, c + 1])
    expect([credits.last.credits, images.last.credits, isLow.last]).toEqual([39, 4, true])
  })

  test('an optimistic change, and its confirmation, where their unit is shown', async () => {
    world.server.units = ['credits', 'images']
    const credits = probe(useCredits)
    const images = probe(() => useCredits({ unit: 'images' }))
    const number = probe(() => useCreditsSelector((snapshot) => snapshot.credits))
    const run = probe(() => useOptimisticCredits())
    render(
      <Provider>
        <credits.Probe />
        <images.Probe />
        <number.Probe />
        <run.Probe />
      </Provider>,
    )
    await pass(50)
    const counts = () => [credits, images, number, run].map(({ values }) => values.length)
    const [a, b, c, d] = counts() as [number, number, number, number]
    await act(async () => {
      const change = async (key: string) => {
        const { version, epoch } = world.server.change('ada', -5, { key })
        await world.pass(50)
        return { version, epoch }
      }
      const running = run.last(-5, change)
      expect(number.last).toBe(100)
      await running
    })
    // Pending and confirmed for whoever shows both; the number itself changed once.
    expect(counts()).toEqual([a + 2, b, c + 1, d])
    expect([credits.last.credits, credits.last.pending, number.last]).toEqual([95, 0, 95])
  })

  test('a selector may give a new object every time', async () => {
    const parts = probe(() => useCreditsSelector(({ credits, held }) => ({ credits, held })))
    render(
      <Provider>
        <parts.Probe />
      </Provider>,
    )
    await pass(50)
    expect(parts.last).toEqual({ credits: 100, held: 0 })
    expect(parts.values.length).toBeLessThan(6)
  })

  test('a token function that is new with every render is not a new connection', async () => {
    const { credits, view } = await mount()
    view.rerender(
      <Provider>
        <credits.Probe />
      </Provider>,
    )
    await pass(5_000)
    expect(tab.sockets.length).toBe(1)
  })
})

describe('an operator’s table', () => {
  test('rows watch while they are mounted, on a store that the app made', async () => {
    const store = createStore(
      { url: '', operator: true, getToken: () => 'operator', log: false },
      tab.environment,
    )
    const row = probe(() => useWatchedCredits('bob'))
    const found = probe(useCreditsStore)
    const page = (rows: ReactNode) => (
      <CreditProvider store={store}>
        <found.Probe />
        {rows}
      </CreditProvider>
    )
    const view = render(page(<row.Probe />))
    expect(row.last).toBeUndefined()
    await pass(50)
    expect(row.last).toMatchObject({ user: 'bob', credits: 7, version: 1 })
    expect(found.last).toBe(store)
    world.server.change('bob', 1)
    await pass(50)
    expect(row.last?.credits).toBe(8)
    view.rerender(page(null))
    await pass(50)
    expect(tab.sockets[0]?.watched.size).toBe(0)
    view.unmount()
    expect(store.getSnapshot().status).toBe('live')
    store.close()
  })
})

describe('an app written for the original context', () => {
  const toast = { success: vi.fn(), error: vi.fn() }
  const texts = () => screen.getAllByRole('status').map((output) => output.textContent)
  const users = [
    { id: 'ada', credits: 100 },
    { id: 'bob', credits: 7 },
  ]

  async function openApp(api: Api) {
    toast.success.mockReset()
    toast.error.mockReset()
    render(
      <Provider>
        <UsersPage initial={users} api={api} toast={toast} />
        <CreditDisplay />
        <CreditDisplay />
      </Provider>,
    )
    await pass(50)
    expect(texts()).toEqual(['100', '7', '100', '100'])
  }

  const press = async (user: string) => {
    fireEvent.click(screen.getByRole('button', { name: `set ${user} to 200` }))
    await act(() => settle())
    await pass(50)
  }

  test('success: every component shows it, the toast tells, the log shows the broadcast', async () => {
    await openApp({
      async updateUserCredits(userId, credits) {
        world.server.change(userId, credits - world.server.state(userId).balance.available)
        return {}
      },
    })
    await press('ada')
    expect(texts()).toEqual(['200', '7', '200', '200'])
    expect(toast.success.mock.calls).toEqual([['User credits updated successfully']])
    expect(toast.error).not.toHaveBeenCalled()
    const lines = log.mock.calls.map(([line]: unknown[]) => line)
    expect(lines).toContain('📢 Broadcasting credit update for user ada')
    expect(lines).toContain('💳 CreditDisplay: Received credit update for user ada')
  })

  test('success on another user: the broadcast reaches the displays, whose number stays', async () => {
    await openApp({ updateUserCredits: async () => ({}) })
    await press('bob')
    expect(texts()).toEqual(['100', '200', '100', '100'])
    expect(
      log.mock.calls.filter(
        ([line]: unknown[]) => line === '💳 CreditDisplay: Received credit update for user bob',
      ).length,
    ).toBe(2)
  })

  test.each([
    [{ detail: 'The amount is out of range.' }, 'The amount is out of range.'],
    [{}, 'Failed to update user credits'],
  ])('failure %j: the toast says why and the old value returns', async (error, text) => {
    await openApp({ updateUserCredits: async () => ({ error }) })
    await press('ada')
    expect(texts()).toEqual(['100', '7', '100', '100'])
    expect([toast.error.mock.calls, toast.success.mock.calls]).toEqual([[[text]], []])
  })

  test('a refresh that fails does not turn success into failure', async () => {
    await openApp({
      async updateUserCredits() {
        world.server.down = true
        return {}
      },
    })
    await press('ada')
    expect(toast.success).toHaveBeenCalledTimes(1)
    expect(toast.error).not.toHaveBeenCalled()
  })
})

test('the hook’s value is the original context by type', () => {
  const given = {} as CreditsValue
  const original: CreditContextType = given
  expect(original).toBe(given)
})
