/**
 * Service keys: what each may do, when it was last used, and its end. A secret is seen once, right after its making.
 */
import { Button } from '@mantine/core'
import { IconKey, IconPlus } from '@tabler/icons-react'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { lazy, Suspense, useState } from 'react'
import { useActorName } from '../actors'
import { asProblem } from '../api'
import { Ago } from '../components/Ago'
import { ConfirmDialog } from '../components/ConfirmDialog'
import { Empty } from '../components/Empty'
import { ProblemPanel } from '../components/ProblemPanel'
import { SkeletonRows } from '../components/SkeletonRows'
import { installation, type Key } from '../installation'
import { useOnline } from '../live'
import { useSession } from '../session'
import { toastFailure, toastSuccess } from '../toasts'

const KeyForm = lazy(() => import('./KeyForm'))

export default function Keys() {
  const { mayAdminister } = useSession()
  if (mayAdminister) return <KeysCard />
  return (
    <section className="card" aria-label="Service keys">
      <Empty icon={<IconKey size={22} />} title="Only admins see keys">
        A key moves credits and reads users, so making and ending one is an admin’s work.
      </Empty>
    </section>
  )
}

function KeysCard() {
  const online = useOnline()
  const client = useQueryClient()
  const read = useQuery({ queryKey: ['keys'], queryFn: ({ signal }) => installation.keys(signal) })
  const [making, setMaking] = useState(false)
  const [revoking, setRevoking] = useState<Key>()
  const problem = read.error ? asProblem(read.error) : undefined
  const keys = read.data?.items ?? []
  const again = () => client.invalidateQueries({ queryKey: ['keys'] })

  const revoke = async (key: Key) => {
    setRevoking(undefined)
    try {
      await installation.revokeKey(key.id)
      toastSuccess('Key revoked', `${key.name}: revoked`)
    } catch (error) {
      toastFailure(asProblem(error), 'Failed to revoke the key', key.name)
    } finally {
      await again()
    }
  }

  return (
    <>
      <div className="bar">
        <p className="bar-text">A key is your backend’s way in. It never belongs into a browser.</p>
        <div className="bar-end">
          <Button
            size="sm"
            disabled={!online}
            leftSection={<IconPlus size={16} />}
            onClick={() => setMaking(true)}
          >
            New key
          </Button>
        </div>
      </div>
      <section className="card" aria-label="Service keys">
        {problem && (
          <ProblemPanel
            title="The keys could not be read"
            problem={problem}
            retry={() => void read.refetch()}
          />
        )}
        {!read.data && !problem && <SkeletonRows count={3} />}
        {read.data && keys.length === 0 && (
          <Empty
            icon={<IconKey size={22} />}
            title="No keys yet"
            action={
              <Button size="sm" leftSection={<IconPlus size={16} />} onClick={() => setMaking(true)}>
                Make the first key
              </Button>
            }
          >
            Your backend mints screen tokens and moves credits with it.
          </Empty>
        )}
        {keys.length > 0 && <KeysTable keys={keys} onRevoke={setRevoking} />}
      </section>
      <Suspense>
        {making && <KeyForm onClose={() => setMaking(false)} onMade={() => void again()} />}
      </Suspense>
      {revoking && (
        <ConfirmDialog
          title={`Revoke ${revoking.name}?`}
          confirm="Revoke"
          onConfirm={() => void revoke(revoking)}
          onClose={() => setRevoking(undefined)}
        >
          Whatever uses it is refused from now on, within five seconds everywhere; its live connections close.
          This cannot be taken back.
        </ConfirmDialog>
      )}
    </>
  )
}

function KeysTable({ keys, onRevoke }: { keys: Key[]; onRevoke: (key: Key) => void }) {
  const who = useActorName()
  const online = useOnline()
  return (
    <table className="rows plain-rows cards-when-narrow">
      <caption className="visually-hidden">Service keys, newest first</caption>
      <thead>
        <tr>
          <th scope="col">Key</th>
          <th scope="col">May</th>
          <th scope="col">Last used</th>
          <th scope="col">Made</th>
          <th scope="col">
            <span className="visually-hidden">Actions</span>
          </th>
        </tr>
      </thead>
      <tbody>
        {keys.map((key) => (
          <tr key={key.id} data-inactive={key.revoked_at !== null || undefined}>
            <td>
              <span className="user-names">
                <b className="wrap">
                  <bdi>{key.name}</bdi>
                </b>
                <span className="small dimmed mono">lck_{key.hint}</span>
              </span>
            </td>
            <td>
              <span className="chips">
                {key.scopes.map((scope) => (
                  <span key={scope} className="chip">
                    {scope}
                  </span>
                ))}
              </span>
            </td>
            <td data-label="Last used">
              <Ago at={key.last_used_at} />
            </td>
            <td data-label="Made" className="dimmed">
              <Ago at={key.created_at} />
              {key.created_by && <span className="small"> by {who(key.created_by)}</span>}
            </td>
            <td className="cell-action nowrap">
              {key.revoked_at === null ? (
                <Button
                  size="compact-sm"
                  variant="subtle"
                  color="red.8"
                  className="danger"
                  disabled={!online}
                  aria-label={`Revoke ${key.name}`}
                  onClick={() => onRevoke(key)}
                >
                  Revoke
                </Button>
              ) : (
                <span className="small dimmed">
                  revoked <Ago at={key.revoked_at} />
                </span>
              )}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}
