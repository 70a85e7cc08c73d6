/** Runs: a list that takes several batches is one run, through a reload in the middle, to its report and its undo. */
import { cleanup, screen, waitFor, within } from '@testing-library/react'
import type { UserEvent } from '@testing-library/user-event'
import { afterEach, describe, expect, it } from 'vitest'
import { forgetRuns, keptRuns } from '../src/bulk/kept'
import { ROWS_AT_ONCE } from '../src/bulk/run'
import { forgetRunning } from '../src/bulk/running'
import { open, problem } from './harness'
import { ShopServer } from './shop-server'

const OVER = 2
const ALL = ROWS_AT_ONCE + OVER

function withAda(): ShopServer {
  const server = new ShopServer()
  server.addUser('ada', 100)
  return server
}

/** More rows than one batch takes, all of one user. */
const LONG = `user_id,amount,reason\n${'ada,1,Gift\n'.repeat(ALL)}`

async function begin(user: UserEvent, text: string, total: string): Promise<void> {
  await user.click(await screen.findByRole('textbox', { name: /Or paste rows/ }))
  await user.paste(text)
  await user.click(screen.getByRole('button', { name: 'Use these rows' }))
  await user.click(await screen.findByRole('button', { name: 'See what it would do' }))
  await user.type(await screen.findByRole('textbox', { name: /Type the total/ }), `${total}{Enter}`)
}

async function undo(user: UserEvent): Promise<void> {
  await user.click(await screen.findByRole('button', { name: /^Undo/ }))
  const dialog = await screen.findByRole('dialog', { name: /^Undo/ })
  await user.type(within(dialog).getByRole('combobox', { name: 'Reason' }), 'Wrong file')
  await user.click(within(dialog).getByRole('button', { name: 'Undo' }))
}

const applied = (server: ShopServer) =>
  server.sent('POST', /batches$/).filter(({ body }) => body?.['dry_run'] === false)
const credits = (server: ShopServer) => server.users.get('ada')?.credits

/** The tab is gone with all that it remembered; what the browser keeps stays. */
function reload(server: ShopServer) {
  cleanup()
  forgetRunning()
  sessionStorage.clear()
  return open(server, `/bulk${location.search}`)
}

function breakNext(server: ShopServer, times: number, books: boolean): void {
  for (let at = 0; at < times; at += 1) {
    server.once('POST', /batches$/, (request) => {
      if (books) server.bookUnheard(request)
      return problem(503, 'outcome_unknown', 'Try again.')
    })
  }
}

afterEach(async () => {
  forgetRunning()
  await forgetRuns()
})

describe('a list of more rows than a batch takes', () => {
  it('is one run: one report, one line in the list, one undo', async () => {
    const server = withAda()
    const { user } = open(server, '/bulk')
    await begin(user, LONG, String(ALL))
    await screen.findByRole('button', { name: 'Undo 10,002 rows' })
    expect(applied(server).map(({ body }) => (body?.['rows'] as unknown[] | undefined)?.length)).toEqual([
      ROWS_AT_ONCE,
      OVER,
    ])
    expect(credits(server)).toBe(100 + ALL)
    expect(screen.getByRole('heading', { name: /Report: Pasted rows/ })).toBeTruthy()

    await user.click(screen.getByRole('link', { name: 'Bulk', current: false }))
    expect(await screen.findAllByRole('link', { name: /rows$/ })).toHaveLength(1)
    await user.click(screen.getByRole('link', { name: '10,002 rows' }))
    await undo(user)
    expect(await screen.findByText('All rows are undone.')).toBeTruthy()
    expect(server.sent('POST', /reverse$/)).toHaveLength(2)
    expect(credits(server)).toBe(100)
  })

  it('stays visible after a reload in the middle, and goes on by the same keys', async () => {
    const fresh = withAda()
    const { user: again } = open(fresh, '/bulk')
    let count = 0
    // The second batch is booked, and its answer never comes.
    const second = () => {
      fresh.once('POST', /batches$/, (request) => {
        const dry = request.body?.['dry_run'] === true
        if (!dry) count += 1
        if (dry || count === 1) {
          second()
          return fresh.answer(request)
        }
        fresh.bookUnheard(request)
        if (count < 4) second()
        return problem(503, 'outcome_unknown', 'Try again.')
      })
    }
    second()
    await begin(again, LONG, String(ALL))
    expect(await screen.findByText(/Stopped after 10,000 of 10,002 rows/, {}, { timeout: 8000 })).toBeTruthy()
    expect(await keptRuns('op_1')).toHaveLength(1)

    const { user: later } = reload(fresh)
    expect(await screen.findByText('This run broke off')).toBeTruthy()
    await later.click(screen.getByRole('button', { name: 'Go on' }))
    await screen.findByRole('button', { name: 'Undo 10,002 rows' })
    expect(credits(fresh)).toBe(100 + ALL)
    expect(new Set(applied(fresh).map(({ headers }) => headers.get('idempotency-key'))).size).toBe(2)
    expect(await keptRuns('op_1')).toHaveLength(0)
  })
})

