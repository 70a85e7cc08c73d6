/** Rules that hold on every screen of users: errors that can be copied, nothing to write while offline. */
import { act, screen, waitFor, within } from '@testing-library/react'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { selectNobody } from '../src/selection'
import { balanceOf, open, problem, settle } from './harness'
import { ShopServer } from './shop-server'

function withAda(): ShopServer {
  const server = new ShopServer()
  server.addUser('ada', 100, { name: 'Ada' })
  server.someoneChanges('ada', 5)
  return server
}

describe('an error', () => {
  const refuse = () => {
    const server = withAda()
    server.once('GET', /admin\/users$/, () => problem(500, 'internal', 'Something broke.'))
    server.once('GET', /admin\/users$/, () => problem(500, 'internal', 'Something broke.'))
    server.once('GET', /admin\/users$/, () => problem(500, 'internal', 'Something broke.'))
    return open(server)
  }
  const copy = () => screen.findByRole('button', { name: 'Copy req_7f3e' }, { timeout: 9000 })

  it('is copied with its request id', async () => {
    const { user } = refuse()
    await user.click(await copy())
    expect(await screen.findByRole('button', { name: 'Copied' })).toBeTruthy()
    const text = await navigator.clipboard.readText()
    expect(text).toContain('Something broke.')
    expect(text).toContain('request: req_7f3e')
  })

  it('is copied over plain HTTP too, where pages have no clipboard', async () => {
    const { user } = refuse()
    vi.spyOn(navigator, 'clipboard', 'get').mockReturnValue(undefined as never)
    let taken = ''
    document.execCommand = () => {
      taken = (document.activeElement as HTMLTextAreaElement).value
      return true
    }
    const button = await copy()
    await user.click(button)
    expect(await screen.findByRole('button', { name: 'Copied' })).toBe(button)
    expect(taken).toContain('request: req_7f3e')
    expect(document.activeElement).toBe(button)
    expect(document.querySelector('textarea')).toBeNull()
  })

  it('does not say that it copied where it did not', async () => {
    const { user } = refuse()
    vi.spyOn(navigator, 'clipboard', 'get').mockReturnValue(undefined as never)
    document.execCommand = () => false
    await user.click(await copy())
    await settle()
    expect(screen.queryByRole('button', { name: 'Copied' })).toBeNull()
  })
})

describe('without a network', () => {
  let online = true
  const goOffline = async () => {
    online = false
    await act(async () => window.dispatchEvent(new Event('offline')))
  }
  beforeEach(() => {
    online = true
    vi.spyOn(navigator, 'onLine', 'get').mockImplementation(() => online)
  })
  afterEach(async () => {
    act(selectNobody)
    online = true
    await act(async () => window.dispatchEvent(new Event('online')))
  })

  it('says so, and the list takes no change', async () => {
    const { user } = open(withAda())
    await user.click(await screen.findByRole('checkbox', { name: 'Select Ada' }))
    await screen.findByRole('region', { name: 'Selected users' })
    await goOffline()
    expect(await screen.findByRole('region', { name: 'Offline' })).toBeTruthy()
    expect(screen.queryByRole('button', { name: /change the credits of Ada$/ })).toBeNull()
    for (const name of ['Change credits…', 'Add user']) {
      expect((screen.getByRole('button', { name }) as HTMLButtonElement).disabled).toBe(true)
    }
    expect(screen.getByText('105')).toBeTruthy()
  })

  it('keeps what is being typed in a row, and takes it once the network is back', async () => {
    const { user, server } = open(withAda())
    await user.click(await balanceOf('Ada'))
    // The editor comes in a part of its own.
    await screen.findByRole('combobox', { name: 'Reason' })
    await user.keyboard('+5')
    await goOffline()
    await user.tab()
    await user.keyboard('by hand{Enter}')
    expect(server.sent('POST', /adjustments$/)).toHaveLength(0)
    online = true
    await act(async () => window.dispatchEvent(new Event('online')))
    await user.click(screen.getByRole('combobox', { name: 'Reason' }))
    await user.keyboard('{Enter}')
    await waitFor(() => expect(server.sent('POST', /adjustments$/)).toHaveLength(1))
  })

  it('takes no change on the user’s page', async () => {
    open(withAda(), '/users/ada')
    const panel = await screen.findByRole('region', { name: 'Change credits' })
    await screen.findByRole('button', { name: 'Reverse adjust of version 2' })
    await goOffline()
    await screen.findByRole('region', { name: 'Offline' })
    expect((within(panel).getByRole('button', { name: 'Apply' }) as HTMLButtonElement).disabled).toBe(true)
    const reverse = screen.getByRole('button', { name: 'Reverse adjust of version 2' })
    expect((reverse as HTMLButtonElement).disabled).toBe(true)
  })
})
