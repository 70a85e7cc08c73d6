/**
 * The real browser's side of the one interface: its events by their true names, and what it does where a
 * browser lacks something. The rest of the interface is one call deep.
 */
import { afterEach, expect, test, vi } from 'vitest'
import { browser, type PageEvent } from '../src/environment.js'

afterEach(() => {
  vi.unstubAllGlobals()
  vi.useRealTimers()
})

test('every event of a page arrives under its meaning, until one stops listening', () => {
  const heard: PageEvent[] = []
  const stop = browser.onPage((event) => heard.push(event))
  const fire = () => {
    for (const name of ['pagehide', 'pageshow', 'online', 'offline']) window.dispatchEvent(new Event(name))
    for (const name of ['freeze', 'resume', 'visibilitychange']) document.dispatchEvent(new Event(name))
  }
  fire()
  expect(heard).toEqual(['leave', 'return', 'network', 'network', 'leave', 'return', 'visibility'])
  stop()
  fire()
  expect(heard.length).toBe(7)
})

test('a timer can be taken back', () => {
  vi.useFakeTimers()
  const rung = vi.fn()
  browser.setTimer(rung, 10)
  browser.setTimer(rung, 10)()
  vi.advanceTimersByTime(20)
  expect(rung).toHaveBeenCalledTimes(1)
})

test('plain HTTP has no locks, old browsers no channels; both are absent, not errors', () => {
  vi.stubGlobal('BroadcastChannel', undefined)
  expect(browser.openChannel('x')).toBeUndefined()
  expect(browser.locks()).toBeUndefined()
})

test('what the page says of itself', () => {
  expect(browser.visible()).toBe(document.visibilityState === 'visible')
  expect(browser.online()).toBe(true)
  expect(browser.base()).toBe(document.baseURI)
  expect(browser.now()).toBeGreaterThan(1.7e12)
  expect(browser.random()).toBeLessThan(1)
})

test('sockets and requests are the browser’s own', async () => {
  const WebSocket = vi.fn()
  const fetch = vi.fn()
  const Channel = vi.fn()
  vi.stubGlobal('WebSocket', WebSocket)
  vi.stubGlobal('fetch', fetch)
  vi.stubGlobal('BroadcastChannel', Channel)
  browser.openSocket('wss://x.test/live', 'livecredits.v1')
  browser.openChannel('name')
  await browser.fetch('/api', { method: 'POST' })
  expect(WebSocket).toHaveBeenCalledWith('wss://x.test/live', 'livecredits.v1')
  expect(Channel).toHaveBeenCalledWith('name')
  expect(fetch).toHaveBeenCalledWith('/api', { method: 'POST' })
})
