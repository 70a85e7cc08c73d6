/**
 * Vouchers: a field for a code, those that wait for the user, and the codes that the user has redeemed, live.
 *
 * Promise: a typing error is told before anything is sent (on leaving the field, on pasting, on Enter), every refusal
 * has its own plain answer, and a code is grouped as it is printed. Which code was typed stays until it paid.
 */
import type { ChangeProblem, Redemption } from 'livecredits'
import { useCredits, useCreditsStore, useVouchers } from 'livecredits/react'
import { readVoucherCode } from 'livecredits/vouchers'
import { type FormEvent, useId, useRef, useState } from 'react'
import { amountText, dayText, momentText } from './amounts'
import { Failed } from './ShopPage'
import { useToast } from './toasts'

export function VouchersPage() {
  return (
    <section className="page" aria-labelledby="vouchers-title">
      <h1 id="vouchers-title">Vouchers</h1>
      <RedeemForm />
      <Redemptions />
    </section>
  )
}

const TYPING_ERROR = 'This code has a typing error. Compare it symbol by symbol.'
const FOREIGN = 'Codes have letters, digits and dashes only.'

/** What is told for a refusal, in the host app's own words; of every other code the service's sentence. */
const ANSWERS: Readonly<Record<string, string>> = {
  wrong_check_symbol: TYPING_ERROR,
  not_found: 'We do not know this code. Please check it; it may be meant for somebody else.',
  voucher_used: 'Somebody has used this code already.',
  already_redeemed: 'You have redeemed this code before. Its credits are in your history.',
  voucher_expired: 'This code has expired.',
  voucher_revoked: 'This code has been withdrawn.',
  voucher_not_yet_valid: 'This code is not valid yet. Try again when the offer has begun.',
  account_frozen: 'Your account is frozen at the moment. Please ask our support.',
  rate_limited: 'Too many tries. Wait a little, then try again.',
  network: 'The server cannot be reached. Try again: no code is redeemed twice.',
  outcome_unknown: 'The answer got lost. Try again: no code is redeemed twice.',
}

function RedeemForm() {
  const { redeem } = useCredits()
  const store = useCreditsStore()
  const [typed, setTyped] = useState('')
  const [told, setTold] = useState<string | null>(null)
  const [sends, setSends] = useState(false)
  const toast = useToast()
  const id = useId()
  const { state } = readVoucherCode(typed)

  const type = (text: string) => {
    // A whole code is shown in groups; a part of one stays as it was typed, or the caret would jump.
    setTyped(readVoucherCode(text).state === 'good' ? readVoucherCode(text).text : text.toUpperCase())
    setTold(null)
  }

  /** False where the code cannot be right. */
  const check = (text: string): boolean => {
    const code = readVoucherCode(text)
    setTyped(code.text)
    const answer = { wrong: TYPING_ERROR, foreign: FOREIGN, empty: null, open: null, good: null }[code.state]
    setTold((before) => answer ?? (code.state === 'empty' ? null : before))
    return answer === null && code.state !== 'empty'
  }

  const submit = async (event: FormEvent) => {
    event.preventDefault()
    if (sends || !check(typed)) return
    const sent = readVoucherCode(typed).text
    setSends(true)
    setTold(null)
    try {
      const { amount, unit } = await redeem(typed)
      const { scale } = store.getSnapshot(unit)
      toast.success(`${amountText(amount, scale, true)} ${unit} are yours.`)
      // The credits are on the screen before the answer: whoever types the next code by then keeps it.
      setTyped((now) => (readVoucherCode(now).text === sent ? '' : now))
    } catch (reason) {
      const problem = reason as ChangeProblem
      setTold(ANSWERS[problem.code] ?? problem.message)
    } finally {
      setSends(false)
    }
  }

  return (
    <form className="card composer" onSubmit={submit} noValidate>
      <label htmlFor={id}>Voucher code</label>
      <div className="code-line">
        <input
          id={id}
          className="code"
          data-testid="voucher-code"
          data-state={state}
          value={typed}
          placeholder="XXXX-XXXX-XXXX-XXXX-X"
          autoComplete="off"
          autoCapitalize="characters"
          spellCheck={false}
          maxLength={64}
          aria-invalid={told !== null}
          aria-describedby={`${id}-told`}
          onChange={(event) => type(event.target.value)}
          onPaste={(event) => {
            const { selectionStart, selectionEnd, value } = event.currentTarget
            if (selectionStart !== 0 || selectionEnd !== value.length) return
            event.preventDefault()
            check(event.clipboardData.getData('text').trim())
          }}
          onBlur={(event) => check(event.target.value)}
        />
        <button type="submit" className="primary" disabled={sends}>
          {sends ? 'Redeeming…' : 'Redeem'}
        </button>
      </div>
      <p
        id={`${id}-told`}
        className={told === null ? 'quiet' : 'problem'}
        role={told === null ? undefined : 'alert'}
      >
        {told ??
          (state === 'good' ? '✓ No typing error in it' : 'Small letters, spaces and dashes do not matter.')}
      </p>
    </form>
  )
}

