/** Bulk: from pasted rows to a report, what stops in the middle, and back again. */
import { screen, waitFor, within } from '@testing-library/react'
import type { UserEvent } from '@testing-library/user-event'
import { describe, expect, it, vi } from 'vitest'
import { open, problem } from './harness'
import { ShopServer } from './shop-server'

function withTwo(): ShopServer {
  const server = new ShopServer()
  server.addUser('ada', 100)
  server.addUser('bob', 7)
  return server
}

async function paste(user: UserEvent, text: string): Promise<void> {
  await user.click(await screen.findByRole('textbox', { name: /Or paste rows/ }))
  await user.paste(text)
  await user.click(screen.getByRole('button', { name: 'Use these rows' }))
}

/** Pastes rows that carry their reasons and asks what they would do. */
async function preview(user: UserEvent, text: string): Promise<void> {
  await paste(user, text)
  await user.click(await screen.findByRole('button', { name: 'See what it would do' }))
}

const FITS = 'user_id,amount,reason\nada,50,Goodwill\nbob,-5,Correction\n'
const applied = (server: ShopServer) =>
  server.sent('POST', /batches$/).filter(({ body }) => body?.['dry_run'] === false)

/** The field behind "Choose a file". */
async function chooser(): Promise<HTMLInputElement> {
  await screen.findByRole('button', { name: 'Choose a file' })
  return document.querySelector('input[type=file]') as HTMLInputElement
}

describe('a list', () => {
  it('changes nothing before the total is typed, then does what the preview said', async () => {
    const server = withTwo()
    const { user } = open(server, '/bulk')
    await preview(user, FITS)
    const total = await screen.findByRole('textbox', { name: 'Type the total: +45' })
    expect(document.querySelector('.results tbody')?.textContent).toContain('100  150')
    await user.type(total, '50{Enter}')
    expect(screen.getByText('That is not +45')).toBeTruthy()
    expect(applied(server)).toHaveLength(0)
    await user.clear(total)
    await user.type(total, '+45{Enter}')
    expect(await screen.findByRole('button', { name: 'Undo 2 rows' })).toBeTruthy()
    expect([server.users.get('ada')?.credits, server.users.get('bob')?.credits]).toEqual([150, 2])
  })

  it('is undone with a reason, every balance exactly', async () => {
    const server = withTwo()
    const { user } = open(server, '/bulk')
    await preview(user, FITS)
    await user.type(await screen.findByRole('textbox', { name: /Type the total/ }), '45{Enter}')
    await user.click(await screen.findByRole('button', { name: 'Undo 2 rows' }))
    const dialog = await screen.findByRole('dialog', { name: 'Undo 2 rows?' })
    expect((within(dialog).getByRole('button', { name: 'Undo' }) as HTMLButtonElement).disabled).toBe(true)
    await user.type(within(dialog).getByRole('combobox', { name: 'Reason' }), 'Wrong file')
    await user.click(within(dialog).getByRole('button', { name: 'Undo' }))
    expect(await screen.findByText('All rows are undone.')).toBeTruthy()
    expect([server.users.get('ada')?.credits, server.users.get('bob')?.credits]).toEqual([100, 7])
  })

  it('leaves out what does not fit, and tells of it to the end', async () => {
    const server = withTwo()
    const { user } = open(server, '/bulk')
    await preview(user, `${FITS}ghost,5,Test\nada,x,Test\n`)
    await user.type(await screen.findByRole('textbox', { name: /Type the total/ }), '45{Enter}')
    await screen.findByRole('button', { name: 'Undo 2 rows' })
    expect(applied(server).flatMap(({ body }) => body?.['rows'])).toHaveLength(2)
    expect(screen.getByText('There is no user ghost.')).toBeTruthy()
    expect(screen.getByText('amount: “x”: type a number, like 50')).toBeTruthy()
    await user.click(screen.getByRole('radio', { name: 'Errors 2' }))
    expect(document.querySelectorAll('.results tbody tr')).toHaveLength(2)
  })

  it('can be all or nothing: then one error stops it', async () => {
    const server = withTwo()
    const { user } = open(server, '/bulk')
    await preview(user, `${FITS}ghost,5,Test\n`)
    await user.click(await screen.findByRole('switch', { name: /All or nothing/ }))
    expect(await screen.findByText(/1 error stops all rows/)).toBeTruthy()
    expect(screen.queryByRole('button', { name: /^Apply/ })).toBeNull()
  })

  it('says on which line a file cannot be read', async () => {
    const { user } = open(withTwo(), '/bulk')
    await paste(user, 'user_id,amount\nada,5,6\n')
    expect(
      await screen.findByText('Line 2 has 3 columns, the header has 2', { selector: '.problem *' }),
    ).toBeTruthy()
  })

  it.each([
    ['binary', [0x50, 0x4b, 0, 0], 'Line 1 holds binary data. Save the sheet as CSV (UTF-8).'],
    ['no UTF-8', [0x61, 0x0a, 0xff], 'Line 2 is not UTF-8 text. Save the sheet as CSV (UTF-8).'],
  ])('says what is wrong with a file that is %s', async (_, bytes, message) => {
    const { user } = open(withTwo(), '/bulk')
    await user.upload(await chooser(), new File([new Uint8Array(bytes)], 'users.csv', { type: 'text/csv' }))
    expect(await screen.findByText(message, { selector: '.problem *' })).toBeTruthy()
  })

  it('refuses a file of 1 GB by its size, without reading any of it', async () => {
    const { user } = open(withTwo(), '/bulk')
    const file = new File(['user_id,amount\nada,5\n'], 'all.csv', { type: 'text/csv' })
    const read = vi.spyOn(file, 'arrayBuffer')
    Object.defineProperty(file, 'size', { value: 1e9 })
    await user.upload(await chooser(), file)
    const said = /all.csv is larger than 20 MB: use “livecredits import”/
    expect(await screen.findByText(said, { selector: '.problem *' })).toBeTruthy()
    expect(read).not.toHaveBeenCalled()
  })

  it('asks for the columns that it cannot guess, and for a reason', async () => {
    const { user, server } = open(withTwo(), '/bulk')
    await preview(user, 'who,how much\nada,5\n')
    expect(screen.getAllByText('Which column is it?')).toHaveLength(2)
    expect(screen.getByText('A reason is needed')).toBeTruthy()
    expect(server.sent('POST', /batches$/)).toHaveLength(0)
  })
})

