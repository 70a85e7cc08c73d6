/**
 * Settings: who works here, what is counted, and what holds for the whole installation. Everybody may look; admins
 * change, and every change stands in the audit.
 */
import '../styles/shop.css'
import '../styles/developers.css'
import '../styles/settings.css'
import { useQuery } from '@tanstack/react-query'
import { asProblem } from '../api'
import { PageHead } from '../components/PageHead'
import { ProblemPanel } from '../components/ProblemPanel'
import { SkeletonRows } from '../components/SkeletonRows'
import { installation } from '../installation'
import { useSession } from '../session'
import { FactsCard } from '../settings/FactsCard'
import { LiveCard } from '../settings/LiveCard'
import { OperatorsCard } from '../settings/OperatorsCard'
import { ReasonsCard } from '../settings/ReasonsCard'
import { UnitsCard } from '../settings/UnitsCard'

export default function Settings() {
  const { mayAdminister } = useSession()
  const read = useQuery({ queryKey: ['settings'], queryFn: ({ signal }) => installation.settings(signal) })
  const problem = read.error ? asProblem(read.error) : undefined
  const settings = read.data
  return (
    <>
      <PageHead title="Settings" />
      {!mayAdminister && <p className="bar-text look-only">You may look here; admins change.</p>}
      <div className="settings">
        {mayAdminister && <OperatorsCard />}
        <UnitsCard />
        {problem && (
          <section className="card" aria-label="Problem">
            <ProblemPanel
              title="The settings could not be read"
              problem={problem}
              retry={() => void read.refetch()}
            />
          </section>
        )}
        {!settings && !problem && (
          <section className="card" aria-label="Settings">
            <SkeletonRows count={3} />
          </section>
        )}
        {settings && (
          <>
            <LiveCard settings={settings} />
            <ReasonsCard settings={settings} />
            <FactsCard facts={settings.facts} />
          </>
        )}
      </div>
    </>
  )
}