function Redemptions() {
  const { items, loading, error, loadMore, refresh } = useVouchers()
  const title = useRef<HTMLHeadingElement>(null)
  const waiting = items.filter(({ state }) => state === 'open')
  const redeemed = items.filter(({ state }) => state !== 'open')
  return (
    <>
      {waiting.length > 0 && (
        <section className="list" aria-labelledby="waiting-title">
          <h2 id="waiting-title">Waiting for you</h2>
          <ul className="rows">
            {waiting.map((voucher) => (
              <WaitingRow key={voucher.voucher} voucher={voucher} onDone={() => title.current?.focus()} />
            ))}
          </ul>
        </section>
      )}
      <section className="list" aria-labelledby="redeemed-title">
        <h2 id="redeemed-title" ref={title} tabIndex={-1}>
          Redeemed
        </h2>
        {loading && <p className="quiet">Reading your vouchers…</p>}
        {error !== null && <Failed error={error} onRetry={refresh} />}
        {!loading && error === null && redeemed.length === 0 && (
          <p className="quiet">Nothing yet. Codes that you redeem stand here.</p>
        )}
        <ul className="rows">
          {redeemed.map((redemption) => (
            <RedemptionRow key={redemption.entry} redemption={redemption} />
          ))}
        </ul>
        {loadMore !== null && (
          <button type="button" className="secondary" onClick={loadMore}>
            Older vouchers
          </button>
        )}
      </section>
    </>
  )
}

interface WaitingRowProps {
  readonly voucher: Redemption
  /** The row goes with its state; the focus has to go somewhere. */
  readonly onDone: () => void
}

function WaitingRow({ voucher, onDone }: WaitingRowProps) {
  const { code, amount, unit, expires_at } = voucher
  const { redeem, scale } = useCredits({ unit })
  const [sends, setSends] = useState(false)
  const toast = useToast()
  const take = async () => {
    setSends(true)
    try {
      const { amount: got } = await redeem(code)
      toast.success(`${amountText(got, scale, true)} ${unit} are yours.`)
      onDone()
    } catch (reason) {
      const problem = reason as ChangeProblem
      toast.error(ANSWERS[problem.code] ?? problem.message)
      setSends(false)
    }
  }
  return (
    <li className="card row" data-testid="waiting-voucher">
      <div className="row-what">
        <strong>
          {amountText(amount, scale)} {unit}
        </strong>
        <span className="quiet">
          <span className="code-text">{code}</span>
          {expires_at !== null && ` · until ${dayText(expires_at)}`}
        </span>
      </div>
      <button type="button" className="primary small" disabled={sends} onClick={take}>
        {sends ? 'Redeeming…' : 'Redeem'} <span className="for-readers">{code}</span>
      </button>
    </li>
  )
}

function RedemptionRow({ redemption }: { redemption: Redemption }) {
  const { unit, amount, code, label, redeemed_at, expires_at, welcome } = redemption
  const { scale } = useCredits({ unit })
  return (
    <li className="card row" data-testid="voucher-row">
      <div className="row-what">
        <strong>{label ?? (welcome ? 'Welcome' : 'Voucher')}</strong>
        <span className="quiet code-text">{code}</span>
      </div>
      <div className="row-state">
        <span className="number gained">
          {amountText(amount, scale, true)} {unit}
        </span>
        <span className="quiet">
          {redeemed_at !== null && <time dateTime={redeemed_at}>{momentText(redeemed_at)}</time>}
          {expires_at !== null && ` · until ${dayText(expires_at)}`}
        </span>
      </div>
    </li>
  )
}
