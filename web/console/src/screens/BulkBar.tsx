/** What can be done with the selected users; stands at the bottom of the screen while somebody is selected. */
import { Button } from '@mantine/core'
import { lazy, Suspense, useState } from 'react'
import { useLocation } from 'wouter'
import { counted, formatAmount } from '../amounts'
import { useOnline } from '../live'
import { type Filter, type Selection, selectedCount, selectMatching, selectNobody } from '../selection'

const SelectionForm = lazy(() => import('../bulk/SelectionForm'))

interface Props {
  selection: Selection
  filter: Filter
  /** How many users the filter finds; more than this page shows, perhaps. */
  total: number
  scale: number
}

export default function BulkBar({ selection, filter, total, scale }: Props) {
  const online = useOnline()
  const [, go] = useLocation()
  const [changing, setChanging] = useState(false)
  // The list may have grown since; "all" means all of now.
  const count = selectedCount(selection.all ? { ...selection, total } : selection)
  const isFiltered = filter.q !== undefined || filter.frozen !== undefined || filter.low !== undefined
  const all = `Select all ${formatAmount(total)}${isFiltered ? ' matching' : ''}`
  return (
    <section className="bulk-bar" aria-label="Selected users">
      <b className="numeral">{counted(count, 'user')} selected</b>
      {count < total && (
        <Button size="compact-sm" variant="subtle" onClick={() => selectMatching(filter, total)}>
          {all}
        </Button>
      )}
      <span className="bulk-bar-space" />
      <Button size="xs" disabled={!online} onClick={() => setChanging(true)}>
        Change credits…
      </Button>
      <Button size="xs" variant="default" onClick={selectNobody}>
        Clear
      </Button>
      <Suspense>
        {changing && (
          <SelectionForm
            selection={selection}
            unit={filter.unit}
            scale={scale}
            onClose={() => setChanging(false)}
            onPlanned={() => go('/bulk')}
          />
        )}
      </Suspense>
    </section>
  )
}
