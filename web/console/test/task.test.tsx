/** A form's request: under way until it ends, a problem until it is tried again, nothing thrown. */
import { act, renderHook } from '@testing-library/react'
import { expect, it } from 'vitest'
import { Problem } from '../src/api'
import { useTask } from '../src/task'

/** A request that ends when the test says so. */
function request() {
  let resolve = () => {}
  const ends = new Promise<void>((end) => {
    resolve = end
  })
  return { work: () => ends, resolve: () => resolve() }
}

it('is busy until the work has ended', async () => {
  const { result } = renderHook(useTask)
  const { work, resolve } = request()
  let went: Promise<boolean> | undefined
  act(() => {
    went = result.current.run(work)
  })
  expect(result.current).toMatchObject({ busy: true, problem: undefined })
  await act(async () => resolve())
  expect(result.current).toMatchObject({ busy: false, problem: undefined })
  expect(await went).toBe(true)
})

it('keeps the problem until it is tried again, and throws nothing', async () => {
  const { result } = renderHook(useTask)
  const refused = new Problem(409, 'conflict', 'Somebody was quicker.', undefined)
  await act(async () => expect(await result.current.run(() => Promise.reject(refused))).toBe(false))
  expect(result.current).toMatchObject({ busy: false, problem: refused })
  const { work, resolve } = request()
  act(() => void result.current.run(work))
  expect(result.current).toMatchObject({ busy: true, problem: undefined })
  await act(async () => resolve())
})

it('makes a problem of what is none', async () => {
  const { result } = renderHook(useTask)
  await act(async () => {
    await result.current.run(async () => {
      throw new Error('a fault of ours')
    })
  })
  expect(result.current.problem).toMatchObject({ code: 'unexpected', message: 'a fault of ours' })
})
