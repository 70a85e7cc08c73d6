/**
 * The edit field in a row: `+50`, `-50`, `=200`, a reason, Enter. Esc leaves everything as it was.
 *
 * It knows the balance as it was when it opened (that version guards a set) and shows what the edit would
 * leave, counted from the balance as it is now.
 */
import { ActionIcon, Button, TextInput } from '@mantine/core'
import { IconArrowRight, IconX } from '@tabler/icons-react'
import { type KeyboardEvent, lazy, Suspense, useRef, useState } from 'react'
import { type Edit, formatAmount, formatSigned, outcome, parseEdit } from '../amounts'
import type { Target } from '../changes'

/** Its list of reasons is large, and nobody has typed an amount before it is there: the screen loads it after the rows. */
export const loadReasons = () => import('./ReasonInput')
const ReasonInput = lazy(() => loadReasons().then((found) => ({ default: found.ReasonInput })))

interface Props {
  /** The account when the editor opened. */
  target: Target
  /** Its balance now. */
  credits: number
  disabled: boolean
  onApply: (edit: Edit, reason: string) => void
  onCancel: () => void
}

export function InlineEditor({ target, credits, disabled, onApply, onCancel }: Props) {
  const [text, setText] = useState('')
  const [reason, setReason] = useState('')
  const [tried, setTried] = useState(false)
  const form = useRef<HTMLFormElement>(null)
  const parsed = parseEdit(text, target.scale)
  const result = parsed.ok ? outcome(parsed.value, credits) : undefined
  const amountError = problemOf(text, parsed, result, credits, target.scale)
  const reasonError = reason.trim() === '' ? 'A reason is needed' : undefined

  const submit = () => {
    setTried(true)
    if (disabled) return
    if (!parsed.ok || amountError) return focusOn(form.current, 'Change')
    if (reasonError) return focusOn(form.current, 'Reason')
    onApply(parsed.value, reason.trim())
  }
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === 'Escape') {
      event.stopPropagation()
      onCancel()
    }
  }

  return (
    <form
      ref={form}
      className="editor"
      aria-label={`Change the credits of ${target.name}`}
      onKeyDown={onKeyDown}
      onSubmit={(event) => {
        event.preventDefault()
        submit()
      }}
    >
      <span className="editor-name">{target.name}</span>
      <TextInput
        aria-label="Change"
        aria-describedby="edit-hint"
        className="editor-amount"
        classNames={{ input: 'numeral' }}
        placeholder="+50  -50  =200"
        size="sm"
        autoComplete="off"
        inputMode="text"
        value={text}
        error={tried && amountError}
        onChange={(event) => setText(event.currentTarget.value)}
        // The row's button was pressed to get here: the field is where the operator looks.
        ref={(field) => {
          if (field && !form.current?.dataset['focused']) {
            if (form.current) form.current.dataset['focused'] = 'yes'
            field.focus()
          }
        }}
      />
      <span className="editor-preview" id="edit-hint">
        {result === undefined ? (
          <span className="dimmed">now {formatAmount(credits, target.scale)}</span>
        ) : (
          <>
            <IconArrowRight size={14} aria-label="leaves" />
            <b className="numeral">{formatAmount(result, target.scale)}</b>
            <span className="dimmed numeral">({formatSigned(result - credits, target.scale)})</span>
          </>
        )}
      </span>
      <div className="editor-reason">
        <Suspense fallback={<TextInput aria-label="Reason" placeholder="Reason" size="sm" disabled />}>
          <ReasonInput value={reason} onChange={setReason} error={tried ? reasonError : undefined} />
        </Suspense>
      </div>
      <Button type="submit" size="sm" px="sm" disabled={disabled}>
        Apply
      </Button>
      <ActionIcon variant="subtle" color="gray" size="lg" aria-label="Cancel" onClick={onCancel}>
        <IconX size={16} />
      </ActionIcon>
    </form>
  )
}

function problemOf(
  text: string,
  parsed: ReturnType<typeof parseEdit>,
  result: number | undefined,
  credits: number,
  scale: number,
): string | undefined {
  if (!parsed.ok) return parsed.message
  if (text.trim() !== '' && result === credits) return `It is ${formatAmount(credits, scale)} already`
  return undefined
}

function focusOn(form: HTMLFormElement | null, label: string): void {
  form?.querySelector<HTMLInputElement>(`[aria-label="${label}"]`)?.focus()
}
