/** What is counted: with how many decimal places people see it, and from where on a balance is low. */
import { ActionIcon, Button } from '@mantine/core'
import { IconPencil, IconPlus } from '@tabler/icons-react'
import { lazy, Suspense, useState } from 'react'
import { formatAmount } from '../amounts'
import type { Unit } from '../api'
import { Card } from '../components/Card'
import { useOnline } from '../live'
import { useSession } from '../session'
import { useUnits } from '../units'

const UnitForm = lazy(() => import('./UnitForm'))

export function UnitsCard() {
  const { mayAdminister } = useSession()
  const online = useOnline()
  const { units } = useUnits()
  const [editing, setEditing] = useState<Unit | 'new'>()
  return (
    <Card
      title="Units"
      action={
        mayAdminister && (
          <Button
            size="compact-sm"
            variant="light"
            disabled={!online}
            leftSection={<IconPlus size={15} />}
            onClick={() => setEditing('new')}
          >
            New unit
          </Button>
        )
      }
    >
      <table className="rows plain-rows">
        <caption className="visually-hidden">Units</caption>
        <thead>
          <tr>
            <th scope="col">Unit</th>
            <th scope="col" className="end">
              Decimal places
            </th>
            <th scope="col" className="end">
              Low at
            </th>
            {mayAdminister && (
              <th scope="col">
                <span className="visually-hidden">Actions</span>
              </th>
            )}
          </tr>
        </thead>
        <tbody>
          {units.map((unit) => (
            <tr key={unit.name}>
              <td>
                <b className="wrap">{unit.name}</b>
              </td>
              <td className="end numeral">{unit.scale}</td>
              <td className="end numeral">
                {unit.low_threshold === null || unit.low_threshold === undefined ? (
                  <span className="dimmed">never</span>
                ) : (
                  formatAmount(unit.low_threshold, unit.scale)
                )}
              </td>
              {mayAdminister && (
                <td className="cell-action">
                  <ActionIcon
                    variant="subtle"
                    color="gray"
                    disabled={!online}
                    aria-label={`Edit ${unit.name}`}
                    onClick={() => setEditing(unit)}
                  >
                    <IconPencil size={16} />
                  </ActionIcon>
                </td>
              )}
            </tr>
          ))}
        </tbody>
      </table>
      <Suspense>
        {editing && (
          <UnitForm found={editing === 'new' ? undefined : editing} onClose={() => setEditing(undefined)} />
        )}
      </Suspense>
    </Card>
  )
}
