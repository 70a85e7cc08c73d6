/** Settings: operators, units, receipts, reasons; changed by admins, read by everybody. */
import { screen, waitFor, within } from '@testing-library/react'
import { expect, it } from 'vitest'
import { balanceOf, open, problem } from './harness'
import { InstallationServer } from './installation-server'

it('makes an operator without a password and offers their link', async () => {
  const { user, server } = open(new InstallationServer(), '/settings')
  await user.click(await screen.findByRole('button', { name: 'New operator' }))
  const form = await screen.findByRole('dialog', { name: 'New operator' })
  await user.click(within(form).getByRole('button', { name: 'Make operator' }))
  expect(within(form).getByText('An e-mail address is needed')).toBeTruthy()
  await user.type(within(form).getByLabelText('Email'), 'pavel@example.com')
  await user.type(within(form).getByLabelText('Name'), 'Pavel')
  await user.type(within(form).getByLabelText('Limit for one change'), '1,000')
  await user.click(within(form).getByRole('button', { name: 'Make operator' }))
  const link = await screen.findByRole('dialog', { name: 'Sign-in link for Pavel' })
  expect(server.sent('POST', /^admin\/operators$/)[0]?.body).toEqual({
    email: 'pavel@example.com',
    name: 'Pavel',
    role: 'support',
    limit: 1000,
  })
  await user.click(within(link).getByRole('button', { name: 'Make the link' }))
  const text = (await within(link).findByRole('textbox', { name: 'Link' })) as HTMLTextAreaElement
  expect(text.value).toBe(`${location.origin}/console/#code=lcc_once`)
})

it('deactivates after asking, and makes active again', async () => {
  const server = new InstallationServer()
  server.operators.push({
    id: 'op_2',
    name: 'Pavel',
    email: 'p@example.com',
    role: 'viewer',
    limit: null,
    disabled: false,
    created_at: '2026-11-01T00:00:00Z',
  })
  const { user } = open(server, '/settings')
  expect(
    ((await screen.findByRole('button', { name: 'Deactivate Olga' })) as HTMLButtonElement).disabled,
  ).toBe(true)
  await user.click(screen.getByRole('button', { name: 'Deactivate Pavel' }))
  await user.click(within(await screen.findByRole('dialog')).getByRole('button', { name: 'Deactivate' }))
  await user.click(await screen.findByRole('button', { name: 'Make Pavel active again' }))
  expect(await screen.findByRole('button', { name: 'Deactivate Pavel' })).toBeTruthy()
  expect(server.sent('PUT', /operators/).map(({ body }) => body)).toEqual([
    { disabled: true },
    { disabled: false },
  ])
})

it('edits an operator and leaves the password alone', async () => {
  const { user, server } = open(new InstallationServer(), '/settings')
  await user.click(await screen.findByRole('button', { name: 'Edit Olga' }))
  const form = await screen.findByRole('dialog', { name: 'Edit Olga' })
  await user.type(within(form).getByLabelText('New password'), 'short')
  await user.click(within(form).getByRole('button', { name: 'Save' }))
  expect(within(form).getByText('At least 12 characters')).toBeTruthy()
  await user.clear(within(form).getByLabelText('New password'))
  server.once('PUT', /operators/, () =>
    problem(409, 'conflict', 'This is the last admin; make another one first.'),
  )
  await user.click(within(form).getByRole('button', { name: 'Save' }))
  expect(await within(form).findByText(/This is the last admin/)).toBeTruthy()
  await user.click(within(form).getByRole('button', { name: 'Save' }))
  await waitFor(() => expect(screen.queryByRole('dialog')).toBeNull())
  expect(server.sent('PUT', /operators/)[1]?.body).toEqual({ name: 'Olga', role: 'admin', limit: null })
})

it('makes a unit with its own decimal places', async () => {
  const { user, server } = open(new InstallationServer(), '/settings')
  await user.click(await screen.findByRole('button', { name: 'New unit' }))
  const form = await screen.findByRole('dialog', { name: 'New unit' })
  await user.type(within(form).getByLabelText('Name'), 'Minutes')
  await user.click(within(form).getByRole('button', { name: 'Make unit' }))
  expect(within(form).getByText(/Lower-case letters/)).toBeTruthy()
  await user.clear(within(form).getByLabelText('Name'))
  await user.type(within(form).getByLabelText('Name'), 'minutes')
  await user.type(within(form).getByLabelText('Low at or below'), '10')
  await user.click(within(form).getByRole('button', { name: 'Make unit' }))
  expect(await screen.findByRole('row', { name: /minutes 0 10/ })).toBeTruthy()
  expect(server.sent('PUT', /units\/minutes/)[0]?.body).toEqual({ scale: 0, low_threshold: 10 })
})

it('changes receipts, objective and retention together, within their ranges', async () => {
  const { user, server } = open(new InstallationServer(), '/settings')
  const objective = await screen.findByLabelText('Painted within (ms)')
  const save = screen.getByRole('button', { name: 'Save' }) as HTMLButtonElement
  expect(save.disabled).toBe(true)
  await user.clear(objective)
  await user.type(objective, '0')
  await user.click(save)
  expect(screen.getByText('A whole number, 1 to 60,000')).toBeTruthy()
  expect(server.sent('PUT', /settings/)).toHaveLength(0)
  await user.clear(objective)
  await user.type(objective, '150')
  await user.click(screen.getByRole('switch', { name: /Receipts/ }))
  await user.click(save)
  await waitFor(() => expect(server.kept.painted_objective_ms).toBe(150))
  expect(server.sent('PUT', /settings/)[0]?.body).toEqual({
    receipts: false,
    painted_objective_ms: 150,
    broadcasts_keep_days: 7,
  })
  await waitFor(() => expect(save.disabled).toBe(true))
})

it('offers the reasons that were set wherever one is asked for', async () => {
  const server = new InstallationServer()
  server.addUser('ada', 100)
  const { user } = open(server, '/settings')
  const reasons = await screen.findByLabelText('Usual reasons')
  await user.clear(reasons)
  await user.type(reasons, 'Broken headset{Enter}Broken headset')
  expect(screen.getByText('One of them stands twice')).toBeTruthy()
  await user.clear(reasons)
  await user.type(reasons, 'Broken headset{Enter} Late {Enter}')
  await user.click(screen.getByRole('button', { name: 'Save reasons' }))
  await waitFor(() => expect(server.kept.reason_presets).toEqual(['Broken headset', 'Late']))
  await user.click(screen.getByRole('link', { name: 'Users' }))
  await user.click(await balanceOf('ada'))
  await user.click(await screen.findByRole('combobox', { name: 'Reason' }))
  expect(await screen.findByRole('option', { name: 'Broken headset', hidden: true })).toBeTruthy()
  expect(screen.queryByRole('option', { name: 'Goodwill', hidden: true })).toBeNull()
})

it('lets others look and changes nothing for them', async () => {
  const { server } = open(new InstallationServer().as('viewer'), '/settings')
  expect(await screen.findByText('https://shop.example')).toBeTruthy()
  expect(screen.getByText(/admins change/)).toBeTruthy()
  expect(screen.queryByRole('button', { name: /Save|New|Edit/ })).toBeNull()
  expect(server.sent('GET', /operators/)).toHaveLength(0)
})

it('tells which process this is', async () => {
  open(new InstallationServer(), '/settings')
  expect(await screen.findByText(/credits-1, 0\.1\.0/)).toBeTruthy()
})
