/**
 * One change for many selected users: what, why, what they may read, until when. Nothing is sent but reads; what
 * every user would get is looked at on the Bulk screen, which takes over from here.
 */
import { Button, Group, Modal, SegmentedControl, Stack, Text, TextInput } from '@mantine/core'
import { type FormEvent, useEffect, useRef, useState } from 'react'
import { counted, formatAmount, type Parsed, parseAmount } from '../amounts'
import { asProblem, type Problem } from '../api'
import { ProblemPanel } from '../components/ProblemPanel'
import { ReasonInput } from '../components/ReasonInput'
import { type Selection, selectedCount } from '../selection'
import { useSession } from '../session'
import type { BatchRow, Operation } from '../shop'
import { handOver } from './handover'
import { idsOf, USERS_MOST } from './matching'
import { RunBar } from './RunBar'

const OPERATIONS: { value: Operation; label: string }[] = [
  { value: 'adjust', label: 'Adjust' },
  { value: 'set', label: 'Set' },
  { value: 'grant', label: 'Grant' },
]
const PLACEHOLDER: Record<Operation, string> = { adjust: '+50 or -50', set: '200', grant: '100' }
const LABEL_MOST = 200

interface Props {
  selection: Selection
  unit: string
  scale: number
  onClose: () => void
  /** The plan is handed over: show the Bulk screen. */
  onPlanned: () => void
}

export default function SelectionForm({ selection, unit, scale, onClose, onPlanned }: Props) {
  const { operator } = useSession()
  const [op, setOp] = useState<Operation>('adjust')
  const [text, setText] = useState('')
  const [reason, setReason] = useState('')
  const [label, setLabel] = useState('')
  const [expires, setExpires] = useState('')
  const [tried, setTried] = useState(false)
  const [found, setFound] = useState<{ done: number; of: number }>()
  const [problem, setProblem] = useState<Problem>()
  const [tooMany, setTooMany] = useState(false)
  const reading = useRef<AbortController>(undefined)
  useEffect(() => () => reading.current?.abort(), [])
  const amount = amountOf(op, text, scale)
  const count = selectedCount(selection)

  const plan = async () => {
    if (!amount.ok || found) return
    const stop = new AbortController()
    reading.current = stop
    setProblem(undefined)
    setFound({ done: 0, of: count })
    try {
      const ids = await idsOf(selection, (done, of) => setFound({ done, of }), stop.signal)
      if (ids.length > USERS_MOST) return setTooMany(true)
      const change = {
        op,
        amount: amount.value,
        unit,
        reason: reason.trim(),
        ...(label.trim() ? { label: label.trim() } : {}),
        ...(op === 'grant' && expires ? { expires_at: new Date(expires).toISOString() } : {}),
      }
      const rows = ids.map((user_id, at): BatchRow => ({ row: at + 1, user_id, ...change }))
      handOver({ operator: operator.id, name: usersText(ids.length), plan: { rows, unreadable: [] } })
      onPlanned()
    } catch (error) {
      if (!stop.signal.aborted) setProblem(asProblem(error))
    } finally {
      setFound(undefined)
    }
  }
  const submit = (event: FormEvent) => {
    event.preventDefault()
    setTried(true)
    if (reason.trim() !== '') void plan()
  }

  return (
    <Modal
      opened
      onClose={onClose}
      title={`Change ${usersText(count)}`}
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      <form onSubmit={submit} aria-label={`Change ${usersText(count)}`} noValidate>
        <Stack gap="xs">
          <SegmentedControl
            fullWidth
            size="sm"
            aria-label="Kind of change"
            value={op}
            data={OPERATIONS}
            onChange={(value) => setOp(value as Operation)}
          />
          <TextInput
            label={`Amount for each, in ${unit}`}
            data-autofocus
            classNames={{ input: 'numeral' }}
            placeholder={PLACEHOLDER[op]}
            size="sm"
            autoComplete="off"
            value={text}
            error={tried && !amount.ok ? amount.message : undefined}
            onChange={(event) => setText(event.currentTarget.value)}
          />
          {op === 'grant' && (
            <TextInput
              type="datetime-local"
              label="Expires"
              description="Leave empty for credits that stay"
              size="sm"
              value={expires}
              onChange={(event) => setExpires(event.currentTarget.value)}
            />
          )}
          <ReasonInput
            label="Reason"
            value={reason}
            onChange={setReason}
            error={tried && reason.trim() === '' ? 'A reason is needed' : undefined}
          />
          <TextInput
            label="Label for users"
            description="Shown in their history; may stay empty"
            size="sm"
            autoComplete="off"
            maxLength={LABEL_MOST}
            value={label}
            onChange={(event) => setLabel(event.currentTarget.value)}
          />
          {found && <RunBar label="Finding the users" {...found} things="users" />}
          {problem && <ProblemPanel title="The users could not be read" problem={problem} />}
          {tooMany && (
            <Text size="sm" c="red.8">
              At most {formatAmount(USERS_MOST)} users at once. Narrow the filter, or use “livecredits
              import”.
            </Text>
          )}
          <Group justify="flex-end" gap="sm" mt="xs">
            <Button variant="default" onClick={onClose}>
              Cancel
            </Button>
            <Button type="submit" loading={found !== undefined}>
              See what it would do
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  )
}

/** `1 user`, `1,204 users` */
export function usersText(count: number): string {
  return counted(count, 'user')
}

function amountOf(op: Operation, text: string, scale: number): Parsed<number> {
  const clean = text.trim()
  if (op === 'adjust' && !/^[+\-\u2212]/.test(clean)) return { ok: false, message: 'Begin with + or -' }
  const parsed = parseAmount(clean.replace(op === 'set' ? /^=/ : /^\+/, ''), scale)
  if (!parsed.ok) return parsed
  if (op === 'grant' && parsed.value <= 0)
    return { ok: false, message: 'A grant adds credits: type more than 0' }
  if (op === 'adjust' && parsed.value === 0)
    return { ok: false, message: 'An adjustment of 0 changes nothing' }
  return parsed
}
