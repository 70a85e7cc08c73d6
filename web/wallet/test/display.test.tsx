/** The badge and the status: what they show, what they log, and that they never claim more than is known. */
import { act, cleanup, render, screen } from '@testing-library/react'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { Balances } from '../src/balances'
import { CreditDisplay } from '../src/CreditDisplay'
import { StatusDot } from '../src/StatusDot'
import { FakeStore, Stage } from './fakes'

afterEach(() => {
  cleanup()
  vi.restoreAllMocks()
})

describe('CreditDisplay', () => {
  it('shows the pushed number and logs the line of the original', () => {
    const log = vi.spyOn(console, 'log').mockImplementation(() => {})
    const store = new FakeStore()
    render(<CreditDisplay />, { wrapper: ({ children }) => <Stage store={store}>{children}</Stage> })
    expect(screen.getByTestId('header-badge').textContent).toBe('100')
    act(() => store.push({ credits: 150, available: 150, version: 8 }))
    expect(screen.getByTestId('header-badge').textContent).toBe('150')
    expect(screen.getByTestId('header-badge').dataset['flash']).toBe('true')
    expect(log).toHaveBeenCalledWith('💳 CreditDisplay: Received credit update for user ada')
  })

  it('shows no number before one is known, and does not flash when it comes', () => {
    vi.spyOn(console, 'log').mockImplementation(() => {})
    const store = new FakeStore({ loading: true, credits: 0 })
    render(<CreditDisplay />, { wrapper: ({ children }) => <Stage store={store}>{children}</Stage> })
    expect(screen.getByTestId('header-badge').textContent).toBe('…')
    act(() => store.push({ loading: false, credits: 100 }))
    expect(screen.getByTestId('header-badge').dataset['flash']).toBe('false')
  })
})

describe('Balances', () => {
  it('says what is held, what expires, and what the last change was', () => {
    const store = new FakeStore({
      held: 5,
      nextExpiry: { at: '2026-12-24T12:00:00Z', amount: 20 },
      cause: { entry: 'ent_1', kind: 'grant', amount: 20, label: 'Welcome' },
    })
    render(<Balances />, { wrapper: ({ children }) => <Stage store={store}>{children}</Stage> })
    const text = screen.getByLabelText('Credits').textContent
    expect(text).toContain('5 held')
    expect(text).toContain('20 expire')
    expect(text).toContain('+20 Welcome')
  })
})

describe('StatusDot', () => {
  it.each([
    ['live', 'Live'],
    ['connecting', 'Connecting…'],
    ['reconnecting', 'Reconnecting…'],
    ['signed-out', 'Signed out'],
  ] as const)('%s reads %s', (status, text) => {
    render(<StatusDot />, {
      wrapper: ({ children }) => <Stage store={new FakeStore({ status })}>{children}</Stage>,
    })
    expect(screen.getByTestId('status').textContent).toBe(text)
  })

  it.each(['stale', 'offline'] as const)('%s says since when', (status) => {
    const since = new Date(2026, 10, 23, 14, 2, 11).getTime()
    render(<StatusDot />, {
      wrapper: ({ children }) => <Stage store={new FakeStore({ status, since })}>{children}</Stage>,
    })
    expect(screen.getByTestId('status').textContent).toMatch(/since .*2:02:11/)
  })

  it('gives the reason of an error', () => {
    const store = new FakeStore({
      status: 'error',
      error: { code: 'forbidden', detail: 'This page may not.' },
    })
    render(<StatusDot />, { wrapper: ({ children }) => <Stage store={store}>{children}</Stage> })
    expect(screen.getByTestId('status').textContent).toBe('This page may not.')
  })
})
