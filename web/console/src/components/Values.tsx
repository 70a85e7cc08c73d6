/**
 * What a change did, field by field: `credits 100 → 150`. Shows only fields whose value differs.
 */
import { IconArrowRight } from '@tabler/icons-react'

type Fields = Record<string, string>

/** An audit row's side as flat text fields; nested objects keep their path. */
export function valuesOf(side: unknown, path = ''): Fields {
  if (side === null || side === undefined) return {}
  if (typeof side !== 'object') return { [path || 'value']: text(side) }
  return Object.assign(
    {},
    ...Object.entries(side).map(([name, value]) => leaf(value, path ? `${path}.${name}` : name)),
  )
}

function leaf(value: unknown, path: string): Fields {
  return value !== null && typeof value === 'object' && !Array.isArray(value)
    ? valuesOf(value, path)
    : { [path]: text(value) }
}

function text(value: unknown): string {
  if (typeof value === 'number') return value.toLocaleString()
  if (value === null) return 'none'
  return typeof value === 'string' ? value : JSON.stringify(value)
}

interface Props {
  before: Fields
  after: Fields
  /** In a row: where the credits moved, the other figures of the account follow from them. */
  brief?: boolean
}

const FOLLOWING = new Set(['settled', 'held', 'version'])

export function Values({ before, after, brief = false }: Props) {
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])]
  const all = names.filter((name) => before[name] !== after[name])
  const moved = brief && all.includes('credits') ? all.filter((name) => !FOLLOWING.has(name)) : all
  if (moved.length === 0) return <span className="dimmed">–</span>
  return (
    <ul className="values">
      {moved.map((name) => (
        <li key={name}>
          <span className="value-name">{name}</span>{' '}
          <span className="numeral dimmed">{before[name] ?? 'none'}</span>{' '}
          <IconArrowRight size={12} aria-label="became" role="img" />{' '}
          <b className="numeral">{after[name] ?? 'none'}</b>
        </li>
      ))}
    </ul>
  )
}
