/**
 * Adjust, set or grant on the user's page: the same changes as in the row, with room for an expiry.
 */
import { Button, SegmentedControl, Stack, TextInput } from '@mantine/core'
import { IconArrowRight } from '@tabler/icons-react'
import { type FormEvent, useRef, useState } from 'react'
import { formatAmount, formatSigned, outcome, type Parsed, parseAmount, parseEdit } from '../amounts'
import { type Target, useChanges, type Wish } from '../changes'
import { useOnline } from '../live'
import { Card } from './Card'
import { ReasonInput } from './ReasonInput'

type Verb = Wish['verb']

const VERBS: { value: Verb; label: string }[] = [
  { value: 'adjust', label: 'Adjust' },
  { value: 'set', label: 'Set' },
  { value: 'grant', label: 'Grant' },
]

const PLACEHOLDER: Record<Verb, string> = { adjust: '+50 or -50', set: '200', grant: '100' }

export function ActionPanel({ target, frozen }: { target: Target; frozen: boolean }) {
  const { change } = useChanges()
  const online = useOnline()
  const [verb, setVerb] = useState<Verb>('adjust')
  const [text, setText] = useState('')
  const [reason, setReason] = useState('')
  const [expires, setExpires] = useState('')
  const [tried, setTried] = useState(false)
  const [busy, setBusy] = useState(false)
  // The balance as it was when the amount was begun: it guards a set against what happened meanwhile.
  const began = useRef(target)
  if (text === '') began.current = target
  const wish = wishOf(verb, text, expires, target.scale)
  const after = wish.ok ? resultOf(wish.value, target.credits) : undefined

  const submit = async (event: FormEvent) => {
    event.preventDefault()
    setTried(true)
    if (!wish.ok || reason.trim() === '' || busy) return
    setBusy(true)
    const result = await change(began.current, wish.value, reason.trim())
    setBusy(false)
    if (result === 'refused') return
    setText('')
    setReason('')
    setExpires('')
    setTried(false)
  }

  return (
    <Card title="Change credits">
      <form className="card-body" onSubmit={submit} aria-label="Change credits">
        <Stack gap="xs">
          <SegmentedControl
            fullWidth
            size="sm"
            aria-label="Kind of change"
            value={verb}
            data={VERBS}
            onChange={(value) => setVerb(value as Verb)}
          />
          <TextInput
            label="Amount"
            classNames={{ input: 'numeral' }}
            placeholder={PLACEHOLDER[verb]}
            size="sm"
            autoComplete="off"
            value={text}
            onChange={(event) => setText(event.currentTarget.value)}
            error={tried && !wish.ok ? wish.message : undefined}
          />
          {verb === 'grant' && (
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
          <Button type="submit" size="sm" fullWidth disabled={!online} loading={busy}>
            {after === undefined ? (
              'Apply'
            ) : (
              <Preview credits={target.credits} after={after} scale={target.scale} />
            )}
          </Button>
          {frozen && <p className="hint">This user is frozen: spends and holds are refused.</p>}
        </Stack>
      </form>
    </Card>
  )
}

function Preview({ credits, after, scale }: { credits: number; after: number; scale: number }) {
  return (
    <span className="numeral preview">
      Apply {formatSigned(after - credits, scale)} <IconArrowRight size={14} aria-label="leaves" />{' '}
      {formatAmount(after, scale)}
    </span>
  )
}

function wishOf(verb: Verb, text: string, expires: string, scale: number): Parsed<Wish> {
  if (verb === 'adjust') return signed(parseEdit(text, scale))
  const amount = parseAmount(text.trim().replace(verb === 'set' ? /^=/ : /^\+/, ''), scale)
  if (!amount.ok) return amount
  if (verb === 'set') return { ok: true, value: { verb, credits: amount.value } }
  if (amount.value <= 0) return { ok: false, message: 'A grant adds credits: type more than 0' }
  const expiresAt = expires === '' ? undefined : new Date(expires).toISOString()
  return { ok: true, value: { verb, amount: amount.value, expiresAt } }
}

/** On this tab a bare number is a mistake more often than a wish to set. */
function signed(edit: ReturnType<typeof parseEdit>): Parsed<Wish> {
  if (edit.ok && edit.value.verb === 'set') return { ok: false, message: 'Begin with + or -' }
  return edit
}

function resultOf(wish: Wish, credits: number): number {
  return wish.verb === 'grant' ? credits + wish.amount : outcome(wish, credits)
}
