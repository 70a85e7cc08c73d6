/** The reasons that the console offers wherever it asks for one; any other text may be typed there all the same. */
import { Button, Textarea } from '@mantine/core'
import { type FormEvent, useState } from 'react'
import { Card } from '../components/Card'
import { ProblemPanel } from '../components/ProblemPanel'
import type { Settings } from '../installation'
import { useOnline } from '../live'
import { useSession } from '../session'
import { useSaving } from './saving'

const MOST = 20
const LENGTH_MOST = 200

export function ReasonsCard({ settings }: { settings: Settings }) {
  const { mayAdminister } = useSession()
  const online = useOnline()
  const { busy, problem, save } = useSaving()
  const [text, setText] = useState(settings.reason_presets.join('\n'))
  const reasons = text
    .split('\n')
    .map((line) => line.trim())
    .filter(Boolean)
  const error = wrong(reasons)
  const changed = reasons.join('\n') !== settings.reason_presets.join('\n')

  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (!error && changed) void save({ reason_presets: reasons }, `${reasons.length} reasons are offered`)
  }

  return (
    <Card title="Reasons">
      <form className="card-body tool-form" onSubmit={submit}>
        <Textarea
          label="Usual reasons"
          description="One in a line; operators pick one or type another"
          autosize
          minRows={4}
          maxRows={MOST}
          value={text}
          readOnly={!mayAdminister}
          error={error}
          onChange={(event) => setText(event.currentTarget.value)}
        />
        {problem && <ProblemPanel title="The reasons were not saved" problem={problem} />}
        {mayAdminister && (
          <div className="form-end">
            <Button
              type="submit"
              size="sm"
              loading={busy}
              disabled={!changed || error !== undefined || !online}
            >
              Save reasons
            </Button>
          </div>
        )}
      </form>
    </Card>
  )
}

function wrong(reasons: string[]): string | undefined {
  if (reasons.length > MOST) return `At most ${MOST}; these are ${reasons.length}`
  if (new Set(reasons).size < reasons.length) return 'One of them stands twice'
  if (reasons.some((reason) => reason.length > LENGTH_MOST)) return `At most ${LENGTH_MOST} characters each`
  return undefined
}
