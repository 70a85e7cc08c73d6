/**
 * What a change did, field by field: `credits 100 → 150`. Shows only fields whose value differs.
 */
import { IconArrowRight } from '@tabler/icons-react'
import { fullTime } from '../time'

const NONE = 'none'

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
    : { [path]: text(value, path) }
}

function text(value: unknown, name = ''): string {
  if (typeof value === 'number') {
    return name.endsWith('_us') ? fullTime(new Date(value / 1000).toISOString()) : value.toLocaleString()
  }
  if (value === null) return NONE
  if (Array.isArray(value) && value.every((each) => typeof each !== 'object')) return value.join(', ') || NONE
  return typeof value === 'string' ? value : JSON.stringify(value)
}

interface Props {
  before: Fields
  after: Fields
  /** In a row: where the credits moved, the other figures of the account follow from them. */
  brief?: boolean
}

/** More fields than these make a row hard to read; the details have them all. */
const BRIEF_MOST = 3

const FOLLOWING = new Set(['settled', 'held', 'version'])

/** Whether a field says something in a row: of credits that moved all else follows, and what is new may lack much. */
function tells(name: string, changed: string[], before: Fields, after: Fields): boolean {
  if (before[name] === undefined && after[name] === NONE) return false
  return !(changed.includes('credits') && FOLLOWING.has(name))
}

export function Values({ before, after, brief = false }: Props) {
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])]
  const all = names.filter((name) => before[name] !== after[name])
  const moved = brief ? all.filter((name) => tells(name, all, before, after)) : all
  if (moved.length === 0) return <span className="dimmed">–</span>
  const shown = brief ? moved.slice(0, BRIEF_MOST) : moved
  return (
    <ul className="values">
      {shown.map((name) => (
        <li key={name} className={brief ? 'two-lines' : undefined}>
          <span className="value-name">{name.replace(/_us$/, '')}</span>{' '}
          {/* What had no value because it did not exist became nothing: it is. */}
          {!(brief && before[name] === undefined) && (
            <>
              <bdi className="numeral dimmed">{before[name] ?? NONE}</bdi>{' '}
              <IconArrowRight size={12} aria-label="became" role="img" />{' '}
            </>
          )}
          <b className="numeral">
            <bdi>{after[name] ?? NONE}</bdi>
          </b>
        </li>
      ))}
      {shown.length < moved.length && <li className="value-name">and {moved.length - shown.length} more</li>}
    </ul>
  )
}
