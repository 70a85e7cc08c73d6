/**
 * The details of an order: who pays, and the buyer's own reference.
 *
 * Promise: what is wrong is told beside its field, by this page or by the service, and nothing that was typed is lost.
 * The last order's details stand there already, so that a second order is one press.
 */
import type { Billing, ChangeProblem, Package } from 'livecredits'
import { useCredits, useOrders } from 'livecredits/react'
import { type FormEvent, useEffect, useId, useRef, useState } from 'react'
import { amountText, priceText } from './amounts'
import { useToast } from './toasts'

interface Field {
  readonly label: string
  readonly autoComplete: string
  readonly most: number
  readonly wide?: boolean
  readonly check?: (text: string) => string | null
}

const FIELDS = {
  purchaser: {
    label: 'Name',
    autoComplete: 'name',
    most: 200,
    check: (text) => (text ? null : 'Whom shall we put on the invoice?'),
  },
  organisation: { label: 'Organisation (optional)', autoComplete: 'organization', most: 200 },
  email: {
    label: 'E-mail (optional)',
    autoComplete: 'email',
    most: 200,
    check: (text) => (!text || /^[^@\s]+@[^@\s]+\.[^@\s]+$/.test(text) ? null : 'This is no e-mail address.'),
  },
  reference: { label: 'Your purchase reference (optional)', autoComplete: 'off', most: 200 },
  address: { label: 'Address (optional)', autoComplete: 'street-address', most: 1_000, wide: true },
} as const satisfies Record<string, Field>

type Name = keyof typeof FIELDS
const NAMES = Object.keys(FIELDS) as Name[]
const EMPTY: Record<Name, string> = { purchaser: '', organisation: '', email: '', reference: '', address: '' }

interface OrderFormProps {
  readonly pack: Package
  /** The service says that the package is another by now. */
  readonly onChanged: () => void
  readonly onDone: () => void
}

export function OrderForm({ pack, onChanged, onDone }: OrderFormProps) {
  const { order, scale } = useCredits({ unit: pack.unit })
  const [typed, setTyped] = useLastDetails()
  const [problems, setProblems] = useState<Partial<Record<Name, string>>>({})
  const [refusal, setRefusal] = useState<string | null>(null)
  const [sends, setSends] = useState(false)
  const form = useRef<HTMLFormElement>(null)
  const title = `${pack.name}: ${amountText(pack.credits, scale)} ${pack.unit} for ${priceText(pack.price_minor, pack.currency)}`
  const [opened] = useState(title)
  const toast = useToast()

  useEffect(() => {
    form.current?.scrollIntoView?.({ block: 'nearest' })
    form.current?.querySelector('input')?.focus()
  }, [])

  const submit = async (event: FormEvent) => {
    event.preventDefault()
    const found = checked(typed)
    setProblems(found)
    setRefusal(null)
    const first = NAMES.find((name) => found[name] !== undefined)
    if (first !== undefined) return form.current?.querySelector<HTMLElement>(`[name="${first}"]`)?.focus()
    setSends(true)
    try {
      const purchaseReference = typed.reference.trim() || null
      await order(pack.id, { billing: billingOf(typed), purchaseReference, shown: pack })
      toast.success(`${pack.name} ordered. The credits arrive as soon as the order is confirmed.`)
      onDone()
    } catch (reason) {
      const problem = reason as ChangeProblem
      const told = problemsOf(problem)
      setProblems(told)
      setRefusal(Object.keys(told).length > 0 ? null : problem.message)
      setSends(false)
      if (problem.code === 'package_changed') onChanged()
    }
  }

  return (
    <form ref={form} className="card order" aria-label={`Order ${pack.name}`} noValidate onSubmit={submit}>
      <h2>{title}</h2>
      <p role="status" className={title === opened ? 'for-readers' : 'problem'}>
        {title !== opened && `This package has just changed: it was ${opened}.`}
      </p>
      <div className="fields">
        {NAMES.map((name) => (
          <TextField
            key={name}
            name={name}
            field={FIELDS[name]}
            value={typed[name]}
            problem={problems[name]}
            onChange={(value) => setTyped({ ...typed, [name]: value })}
          />
        ))}
      </div>
      {refusal !== null && <p role="alert">{refusal}</p>}
      <p className="actions">
        <button type="submit" className="primary" disabled={sends}>
          {sends ? 'Ordering…' : 'Order now'}
        </button>
        <button type="button" className="secondary" onClick={onDone}>
          Not now
        </button>
      </p>
    </form>
  )
}

interface TextFieldProps {
  readonly name: Name
  readonly field: Field
  readonly value: string
  readonly problem: string | undefined
  readonly onChange: (value: string) => void
}

function TextField({ name, field, value, problem, onChange }: TextFieldProps) {
  const id = useId()
  const common = {
    id,
    name,
    value,
    autoComplete: field.autoComplete,
    maxLength: field.most,
    'aria-invalid': problem !== undefined,
    'aria-describedby': problem === undefined ? undefined : `${id}-problem`,
    onChange: (event: { target: { value: string } }) => onChange(event.target.value),
  }
  return (
    <div className="field" data-wide={field.wide}>
      <label htmlFor={id}>{field.label}</label>
      {field.wide ? (
        <textarea rows={3} {...common} />
      ) : (
        <input type={name === 'email' ? 'email' : 'text'} {...common} />
      )}
      {problem !== undefined && (
        <p id={`${id}-problem`} className="problem">
          {problem}
        </p>
      )}
    </div>
  )
}

/** Begins with what the newest order said, unless something was typed already. */
function useLastDetails() {
  const { items } = useOrders()
  const [typed, setTyped] = useState<Record<Name, string> | null>(null)
  const last = items.find(({ billing }) => billing !== null)?.billing ?? {}
  const known = {
    ...EMPTY,
    ...Object.fromEntries(Object.entries(last).map(([name, text]) => [name, text ?? ''])),
  }
  return [typed ?? (known as Record<Name, string>), setTyped] as const
}

function checked(typed: Record<Name, string>): Partial<Record<Name, string>> {
  const found = NAMES.map((name) => [name, (FIELDS[name] as Field).check?.(typed[name].trim())] as const)
  return Object.fromEntries(found.filter(([, problem]) => problem))
}

function billingOf({ reference: _, ...typed }: Record<Name, string>): Billing {
  const filled = Object.entries(typed).map(([name, text]) => [name, text.trim()] as const)
  return Object.fromEntries(filled.filter(([, text]) => text !== ''))
}

/** What the service says of single fields (`billing.email`), at these fields. */
function problemsOf({ errors = [] }: ChangeProblem): Partial<Record<Name, string>> {
  const named = errors.map(({ field, message }) => {
    const name = field === 'purchase_reference' ? 'reference' : field.replace(/^billing\./, '')
    return [name, message] as const
  })
  return Object.fromEntries(named.filter(([name]) => name in FIELDS))
}
