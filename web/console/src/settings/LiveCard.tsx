/** Receipts, the objective that the Overview judges by, and how long broadcasts are kept. */
import { Button, Switch, TextInput } from '@mantine/core'
import { type FormEvent, useState } from 'react'
import { Card } from '../components/Card'
import { ProblemPanel } from '../components/ProblemPanel'
import type { Settings } from '../installation'
import { useOnline } from '../live'
import { useSession } from '../session'
import { useSaving } from './saving'

const OBJECTIVE_MOST = 60_000
const DAYS_MOST = 365

export function LiveCard({ settings }: { settings: Settings }) {
  const { mayAdminister } = useSession()
  const online = useOnline()
  const { busy, problem, save } = useSaving()
  const [receipts, setReceipts] = useState(settings.receipts)
  const [objective, setObjective] = useState(String(settings.painted_objective_ms))
  const [days, setDays] = useState(String(settings.broadcasts_keep_days))
  const [tried, setTried] = useState(false)
  const errors = { objective: wrong(objective, OBJECTIVE_MOST), days: wrong(days, DAYS_MOST) }
  const body = {
    receipts,
    painted_objective_ms: Number(objective),
    broadcasts_keep_days: Number(days),
  }
  const changed =
    receipts !== settings.receipts ||
    objective !== String(settings.painted_objective_ms) ||
    days !== String(settings.broadcasts_keep_days)

  const submit = (event: FormEvent) => {
    event.preventDefault()
    setTried(true)
    if (errors.objective || errors.days || !changed) return
    void save(body, 'Receipts, objective and retention are saved')
  }

  return (
    <Card title="Receipts and broadcasts">
      <form className="card-body tool-form" onSubmit={submit} noValidate>
        <Switch
          label="Receipts"
          description="Screens tell which version they have painted. Off: none is asked for and none is kept."
          checked={receipts}
          disabled={!mayAdminister}
          onChange={(event) => setReceipts(event.currentTarget.checked)}
        />
        <div className="fields">
          <TextInput
            label="Painted within (ms)"
            description="The objective from commit to painted"
            inputMode="numeric"
            autoComplete="off"
            classNames={{ input: 'numeral' }}
            value={objective}
            readOnly={!mayAdminister}
            error={tried && errors.objective}
            onChange={(event) => setObjective(event.currentTarget.value.trim())}
          />
          <TextInput
            label="Keep broadcasts (days)"
            description="Older rows of the log are deleted"
            inputMode="numeric"
            autoComplete="off"
            classNames={{ input: 'numeral' }}
            value={days}
            readOnly={!mayAdminister}
            error={tried && errors.days}
            onChange={(event) => setDays(event.currentTarget.value.trim())}
          />
        </div>
        {problem && <ProblemPanel title="The settings were not saved" problem={problem} />}
        {mayAdminister && (
          <div className="form-end">
            <Button type="submit" size="sm" loading={busy} disabled={!changed || !online}>
              Save
            </Button>
          </div>
        )}
      </form>
    </Card>
  )
}

function wrong(text: string, most: number): string | undefined {
  const whole = /^\d{1,6}$/.test(text) && Number(text) >= 1 && Number(text) <= most
  return whole ? undefined : `A whole number, 1 to ${most.toLocaleString()}`
}
