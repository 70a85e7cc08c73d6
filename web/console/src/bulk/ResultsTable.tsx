/** Row by row: what it asks, before → after, and why it is refused. A hundred rows at a time. */
import { Button, Group, SegmentedControl, Text } from '@mantine/core'
import {
  IconAlertTriangle,
  IconArrowBackUp,
  IconArrowRight,
  IconCheck,
  IconChevronLeft,
  IconChevronRight,
} from '@tabler/icons-react'
import { useMemo, useState } from 'react'
import { formatAmount, formatSigned } from '../amounts'
import type { BatchRowResult } from '../shop'
import { useUnits } from '../units'
import type { Unreadable } from './plan'
import { outcomeOf } from './report'

const PAGE = 100

type Line = { at: number; result: BatchRowResult } | { at: number; unreadable: Unreadable }

function linesOf(results: readonly BatchRowResult[], unreadable: readonly Unreadable[]) {
  const all: Line[] = [
    ...results.map((result) => ({ at: result.row, result })),
    ...unreadable.map((found) => ({ at: found.line, unreadable: found })),
  ].sort((a, b) => a.at - b.at)
  return { all, wrong: all.filter((line) => 'unreadable' in line || !line.result.ok) }
}

interface Props {
  results: readonly BatchRowResult[]
  unreadable: readonly Unreadable[]
  isPreview: boolean
}

export function ResultsTable({ results, unreadable, isPreview }: Props) {
  const [onlyWrong, setOnlyWrong] = useState(false)
  const [page, setPage] = useState(0)
  const { all, wrong } = useMemo(() => linesOf(results, unreadable), [results, unreadable])
  const lines = onlyWrong ? wrong : all
  const pages = Math.max(1, Math.ceil(lines.length / PAGE))
  const shown = lines.slice(page * PAGE, (page + 1) * PAGE)

  return (
    <>
      <Group justify="space-between" gap="xs" className="results-bar">
        <SegmentedControl
          aria-label="Which rows"
          size="xs"
          value={onlyWrong ? 'wrong' : 'all'}
          data={[
            { value: 'all', label: `All ${formatAmount(all.length)}` },
            { value: 'wrong', label: `Errors ${formatAmount(wrong.length)}` },
          ]}
          onChange={(value) => {
            setOnlyWrong(value === 'wrong')
            setPage(0)
          }}
        />
        {pages > 1 && (
          <Group gap="xs">
            <Text size="sm" c="dimmed" className="numeral">
              {page + 1} of {pages}
            </Text>
            <Button.Group>
              <Button
                size="xs"
                variant="default"
                aria-label="Rows before"
                disabled={page === 0}
                onClick={() => setPage(page - 1)}
              >
                <IconChevronLeft size={14} />
              </Button>
              <Button
                size="xs"
                variant="default"
                aria-label="Rows after"
                disabled={page >= pages - 1}
                onClick={() => setPage(page + 1)}
              >
                <IconChevronRight size={14} />
              </Button>
            </Button.Group>
          </Group>
        )}
      </Group>
      {shown.length === 0 ? (
        <p className="nothing">No errors.</p>
      ) : (
        <table className="rows shop-rows results">
          <caption className="visually-hidden">What each row {isPreview ? 'would do' : 'did'}</caption>
          <thead>
            <tr>
              <th scope="col" className="end">
                Row
              </th>
              <th scope="col">User</th>
              <th scope="col">Change</th>
              <th scope="col">Before → after</th>
              <th scope="col">Outcome</th>
            </tr>
          </thead>
          <tbody>
            {shown.map((line) =>
              'unreadable' in line ? (
                <tr key={line.at} data-ok={false}>
                  <td className="end numeral dimmed">{line.at}</td>
                  <td colSpan={3} className="dimmed">
                    not sent
                  </td>
                  <td>
                    <Refused>
                      {line.unreadable.column}: {line.unreadable.message}
                    </Refused>
                  </td>
                </tr>
              ) : (
                <ResultLine key={line.at} result={line.result} isPreview={isPreview} />
              ),
            )}
          </tbody>
        </table>
      )}
    </>
  )
}

function ResultLine({ result, isPreview }: { result: BatchRowResult; isPreview: boolean }) {
  const { scaleOf } = useUnits()
  const scale = scaleOf(result.unit)
  const asked =
    result.op === 'set' ? `= ${formatAmount(result.amount, scale)}` : formatSigned(result.amount, scale)
  return (
    <tr data-ok={result.ok}>
      <td className="end numeral dimmed">{result.row}</td>
      <td className="cell-main wrap">
        <bdi>{result.user_id}</bdi>
      </td>
      <td className="numeral nowrap">
        {result.op} <b>{asked}</b>
      </td>
      <td className="numeral nowrap">
        {result.before === null ? (
          <span className="dimmed">{result.ok ? 'new' : '–'}</span>
        ) : (
          <span className="dimmed">{formatAmount(result.before, scale)}</span>
        )}
        {result.ok && result.after !== null && (
          <>
            {' '}
            <IconArrowRight size={12} role="img" aria-label="becomes" />{' '}
            <b>{formatAmount(result.after, scale)}</b>
          </>
        )}
      </td>
      <td>
        {result.ok ? (
          <Accepted>{outcomeOf(result, isPreview)}</Accepted>
        ) : (
          <Refused>{result.detail ?? result.code}</Refused>
        )}
      </td>
    </tr>
  )
}

function Accepted({ children }: { children: string }) {
  const Icon = children === 'undone' ? IconArrowBackUp : IconCheck
  return (
    <span className="outcome" data-ok>
      <Icon size={14} aria-hidden /> {children}
    </span>
  )
}

function Refused({ children }: { children: React.ReactNode }) {
  return (
    <span className="outcome" data-ok={false}>
      <IconAlertTriangle size={14} aria-hidden /> <span>{children}</span>
    </span>
  )
}
