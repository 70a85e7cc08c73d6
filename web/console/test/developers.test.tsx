/** Developers: keys whose secret is seen once, a token tester that keeps nothing, frames on a real socket, the API. */
import { screen, waitFor, within } from '@testing-library/react'
import { expect, it } from 'vitest'
import type { TokenTest } from '../src/installation'
import { json, open, problem } from './harness'
import { InstallationServer } from './installation-server'

it('makes a key, shows its secret once, and forgets it', async () => {
  const { user, server } = open(new InstallationServer(), '/developers')
  await user.click(await screen.findByRole('button', { name: 'Make the first key' }))
  const dialog = await screen.findByRole('dialog', { name: 'New key' })
  await user.click(within(dialog).getByRole('button', { name: 'Make key' }))
  expect(within(dialog).getByText('A name is needed')).toBeTruthy()
  await user.type(within(dialog).getByLabelText('Name'), 'shop backend')
  await user.click(within(dialog).getByRole('checkbox', { name: 'tokens' }))
  await user.click(within(dialog).getByRole('button', { name: 'Make key' }))
  const secret = await screen.findByRole('textbox', { name: 'Secret' })
  expect((secret as HTMLTextAreaElement).value).toBe('lck_shown-once')
  await user.keyboard('{Escape}')
  expect(screen.getByRole('textbox', { name: 'Secret' })).toBeTruthy()
  await user.click(screen.getByRole('button', { name: 'Copy secret' }))
  expect(await navigator.clipboard.readText()).toBe('lck_shown-once')
  await user.click(screen.getByRole('button', { name: 'I have it' }))
  await waitFor(() => expect(screen.queryByDisplayValue('lck_shown-once')).toBeNull())
  expect(await screen.findByRole('row', { name: /shop backend/ })).toBeTruthy()
  expect(server.sent('POST', /^admin\/keys$/)[0]?.body).toEqual({
    name: 'shop backend',
    scopes: ['read', 'move'],
  })
  expect(JSON.stringify({ ...sessionStorage, ...localStorage })).not.toContain('lck_')
})

it('asks nothing twice by itself where a second answer would be a second secret', async () => {
  const { user, server } = open(new InstallationServer(), '/developers')
  await user.click(await screen.findByRole('button', { name: 'New key' }))
  await user.type(await screen.findByLabelText('Name'), 'shop')
  server.once('POST', /^admin\/keys$/, () => problem(503, 'outcome_unknown', 'It is not known.'))
  await user.click(screen.getByRole('button', { name: 'Make key' }))
  expect(await screen.findByText('It is not known.')).toBeTruthy()
  expect(server.sent('POST', /^admin\/keys$/)).toHaveLength(1)
})

it('revokes a key after asking', async () => {
  const server = new InstallationServer()
  server.addKey('shop backend', { last_used_at: '2026-11-23T05:36:21Z' })
  const { user } = open(server, '/developers')
  await user.click(await screen.findByRole('button', { name: 'Revoke shop backend' }))
  const dialog = await screen.findByRole('dialog', { name: 'Revoke shop backend?' })
  expect(server.sent('DELETE', /keys/)).toHaveLength(0)
  await user.click(within(dialog).getByRole('button', { name: 'Revoke' }))
  await waitFor(() => expect(screen.queryByRole('button', { name: /^Revoke/ })).toBeNull())
  expect((await screen.findByRole('row', { name: /shop backend/ })).textContent).toContain('revoked')
})

it('shows keys to admins alone', async () => {
  const { server } = open(new InstallationServer().as('support'), '/developers')
  expect(await screen.findByText('Only admins see keys')).toBeTruthy()
  expect(server.sent('GET', /keys/)).toHaveLength(0)
})

const REFUSED: TokenTest = {
  valid: false,
  kind: 'screen',
  user_id: 'ada',
  known_user: true,
  issued_at: '2026-11-23T05:00:00Z',
  expires_at: '2026-11-23T05:10:00Z',
  header: { alg: 'HS256', typ: 'JWT' },
  claims: { sub: 'ada', exp: 1 },
  problem: { check: 'expired', detail: 'It ended 4 minutes ago. Get a new one.' },
}

