/** Which column means what, with the first rows in sight; and what holds where a column is missing. */
import { Button, Group, Select } from '@mantine/core'
import { useMemo, useState } from 'react'
import { Card } from '../components/Card'
import { IN_PLACE, ReasonInput } from '../components/ReasonInput'
import type { Table } from '../csv'
import type { Operation } from '../shop'
import { chosenUnit, useUnits } from '../units'
import { FIELDS, type Field, guess, type Mapping, type Plan, planOf } from './plan'

const LABELS: Record<Field, string> = {
  user_id: 'User',
  amount: 'Amount',
  op: 'Operation',
  unit: 'Unit',
  reason: 'Reason',
  label: 'Label for users',
  expires_at: 'Expiry of grants',
  key: 'Key of the row',
}
const NEEDED: Field[] = ['user_id', 'amount']
const SAMPLE = 4

const OPERATIONS: { value: Operation; label: string }[] = [
  { value: 'adjust', label: 'Adjust: + or −' },
  { value: 'grant', label: 'Grant' },
  { value: 'set', label: 'Set to' },
]

interface Props {
  name: string
  table: Table
  onPlan: (plan: Plan) => void
  onBack: () => void
}

export default function MappingCard({ name, table, onPlan, onBack }: Props) {
  const { units, scaleOf } = useUnits()
  const [mapping, setMapping] = useState<Mapping>(() => guess(table.header))
  const [op, setOp] = useState<Operation>('adjust')
  const [unit, setUnit] = useState(chosenUnit(units, null))
  const [reason, setReason] = useState('')
  const [tried, setTried] = useState(false)
  const columns = useMemo(
    () => table.header.map((title, at) => ({ value: String(at), label: title || `Column ${at + 1}` })),
    [table],
  )
  const missing = NEEDED.filter((field) => mapping[field] === undefined)
  const needsReason = mapping.reason === undefined && reason.trim() === ''
  const next = () => {
    setTried(true)
    if (missing.length > 0 || needsReason) return
    onPlan(planOf(table, mapping, { op, unit, reason: reason.trim() }, scaleOf))
  }

  return (
    <Card title={name} count={`${table.rows.length.toLocaleString()} rows`}>
      <form
        className="card-body"
        aria-label="Columns"
        noValidate
        onSubmit={(event) => {
          event.preventDefault()
          next()
        }}
      >
        <div className="mapping">
          {FIELDS.map((field) => (
            <Select
              key={field}
              label={LABELS[field]}
              size="sm"
              placeholder={NEEDED.includes(field) ? 'Choose the column' : 'Not in the file'}
              clearable={!NEEDED.includes(field)}
              clearButtonProps={{ 'aria-label': `No column for ${LABELS[field]}` }}
              allowDeselect={false}
              comboboxProps={IN_PLACE}
              data={columns}
              value={mapping[field] === undefined ? null : String(mapping[field])}
              error={tried && missing.includes(field) ? 'Which column is it?' : undefined}
              onChange={(value) => setMapping((before) => withColumn(before, field, value))}
            />
          ))}
        </div>
        <h3 className="details-title">Where the file says nothing</h3>
        <div className="mapping">
          <Select
            label="Operation of rows"
            size="sm"
            allowDeselect={false}
            comboboxProps={IN_PLACE}
            data={OPERATIONS}
            value={op}
            onChange={(value) => value && setOp(value as Operation)}
          />
          {units.length > 1 && (
            <Select
              label="Unit of rows"
              size="sm"
              allowDeselect={false}
              comboboxProps={IN_PLACE}
              data={units.map((each) => each.name)}
              value={unit}
              onChange={(value) => value && setUnit(value)}
            />
          )}
          <ReasonInput
            label="Reason of rows"
            value={reason}
            onChange={setReason}
            error={tried && needsReason ? 'A reason is needed' : undefined}
          />
        </div>
        <Sample table={table} mapping={mapping} />
        <Group justify="space-between" gap="sm" mt="md">
          <Button variant="default" onClick={onBack}>
            Another file
          </Button>
          <Button type="submit">See what it would do</Button>
        </Group>
      </form>
    </Card>
  )
}

function withColumn(mapping: Mapping, field: Field, value: string | null): Mapping {
  const { [field]: _, ...rest } = mapping
  return value === null ? rest : { ...rest, [field]: Number(value) }
}

/** The first rows of the file as it is; columns that are used are named. */
function Sample({ table, mapping }: { table: Table; mapping: Mapping }) {
  const meaning = new Map(Object.entries(mapping).map(([field, at]) => [at, LABELS[field as Field]]))
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls has to be reached by keyboard
    <section className="scroll" aria-label="The first rows" tabIndex={0}>
      <table className="sample">
        <thead>
          <tr>
            {table.header.map((title, at) => (
              <th key={at} scope="col" data-used={meaning.has(at) || undefined}>
                {title || `Column ${at + 1}`}
                <span className="small">{meaning.get(at) ?? 'not used'}</span>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {table.rows.slice(0, SAMPLE).map(({ line, cells }) => (
            <tr key={line}>
              {cells.map((cell, at) => (
                <td key={at}>
                  <bdi>{cell}</bdi>
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  )
}
