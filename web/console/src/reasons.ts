/**
 * The reason of a step that has no field for one: asked for where the installation wants one for every change.
 *
 * Most changes of the console always ask. A fulfilment is one key and a voucher a short form; they ask only where the
 * server would refuse them otherwise. One question stands at a time; who is signed out is asked nothing any more.
 */
import { useSyncExternalStore } from 'react'
import { useSession } from './session'

export interface Question {
  /** What is about to be done. */
  title: string
  /** Answers with the reason, or with null where the step is given up. */
  answer: (reason: string | null) => void
}

let asked: Question | undefined
const listeners = new Set<() => void>()

function show(question: Question | undefined): void {
  asked = question
  for (const listener of listeners) listener()
}

function ask(title: string): Promise<string | null> {
  asked?.answer(null)
  return new Promise((resolve) => {
    const answer = (reason: string | null) => {
      if (asked?.answer === answer) show(undefined)
      resolve(reason)
    }
    show({ title, answer })
  })
}

/** Gives up what is being asked. */
export function dropQuestion(): void {
  asked?.answer(null)
}

/** The question that stands. */
export function useQuestion(): Question | undefined {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    () => asked,
  )
}

/** Why a step is taken: undefined where nobody has to say so, null where it is given up. */
export function useReason(): (title: string) => Promise<string | null | undefined> {
  const { reasonWanted } = useSession()
  return reasonWanted ? ask : unasked
}

async function unasked(): Promise<undefined> {}
