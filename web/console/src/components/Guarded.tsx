/**
 * A screen that breaks leaves the frame standing: what went wrong stands in its place, can be copied, and another
 * screen can be opened. Without this React takes the whole page away, and an operator looks at nothing.
 *
 * The usual cause is no fault of the screen: the server was upgraded, and the part that is loaded with the first look
 * at a screen is no longer there. Loading the page again brings the new one; where no server answers it would take the
 * frame away as well, and is not done.
 */
import { Component, type ReactNode } from 'react'
import { announce } from '../announce'
import { asProblem, Problem } from '../api'
import { ProblemPanel } from './ProblemPanel'

interface Props {
  /** Which screen it is; another one gets a new chance. */
  place: string
  children: ReactNode
}

interface State {
  place: string
  error?: unknown
}

export class Guarded extends Component<Props, State> {
  override state: State = { place: this.props.place }

  static getDerivedStateFromError(error: unknown): Partial<State> {
    return { error }
  }

  static getDerivedStateFromProps({ place }: Props, state: State): State | null {
    return place === state.place ? null : { place, error: undefined }
  }

  override render(): ReactNode {
    const { error } = this.state
    if (error === undefined) return this.props.children
    return (
      <>
        <h1 className="visually-hidden">This screen cannot be shown</h1>
        <ProblemPanel
          title="This screen cannot be shown"
          problem={isPartMissing(error) ? PART_MISSING : asProblem(error)}
          retry={() => void loadAgain()}
        />
      </>
    )
  }
}

/** How browsers and the bundler call it. */
const MISSING = /preload CSS|(?:import|load|fetch)\w* (?:a )?(?:dynamically imported )?module/i
const isPartMissing = (error: unknown): boolean => error instanceof Error && MISSING.test(error.message)

const PART_MISSING = new Problem(
  0,
  'part_missing',
  'This part of the console could not be loaded: the server does not answer, or was upgraded meanwhile.',
  undefined,
)

async function loadAgain(): Promise<void> {
  try {
    await fetch(location.href, { method: 'HEAD', cache: 'no-store' })
  } catch {
    announce('The server does not answer')
    return
  }
  location.reload()
}
