/** A screen whose part cannot be loaded: said in words, and the page is not given up for a server that is gone. */
import './setup'
import { MantineProvider } from '@mantine/core'
import { render, screen } from '@testing-library/react'
import userEvent from '@testing-library/user-event'
import { beforeEach, expect, it, vi } from 'vitest'
import { Announcer } from '../src/announce'
import { Guarded } from '../src/components/Guarded'

function Broken({ message }: { message: string }): never {
  throw new TypeError(message)
}

function guard(message: string) {
  render(
    <MantineProvider>
      <Announcer />
      <Guarded place="/orders">
        <Broken message={message} />
      </Guarded>
    </MantineProvider>,
  )
}

beforeEach(() => void vi.spyOn(console, 'error').mockImplementation(() => {}))

it.each([
  'Failed to fetch dynamically imported module: https://credits.example/console/assets/Orders.js',
  'error loading dynamically imported module: https://credits.example/console/assets/Orders.js',
  'Importing a module script failed.',
  'Unable to preload CSS for https://credits.example/console/assets/Orders.css',
])('says of “%s” what it means', (message) => {
  guard(message)
  expect(screen.getByText(/could not be loaded: the server does not answer, or was upgraded/)).toBeTruthy()
  expect(screen.queryByText(message)).toBeNull()
})

it('keeps what the screen itself said', () => {
  guard('funnel is not defined')
  expect(screen.getByText('funnel is not defined')).toBeTruthy()
})

it('stays where no server answers, and says so', async () => {
  const asked = vi.fn().mockRejectedValue(new TypeError('Failed to fetch'))
  vi.stubGlobal('fetch', asked)
  guard('Importing a module script failed.')
  await userEvent.click(screen.getByRole('button', { name: 'Try again' }))
  expect(asked).toHaveBeenCalledWith(location.href, expect.objectContaining({ method: 'HEAD' }))
  await vi.waitFor(() =>
    expect(document.querySelector('[aria-live]')?.textContent).toBe('The server does not answer'),
  )
  expect(screen.getByRole('region', { name: 'This screen cannot be shown' })).toBeTruthy()
})
