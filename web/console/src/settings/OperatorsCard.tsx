/** Who works here: role, limit for one change, sign-in link, deactivation. */
import { ActionIcon, Button } from '@mantine/core'
import { IconLink, IconPencil, IconPlus, IconUserCheck, IconUserOff } from '@tabler/icons-react'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { lazy, Suspense, useState } from 'react'
import { formatAmount } from '../amounts'
import { asProblem } from '../api'
import { Card } from '../components/Card'
import { ConfirmDialog } from '../components/ConfirmDialog'
import { ProblemPanel } from '../components/ProblemPanel'
import { SkeletonRows } from '../components/SkeletonRows'
import { installation, type OperatorRow } from '../installation'
import { useOnline } from '../live'
import { useSession } from '../session'
import { toastFailure, toastSuccess } from '../toasts'

const OperatorForm = lazy(() => import('./OperatorForm'))
const LinkDialog = lazy(() => import('./LinkDialog'))

type Asked =
  | { what: 'new' }
  | { what: 'edit'; operator: OperatorRow }
  | { what: 'link'; operator: OperatorRow }
  | { what: 'end'; operator: OperatorRow }

export function OperatorsCard() {
  const online = useOnline()
  const client = useQueryClient()
  const read = useQuery({ queryKey: ['operators'], queryFn: ({ signal }) => installation.operators(signal) })
  const [asked, setAsked] = useState<Asked>()
  const close = () => setAsked(undefined)
  const problem = read.error ? asProblem(read.error) : undefined
  const again = () => client.invalidateQueries({ queryKey: ['operators'] })

  const turn = async (operator: OperatorRow, disabled: boolean) => {
    close()
    try {
      await installation.putOperator(operator.id, { disabled })
      const done = disabled ? 'deactivated' : 'active again'
      toastSuccess(disabled ? 'Operator deactivated' : 'Operator active again', `${operator.name}: ${done}`)
    } catch (error) {
      toastFailure(asProblem(error), 'Failed to change the operator', operator.name)
    } finally {
      await again()
    }
  }

  return (
    <Card
      title="Operators"
      count={read.data?.items.length}
      action={
        <Button
          size="compact-sm"
          variant="light"
          disabled={!online}
          leftSection={<IconPlus size={15} />}
          onClick={() => setAsked({ what: 'new' })}
        >
          New operator
        </Button>
      }
    >
      {problem && (
        <ProblemPanel
          title="The operators could not be read"
          problem={problem}
          retry={() => void read.refetch()}
        />
      )}
      {!read.data && !problem && <SkeletonRows count={2} />}
      {read.data && (
        <OperatorsTable
          operators={read.data.items}
          onAsk={setAsked}
          onActivate={(operator) => void turn(operator, false)}
        />
      )}
      <Suspense>
        {(asked?.what === 'new' || asked?.what === 'edit') && (
          <OperatorForm
            found={asked.what === 'edit' ? asked.operator : undefined}
            onClose={close}
            onSaved={(operator, needsLink) => {
              void again()
              setAsked(needsLink ? { what: 'link', operator } : undefined)
            }}
          />
        )}
        {asked?.what === 'link' && <LinkDialog operator={asked.operator} onClose={close} />}
      </Suspense>
      {asked?.what === 'end' && (
        <ConfirmDialog
          title={`Deactivate ${asked.operator.name}?`}
          confirm="Deactivate"
          onConfirm={() => void turn(asked.operator, true)}
          onClose={close}
        >
          Their sessions end now, everywhere, and they can no longer sign in. What they did stays in the
          audit. An admin can make them active again.
        </ConfirmDialog>
      )}
    </Card>
  )
}

interface TableProps {
  operators: OperatorRow[]
  onAsk: (asked: Asked) => void
  onActivate: (operator: OperatorRow) => void
}

function OperatorsTable({ operators, onAsk, onActivate }: TableProps) {
  return (
    <table className="rows plain-rows cards-when-narrow">
      <caption className="visually-hidden">Operators</caption>
      <thead>
        <tr>
          <th scope="col">Operator</th>
          <th scope="col">Role</th>
          <th scope="col" className="end">
            Limit for one change
          </th>
          <th scope="col">
            <span className="visually-hidden">Actions</span>
          </th>
        </tr>
      </thead>
      <tbody>
        {operators.map((operator) => (
          <OperatorLine key={operator.id} operator={operator} onAsk={onAsk} onActivate={onActivate} />
        ))}
      </tbody>
    </table>
  )
}

function OperatorLine({
  operator,
  onAsk,
  onActivate,
}: Omit<TableProps, 'operators'> & { operator: OperatorRow }) {
  const { operator: me } = useSession()
  const online = useOnline()
  const own = operator.id === me.id
  return (
    <tr data-inactive={operator.disabled || undefined}>
      <td>
        <span className="user-names">
          <span className="user-name">
            <b className="wrap">
              <bdi>{operator.name}</bdi>
            </b>
            {own && <span className="chip">you</span>}
            {operator.disabled && <span className="chip">deactivated</span>}
          </span>
          <span className="small dimmed wrap">{operator.email}</span>
        </span>
      </td>
      <td data-label="Role">{operator.role}</td>
      <td data-label="Limit" className="end numeral">
        {operator.limit === null ? <span className="dimmed">none</span> : formatAmount(operator.limit)}
      </td>
      <td className="cell-action nowrap">
        <ActionIcon
          variant="subtle"
          color="gray"
          disabled={!online}
          title="Edit"
          aria-label={`Edit ${operator.name}`}
          onClick={() => onAsk({ what: 'edit', operator })}
        >
          <IconPencil size={16} />
        </ActionIcon>
        {!operator.disabled && (
          <ActionIcon
            variant="subtle"
            color="gray"
            disabled={!online}
            title="Sign-in link"
            aria-label={`Sign-in link for ${operator.name}`}
            onClick={() => onAsk({ what: 'link', operator })}
          >
            <IconLink size={16} />
          </ActionIcon>
        )}
        {operator.disabled ? (
          <ActionIcon
            variant="subtle"
            color="gray"
            disabled={!online}
            title="Make active again"
            aria-label={`Make ${operator.name} active again`}
            onClick={() => onActivate(operator)}
          >
            <IconUserCheck size={16} />
          </ActionIcon>
        ) : (
          <ActionIcon
            variant="subtle"
            color="gray"
            disabled={!online || own}
            title={own ? 'Another admin can deactivate you' : 'Deactivate'}
            aria-label={`Deactivate ${operator.name}`}
            onClick={() => onAsk({ what: 'end', operator })}
          >
            <IconUserOff size={16} />
          </ActionIcon>
        )}
      </td>
    </tr>
  )
}
