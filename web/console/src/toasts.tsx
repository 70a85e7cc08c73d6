/**
 * What the console says after a change: a toast for the eye, one sentence for the live region.
 *
 * Success goes by itself and offers Undo; a failure stays until it is closed, and can be copied with its
 * request id. The toasts are no live regions themselves (`role="group"`), since there is one per page.
 */
import { Button, Group, Text } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { IconAlertTriangle, IconCheck } from '@tabler/icons-react'
import { lazy, type ReactNode, Suspense } from 'react'
import { announce } from './announce'
import type { Problem } from './api'
import { CopyProblem } from './components/CopyProblem'

const ShownOn = lazy(() => import('./components/ShownOn'))

const SUCCESS_MS = 5000
const WITH_UNDO_MS = 10_000
const SHOWN_MAX = 3

export interface ToastAction {
  label: string
  run: () => void
}

/**
 * Says that a change was made; `detail` is a whole message by itself, since only it is read aloud. With `entry` it
 * goes on to say on how many screens the change is shown.
 */
export function toastSuccess(title: string, detail: string, action?: ToastAction, entry?: string): void {
  announce(detail)
  const id = nextId()
  notifications.show({
    id,
    role: 'group',
    'aria-label': title,
    autoClose: action ? WITH_UNDO_MS : SUCCESS_MS,
    icon: <IconCheck size={16} stroke={2.6} />,
    color: 'green.8',
    closeButtonProps: { 'aria-label': 'Dismiss' },
    message: (
      <ToastBody title={title} detail={detail} entry={entry}>
        {action && <ToastButton id={id} action={action} />}
      </ToastBody>
    ),
  })
}

/** Says why a change was refused, in the server's words; `fallback` when it sent none. */
export function toastFailure(problem: Problem, fallback: string, about: string, retry?: () => void): void {
  const title = problem.detail ?? fallback
  announce(title)
  const id = nextId()
  notifications.show({
    id,
    role: 'group',
    'aria-label': title,
    autoClose: false,
    icon: <IconAlertTriangle size={16} stroke={2.2} />,
    color: 'red.8',
    closeButtonProps: { 'aria-label': 'Dismiss' },
    message: (
      <ToastBody title={title} detail={problem.outcomeUnknown ? `${about} · ${UNKNOWN}` : about}>
        {retry && <ToastButton id={id} action={{ label: 'Try again', run: retry }} />}
        <CopyProblem problem={problem} />
      </ToastBody>
    ),
  })
}

const UNKNOWN = 'no clear answer came; trying again cannot book it twice'

interface BodyProps {
  title: string
  detail: string
  /** The change whose screens are counted. */
  entry?: string | undefined
  children: ReactNode
}

function ToastBody({ title, detail, entry, children }: BodyProps) {
  return (
    <>
      <Text fw={600} size="md" className="toast-title">
        {title}
      </Text>
      <Text size="sm" c="dimmed">
        {detail}
      </Text>
      <Suspense>{entry && <ShownOn entry={entry} />}</Suspense>
      <Group gap="xs" mt={6}>
        {children}
      </Group>
    </>
  )
}

function ToastButton({ id, action }: { id: string; action: ToastAction }) {
  const run = () => {
    notifications.hide(id)
    action.run()
  }
  return (
    <Button size="compact-sm" variant="light" onClick={run}>
      {action.label}
    </Button>
  )
}

let count = 0
let shown: string[] = []

/** Makes room as well: a failure that nobody closes must not keep later messages waiting in a queue. */
function nextId(): string {
  count += 1
  shown = [...shown, `toast-${count}`]
  for (const old of shown.slice(0, -SHOWN_MAX)) notifications.hide(old)
  shown = shown.slice(-SHOWN_MAX)
  return `toast-${count}`
}
