/** Mints a screen token for a user, to try things out. An admin's right; the audit trail keeps who did it for whom. */
import { Button, Select, TextInput } from '@mantine/core'
import { type FormEvent, useState } from 'react'
import { Card } from '../components/Card'
import { ProblemPanel } from '../components/ProblemPanel'
import { IN_PLACE } from '../components/ReasonInput'
import { installation } from '../installation'
import { useOnline } from '../live'
import { useTask } from '../task'

const SPANS = [
  { value: '300', label: '5 minutes' },
  { value: '900', label: '15 minutes' },
  { value: '3600', label: '1 hour' },
]

export function MintToken({ onMinted }: { onMinted: (token: string) => void }) {
  const online = useOnline()
  const [user, setUser] = useState('')
  const [span, setSpan] = useState('300')
  const { busy, problem, run } = useTask()

  const mint = async (event: FormEvent) => {
    event.preventDefault()
    if (user.trim() === '') return
    await run(async () => {
      onMinted((await installation.mintToken(user.trim(), Number(span))).token)
    })
  }

  return (
    <Card title="Mint one">
      <form className="card-body tool-form" onSubmit={mint}>
        <div className="fields">
          <TextInput
            label="User id"
            autoComplete="off"
            maxLength={128}
            value={user}
            onChange={(event) => setUser(event.currentTarget.value)}
          />
          <Select
            label="Good for"
            allowDeselect={false}
            comboboxProps={IN_PLACE}
            data={SPANS}
            value={span}
            onChange={(value) => value && setSpan(value)}
          />
        </div>
        <p className="hint">
          Whoever holds it sees this user’s account and may redeem and order for them. An unknown user is
          made. The audit keeps that you did it.
        </p>
        {problem && <ProblemPanel title="No token was minted" problem={problem} />}
        <Button type="submit" variant="default" loading={busy} disabled={user.trim() === '' || !online}>
          Mint and test
        </Button>
      </form>
    </Card>
  )
}