describe('a run that broke off', () => {
  const SHORT = 'user_id,amount,reason\nada,5,Gift\nghost,5,Gift\nada,x,Gift\n'

  it('stands in the list of batches until it is finished', async () => {
    const server = withAda()
    const { user } = open(server, '/bulk')
    await user.click(await screen.findByRole('textbox', { name: /Or paste rows/ }))
    await user.paste(SHORT)
    await user.click(screen.getByRole('button', { name: 'Use these rows' }))
    await user.click(await screen.findByRole('button', { name: 'See what it would do' }))
    const total = await screen.findByRole('textbox', { name: /Type the total/ })
    breakNext(server, 3, false)
    await user.type(total, '5{Enter}')
    await screen.findByText(/Stopped after 0 of 1 rows/, {}, { timeout: 8000 })
    history.replaceState(null, '', '/console/bulk')
    const { user: later } = reload(server)
    const list = await screen.findByRole('list', { name: 'Runs that broke off' })
    await later.click(within(list).getByRole('link', { name: 'Pasted rows' }))
    await later.click(await screen.findByRole('button', { name: 'Go on' }))
    await screen.findByRole('button', { name: 'Undo 1 row' })
    expect(credits(server)).toBe(105)
  })

  it('keeps what was never sent in its report, after a reload too', async () => {
    const server = withAda()
    const { user } = open(server, '/bulk')
    await begin(user, SHORT, '5')
    await screen.findByRole('button', { name: 'Undo 1 row' })
    reload(server)
    await screen.findByRole('button', { name: 'Undo 1 row' })
    expect(await screen.findByText('There is no user ghost.')).toBeTruthy()
    expect(screen.getByText('amount: “x”: type a number, like 50')).toBeTruthy()
  })

  it('is offered to nobody else', async () => {
    const server = withAda()
    const { user } = open(server, '/bulk')
    await begin(user, SHORT, '5')
    await screen.findByRole('button', { name: 'Undo 1 row' })
    await user.click(screen.getByRole('button', { name: 'Sign out' }))
    await waitFor(async () => expect(await keptRuns('op_1')).toHaveLength(0))
  })
})

it('undoes what is left when an undo broke off', async () => {
  const server = withAda()
  const { user } = open(server, '/bulk')
  await begin(user, LONG, String(ALL))
  await screen.findByRole('button', { name: 'Undo 10,002 rows' })
  let reversals = 0
  const second = () =>
    server.once('POST', /reverse$/, (request) => {
      reversals += 1
      if (reversals > 1) return problem(409, 'conflict', 'The disk is full.')
      second()
      return server.answer(request)
    })
  second()
  await undo(user)
  // Said in the live region as well, as soon as its turn comes.
  await screen.findByText('The disk is full.', { selector: '.toast-title' })
  await screen.findByRole('button', { name: 'Undo 10,000 rows' })
  await undo(user)
  expect(await screen.findByText('All rows are undone.')).toBeTruthy()
  expect(credits(server)).toBe(100)
})

it('says so when a run is unknown', async () => {
  open(withAda(), '/bulk?run=run%3Anone')
  expect(await screen.findByText(/There is no such run/)).toBeTruthy()
})
