/** Signing in and out: password, one-time code, an ended session, another operator in the same tab. */
import { screen, waitFor } from '@testing-library/react'
import { expect, it } from 'vitest'
import { balanceOf, edit, open, problem, Server } from './harness'

function signedOut(): Server {
  const server = new Server()
  server.operator = null
  server.addUser('ada', 100)
  return server
}

it('signs in by password and opens the Overview', async () => {
  const { user } = open(signedOut(), '/')
  await user.type(await screen.findByLabelText('Email'), 'olga@example.com')
  await user.type(screen.getByLabelText('Password'), 'correct horse{Enter}')
  expect(await screen.findByRole('heading', { name: 'Overview' })).toBeTruthy()
  expect(location.pathname).toBe('/console/overview')
})

it('says why it did not sign in', async () => {
  const { user } = open(signedOut())
  await user.type(await screen.findByLabelText('Email'), 'olga@example.com')
  await user.type(screen.getByLabelText('Password'), 'wrong{Enter}')
  expect(await screen.findByText('Email or password is wrong.')).toBeTruthy()
  expect(screen.getByRole('button', { name: 'Copy req_7f3e' })).toBeTruthy()
})

it('exchanges a one-time code once, and takes it out of the address first', async () => {
  const { server } = open(signedOut(), '/users?q=a#code=good')
  expect(location.href).toMatch(/\/console\/users\?q=a$/)
  await balanceOf('ada')
  const exchanges = server.sent('POST', /^admin\/session$/)
  expect(exchanges.map(({ body }) => body)).toEqual([{ code: 'good' }])
})

it('falls back to the form when the code is spent', async () => {
  open(signedOut(), '/#code=spent')
  expect(await screen.findByText('This sign-in link has been used already.')).toBeTruthy()
  expect(screen.getByLabelText('Password')).toBeTruthy()
})

it('lets in somebody who is signed in already, although their code is spent', async () => {
  const server = signedOut()
  server.operator = { id: 'op_1', name: 'Olga', email: 'o@example.com', role: 'admin', limit: null }
  open(server, '/users#code=spent')
  await balanceOf('ada')
})

it('asks to sign in again when the session ends, and goes on at the same place', async () => {
  const { user, server } = open(signedOut(), '/users?q=ada#code=good')
  await balanceOf('ada')
  server.once('POST', /adjustments$/, () => problem(401, 'unauthenticated', 'The session has ended.'))
  server.operator = null
  await edit(user, 'ada', '+5')
  expect(await screen.findByText(/Your session has ended/)).toBeTruthy()
  await user.type(screen.getByLabelText('Email'), 'olga@example.com')
  await user.type(screen.getByLabelText('Password'), 'correct horse{Enter}')
  await balanceOf('ada')
  expect(location.search).toBe('?q=ada')
})

it('forgets everything of the operator who signs out', async () => {
  const { user, server } = open(signedOut(), '/users#code=good')
  await balanceOf('ada')
  sessionStorage.setItem('livecredits:key:PUT x', 'theirs')
  await user.click(screen.getByRole('button', { name: 'Sign out' }))
  await screen.findByLabelText('Password')
  expect(server.sent('DELETE', /^admin\/session$/)).toHaveLength(1)
  expect(sessionStorage.length).toBe(0)
  expect(screen.queryByText('100')).toBeNull()
})

it('says when the server cannot be reached, and tries again', async () => {
  const server = signedOut()
  server.once('GET', /^admin\/session$/, () => Promise.reject(new TypeError('Failed to fetch')))
  const { user } = open(server)
  await user.click(await screen.findByRole('button', { name: 'Try again' }))
  await waitFor(() => expect(screen.getByLabelText('Password')).toBeTruthy())
})