it('tests a token by a body alone, and says which check refused it', async () => {
  const server = new InstallationServer()
  server.tested = REFUSED
  const { user } = open(server, '/developers/token')
  await user.click(await screen.findByLabelText('Screen token'))
  await user.paste('Bearer eyJ.aaa.bbb\n')
  await user.click(screen.getByRole('button', { name: 'Test' }))
  expect(await screen.findByText('Refused: expired')).toBeTruthy()
  expect(screen.getByText('It ended 4 minutes ago. Get a new one.')).toBeTruthy()
  expect(screen.getByRole('link', { name: 'ada' }).getAttribute('href')).toBe('/console/users/ada')
  expect(server.sent('POST', /^admin\/tokens\/test$/)[0]?.body).toEqual({ token: 'eyJ.aaa.bbb' })
  expect(server.requests.every(({ path, query }) => !`${path}${query}`.includes('aaa'))).toBe(true)
  expect(location.href).not.toContain('aaa')
  expect(JSON.stringify({ ...sessionStorage, ...localStorage })).not.toContain('aaa')
  await user.type(screen.getByLabelText('Screen token'), 'x')
  expect(screen.queryByText('Refused: expired')).toBeNull()
})

it('does not send a service key', async () => {
  const { user, server } = open(new InstallationServer(), '/developers/token')
  await user.click(await screen.findByLabelText('Screen token'))
  await user.paste('lck_secret')
  expect(screen.getByText(/This is a service key/)).toBeTruthy()
  expect((screen.getByRole('button', { name: 'Test' }) as HTMLButtonElement).disabled).toBe(true)
  expect(server.requests.some(({ body }) => JSON.stringify(body ?? '').includes('lck_'))).toBe(false)
})

it('mints a token for an admin and tests it', async () => {
  const server = new InstallationServer()
  server.tested = { ...REFUSED, valid: true, known_user: false, problem: null }
  const { user } = open(server, '/developers/token')
  await user.type(await screen.findByLabelText('User id'), 'ada')
  await user.click(screen.getByRole('button', { name: 'Mint and test' }))
  expect(await screen.findByText('Valid')).toBeTruthy()
  expect(server.sent('POST', /^tokens$/)[0]?.body).toEqual({ user_id: 'ada', ttl_s: 300 })
  expect(server.sent('POST', /test$/)[0]?.body).toEqual({ token: 'aaa.bbb.ccc' })
})

it('offers minting to admins and testing to support', async () => {
  open(new InstallationServer().as('support'), '/developers/token')
  expect(await screen.findByLabelText('Screen token')).toBeTruthy()
  expect(screen.queryByText('Mint one')).toBeNull()
})

it('keeps viewers from other people’s tokens', async () => {
  open(new InstallationServer().as('viewer'), '/developers/token')
  expect(await screen.findByText('For support and admins')).toBeTruthy()
})

it('opens a connection, shows frames both ways without the token, and sends what is asked', async () => {
  const server = new InstallationServer()
  server.addUser('ada', 100)
  const { user } = open(server, '/developers/frames')
  await user.click(await screen.findByRole('button', { name: 'Connect' }))
  const frames = await screen.findByRole('list', { name: /Frames/ })
  await within(frames).findByText('hello')
  expect(frames.textContent).toContain('"token": "…"')
  expect(frames.textContent).not.toContain('"live"')
  await user.type(screen.getByLabelText('Users to watch'), 'ada')
  await user.click(screen.getByRole('button', { name: 'Send watch' }))
  await within(frames).findByText('state')
  server.someoneChanges('ada', 5)
  await waitFor(() => expect(within(frames).getAllByText('state')).toHaveLength(2))
  await user.click(screen.getByRole('button', { name: 'Disconnect' }))
  expect(await within(frames).findByText('closed 1000')).toBeTruthy()
  expect(screen.getByRole('button', { name: 'Connect' })).toBeTruthy()
})

it('lists the operations of the server’s own document, and finds in them', async () => {
  const server = new InstallationServer()
  server.once('GET', /openapi\.json$/, () =>
    json({
      info: { version: '0.1.0' },
      paths: {
        '/api/v1/users/{user_id}/grants': {
          post: { tags: ['Backend'], summary: 'Give credits', description: 'Needs a key.' },
        },
        '/api/v1/admin/audit': { get: { tags: ['Records'], summary: 'Who did what', description: '' } },
      },
    }),
  )
  const { user } = open(server, '/developers/api')
  expect(await screen.findByText('Who did what')).toBeTruthy()
  await user.type(screen.getByLabelText('Search operations'), 'post grants')
  await waitFor(() => expect(screen.queryByText('Who did what')).toBeNull())
  expect(screen.getByText('/api/v1/users/{user_id}/grants')).toBeTruthy()
  expect(location.search).toBe('?q=post+grants')
  expect(screen.getByRole('link', { name: 'OpenAPI' }).getAttribute('href')).toMatch(/\/openapi\.json$/)
})
