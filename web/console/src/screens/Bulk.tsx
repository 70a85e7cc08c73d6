/**
 * Bulk: many changes from one file. Choose the file, say what its columns mean, look at what every row would do,
 * type the total, apply, and take it back if it was the wrong file.
 *
 * Nothing is sent but dry runs until the total is typed. The steps are one after another on one page, so what was
 * decided stays in sight.
 */
import '../styles/shop.css'
import '../styles/bulk.css'
import { IconTableImport } from '@tabler/icons-react'
import { useQueryClient } from '@tanstack/react-query'
import { lazy, Suspense, useEffect, useRef, useState } from 'react'
import { Batches } from '../bulk/Batches'
import { Drop } from '../bulk/Drop'
import { forgetHandedOver, handedOver } from '../bulk/handover'
import type { KeptRun } from '../bulk/kept'
import type { Plan } from '../bulk/plan'
import { forgetRunning, startRun } from '../bulk/running'
import { Empty } from '../components/Empty'
import { PageHead } from '../components/PageHead'
import { SkeletonRows } from '../components/SkeletonRows'
import type { Table } from '../csv'
import { selectNobody } from '../selection'
import { useSession } from '../session'
import { useUrlState } from '../url'

// Each step comes when it is reached.
const BatchPage = lazy(() => import('../bulk/BatchPage'))
const MappingCard = lazy(() => import('../bulk/MappingCard'))
const RunCard = lazy(() => import('../bulk/RunCard'))
const RunPage = lazy(() => import('../bulk/RunPage'))

interface Chosen {
  /** Tells two files of the same name apart. */
  id: number
  name: string
  table: Table
}

export default function Bulk() {
  const url = useUrlState()
  const { operator, mayAdminister } = useSession()
  const client = useQueryClient()
  const batch = url.get('batch')
  const run = url.get('run')
  // Users who were selected on the Users screen come with their plan.
  const [handed, setHanded] = useState(() => handedOver(operator.id))
  const [chosen, setChosen] = useState<Chosen>()
  const [plan, setPlan] = useState<Plan | undefined>(handed?.plan)
  const stage = run ? 'report' : plan ? 'preview' : chosen ? 'columns' : 'file'
  const place = useFocusOnStage(stage)
  const forgetPlan = () => {
    forgetHandedOver()
    setHanded(undefined)
    setChosen(undefined)
    setPlan(undefined)
  }
  const startOver = () => {
    forgetPlan()
    url.patch({ run: null })
  }
  const back = () => {
    if (!handed) return setPlan(undefined)
    forgetPlan()
    history.back()
  }
  // The address names the run from its first row on: a reload finds it again.
  const begin = (wanted: KeptRun) => {
    forgetRunning(wanted.id)
    void startRun(wanted).then(() =>
      client.invalidateQueries({ predicate: ({ queryKey }) => queryKey[0] !== 'run' }),
    )
    // Whoever was selected has their change: selecting them once more is another wish.
    if (handed) selectNobody()
    forgetPlan()
    url.patch({ run: wanted.id })
  }

  if (!mayAdminister) {
    return (
      <>
        <PageHead title="Bulk" />
        <section className="card">
          <Empty icon={<IconTableImport size={22} />} title="Bulk changes are for admins">
            Ask an admin to apply your list, or change single balances on the Users page.
          </Empty>
        </section>
      </>
    )
  }
  if (batch) {
    return (
      <Suspense fallback={<SkeletonRows />}>
        <BatchPage key={batch} id={batch} />
      </Suspense>
    )
  }
  if (run) {
    return (
      <div ref={place} tabIndex={-1} className="bulk-run">
        <Suspense fallback={<SkeletonRows />}>
          <RunPage key={run} id={run} onNew={startOver} />
        </Suspense>
      </div>
    )
  }
  return (
    <>
      <PageHead title="Bulk" />
      <div className="bulk" ref={place} tabIndex={-1}>
        {!chosen && !plan && (
          <>
            <Drop onTable={(name, table) => setChosen({ id: Date.now(), name, table })} />
            <Batches />
          </>
        )}
        <Suspense fallback={<SkeletonRows />}>
          {chosen && !plan && (
            <MappingCard
              key={chosen.id}
              name={chosen.name}
              table={chosen.table}
              onPlan={setPlan}
              onBack={startOver}
            />
          )}
          {plan && (
            <RunCard
              name={handed?.name ?? chosen?.name ?? ''}
              plan={plan}
              back={handed ? 'Back to the users' : 'Back to the columns'}
              onBack={back}
              onRun={begin}
            />
          )}
        </Suspense>
      </div>
    </>
  )
}

/** The step before is gone with the button that was pressed: the focus goes to the new one, not to the page's top. */
function useFocusOnStage(stage: string) {
  const place = useRef<HTMLDivElement>(null)
  const seen = useRef(stage)
  useEffect(() => {
    if (seen.current === stage) return
    seen.current = stage
    place.current?.focus()
  }, [stage])
  return place
}
