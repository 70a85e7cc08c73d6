/** Opens the console at an address against a server in memory, as a browser would. */
import './setup'
// The Users screen loads it right after its rows; here it is there at once, as it is for whoever reads them first.
import '../src/components/ReasonInput'
import { act, render, screen } from '@testing-library/react'
import userEvent, { type UserEvent } from '@testing-library/user-event'
import { App } from '../src/app'
import { takeCode } from '../src/session'
import type { Server } from './server'

export { ADMIN, json, problem, Server } from './server'

export function open<S extends Server>(server: S, path = '/users') {
  history.replaceState(null, '', `/console${path}`)
  const code = takeCode()
  const user = userEvent.setup()
  const view = render(<App code={code} />)
  return { server, user, view }
}

/** The button that shows somebody's balance and opens its editor. */
export function balanceOf(name: string): Promise<HTMLElement> {
  return screen.findByRole('button', { name: new RegExp(`change the credits of ${name}$`) })
}

/** Opens the editor of a row, types the change and a reason, and applies it by Enter. */
export async function edit(user: UserEvent, name: string, change: string, reason = 'by hand'): Promise<void> {
  await user.click(await balanceOf(name))
  await user.type(screen.getByRole('textbox', { name: 'Change' }), change)
  await user.tab()
  await user.keyboard(`${reason}{Enter}`)
}

/** Lets answers, pushes and the renders that follow them happen. */
export async function settle(): Promise<void> {
  await act(async () => {
    await new Promise((resume) => setTimeout(resume, 0))
  })
}
