/**
 * What a form sends: whether it is under way, and what went wrong with it, for its button and its problem panel.
 *
 * The last problem goes as soon as it is tried again. Errors of any kind become problems; nothing is thrown on.
 */
import { useState } from 'react'
import { asProblem, type Problem } from './api'

export interface Task {
  busy: boolean
  problem: Problem | undefined
  /** Does the work; whether it went well. */
  run: (work: () => Promise<void>) => Promise<boolean>
}

export function useTask(): Task {
  const [busy, setBusy] = useState(false)
  const [problem, setProblem] = useState<Problem>()
  const run = async (work: () => Promise<void>) => {
    setBusy(true)
    setProblem(undefined)
    try {
      await work()
      return true
    } catch (error) {
      setProblem(asProblem(error))
      return false
    } finally {
      setBusy(false)
    }
  }
  return { busy, problem, run }
}
