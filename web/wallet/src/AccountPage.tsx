/**
 * The account: what the balance is made of, and its history, read in pages from `GET /credits/history` with the screen
 * token. A `changed` hint, which follows the commit, reads the newest page again.
 */
import { useCredits, useCreditsStore } from 'livecredits/react'
import { useState } from 'react'
import { amountText, momentText } from './amounts'
import { type HistoryEntry, historyPath, useHistory } from './history'
import { useSession } from './session'
import { useToast } from './toasts'
import { VoucherList } from './VoucherList'

const UNITS = [
  { unit: 'credits', name: 'Credits' },
  { unit: 'minutes', name: 'Minutes' },
] as const

export function AccountPage() {
  const [unit, setUnit] = useState<string>('credits')
  const { user } = useCreditsStore()
  return (
    <section className="page" aria-labelledby="account-title">
      <h1 id="account-title">Account</h1>
      <fieldset className="tabs">
        <legend className="for-readers">Unit</legend>
        {UNITS.map((choice) => (
          <label key={choice.unit}>
            <input
              type="radio"
              name="unit"
              checked={unit === choice.unit}
              onChange={() => setUnit(choice.unit)}
            />
            <span className="choice">{choice.name}</span>
          </label>
        ))}
      </fieldset>
      <Parts unit={unit} />
      <History key={`${user}:${unit}`} unit={unit} />
      <VoucherList key={user} />
    </section>
  )
}

function Parts({ unit }: { unit: string }) {
  const { available, held, settled, version, updatedAt, scale, loading } = useCredits({ unit })
  if (loading) return <p className="quiet">Reading the balance…</p>
  return (
    <dl className="parts card">
      <Part name="Available" value={amountText(available, scale)} testId="account-balance" />
      <Part name="Held" value={amountText(held, scale)} />
      <Part name="Settled" value={amountText(settled, scale)} />
      <Part name="Version" value={String(version)} />
      <Part name="Last change" value={updatedAt === null ? 'none yet' : momentText(updatedAt)} />
    </dl>
  )
}

function Part({ name, value, testId }: { name: string; value: string; testId?: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd className="number" data-testid={testId}>
        {value}
      </dd>
    </div>
  )
}

function History({ unit }: { unit: string }) {
  const [kind, setKind] = useState('')
  return (
    <>
      <div className="history-bar">
        <label>
          <span className="for-readers">Show</span>
          <select value={kind} onChange={(event) => setKind(event.target.value)} data-testid="history-kind">
            <option value="">Everything</option>
            {Object.entries(KIND_NAMES).map(([value, name]) => (
              <option key={value} value={value}>
                {name}
              </option>
            ))}
          </select>
        </label>
        <Download unit={unit} kind={kind} />
      </div>
      <Entries key={kind} unit={unit} kind={kind} />
    </>
  )
}

/** All pages of what is shown, as a file for a spreadsheet. */
function Download({ unit, kind }: { unit: string; kind: string }) {
  const { readFile } = useSession()
  const toast = useToast()
  const download = async () => {
    const { data, error } = await readFile(historyPath(unit, kind, { format: 'csv' }))
    if (error !== null) return toast.error(error.detail)
    const link = document.createElement('a')
    link.href = URL.createObjectURL(data)
    link.download = `${unit}.csv`
    link.click()
    URL.revokeObjectURL(link.href)
  }
  return (
    <button type="button" className="secondary" onClick={download} data-testid="history-download">
      Download as CSV
    </button>
  )
}

function Entries({ unit, kind }: { unit: string; kind: string }) {
  const { scale } = useCredits({ unit })
  const { entries, older, error, readOlder } = useHistory(unit, kind)
  if (error !== null && entries === null) return <p role="alert">{error}</p>
  if (entries === null) return <p className="quiet">Reading the history…</p>
  if (entries.length === 0 && kind !== '') return <p className="quiet">No entries of this kind.</p>
  if (entries.length === 0) return <p className="quiet">No entries yet. The first grant will stand here.</p>
  return (
    <>
      <table className="history card">
        <caption className="for-readers">History of {unit}</caption>
        <thead>
          <tr>
            <th scope="col">What</th>
            <th scope="col" className="when">
              When
            </th>
            <th scope="col" className="amount">
              Amount
            </th>
            <th scope="col" className="amount">
              Balance
            </th>
          </tr>
        </thead>
        <tbody>
          {entries.map((entry) => (
            <Row key={entry.entry} entry={entry} scale={scale} />
          ))}
        </tbody>
      </table>
      {error !== null && <p role="alert">{error}</p>}
      {older && (
        <button type="button" className="secondary" onClick={readOlder}>
          Older entries
        </button>
      )}
    </>
  )
}

function Row({ entry, scale }: { entry: HistoryEntry; scale: number }) {
  const kind = KIND_NAMES[entry.kind] ?? entry.kind
  // A label may begin with the kind already: "Order · 100 credits".
  const saysMore = entry.label !== null && !entry.label.startsWith(kind)
  return (
    <tr data-testid="history-row">
      <td>
        <span className="what">{entry.label ?? kind}</span>
        {saysMore && <span className="quiet kind">{kind}</span>}
        <time className="quiet when-small" dateTime={entry.at}>
          {momentText(entry.at)}
        </time>
      </td>
      <td className="when quiet">
        <time dateTime={entry.at}>{momentText(entry.at)}</time>
      </td>
      <td className="amount number" data-sign={Math.sign(entry.settled_delta)}>
        {entry.settled_delta === 0
          ? `${amountText(entry.held_delta, scale, true)} held`
          : amountText(entry.settled_delta, scale, true)}
      </td>
      <td className="amount number">{amountText(entry.balance.available, scale)}</td>
    </tr>
  )
}

const KIND_NAMES: Record<string, string> = {
  adjust: 'Correction',
  set: 'Set by the team',
  grant: 'Credit',
  spend: 'Spent',
  hold: 'Set aside',
  capture: 'Charged',
  release: 'Given back',
  expire: 'Expired',
  reverse: 'Undone',
  transfer: 'Transfer',
  redeem: 'Voucher',
  fulfil: 'Order',
}