describe('a run that breaks', () => {
  it('goes on by the same keys and applies no row twice', async () => {
    const server = withTwo()
    const { user } = open(server, '/bulk')
    await preview(user, FITS)
    const total = await screen.findByRole('textbox', { name: /Type the total/ })
    // The server books the rows, and its answer is lost, three times.
    for (let at = 0; at < 3; at += 1) {
      server.once('POST', /batches$/, (request) => {
        server.bookUnheard(request)
        return problem(503, 'outcome_unknown', 'Try again.')
      })
    }
    await user.type(total, '45{Enter}')
    await user.click(await screen.findByRole('button', { name: 'Try again' }, { timeout: 8000 }))
    await screen.findByRole('button', { name: 'Undo 2 rows' })
    expect([server.users.get('ada')?.credits, server.users.get('bob')?.credits]).toEqual([150, 2])
    const keys = applied(server).map(({ headers }) => headers.get('idempotency-key'))
    expect(new Set(keys).size).toBe(1)
  })

  it('gives each row a key of its own, the same when the file is dropped again, a new one after the end', async () => {
    const server = withTwo()
    const { user } = open(server, '/bulk')
    const keysOfPreview = async () => {
      await preview(user, FITS)
      await screen.findByRole('textbox', { name: /Type the total/ })
      const rows = server.sent('POST', /batches$/).at(-1)?.body?.['rows'] as { key: string }[]
      return rows.map(({ key }) => key)
    }
    const first = await keysOfPreview()
    expect(new Set(first).size).toBe(2)
    await user.click(screen.getByRole('button', { name: 'Back to the columns' }))
    await user.click(await screen.findByRole('button', { name: 'Another file' }))
    expect(await keysOfPreview()).toEqual(first)
    await user.type(screen.getByRole('textbox', { name: /Type the total/ }), '45{Enter}')
    await user.click(await screen.findByRole('button', { name: 'Another file' }))
    expect(await keysOfPreview()).not.toEqual(first)
  })

  it('says why the preview could not be made, and tries again', async () => {
    const server = withTwo()
    server.once('POST', /batches$/, () => problem(403, 'over_limit', 'A row is over your limit.'))
    const { user } = open(server, '/bulk')
    await preview(user, FITS)
    expect(await screen.findByText('A row is over your limit.')).toBeTruthy()
    await user.click(screen.getByRole('button', { name: 'Try again' }))
    expect(await screen.findByRole('textbox', { name: /Type the total/ })).toBeTruthy()
  })
})

it('shows a batch that somebody sent by the API, with its undo', async () => {
  const server = withTwo()
  const rows = [
    { row: 1, user_id: 'ada', op: 'adjust', amount: 50 },
    { row: 2, user_id: 'bob', op: 'adjust', amount: -5 },
  ]
  const headers = new Headers({ 'idempotency-key': 'march' })
  server.bookUnheard({ method: 'POST', path: '', query: new URLSearchParams(), headers, body: { rows } })
  const { user } = open(server, '/bulk')
  await user.click(await screen.findByRole('link', { name: '2 rows' }))
  expect(await screen.findByRole('button', { name: 'Undo 2 rows' })).toBeTruthy()
  await waitFor(() => expect(location.search).toContain('batch=bat_'))
})

it('is for admins', async () => {
  const server = withTwo()
  if (server.operator) server.operator = { ...server.operator, role: 'support' }
  open(server, '/bulk')
  expect(await screen.findByText('Bulk changes are for admins')).toBeTruthy()
})
