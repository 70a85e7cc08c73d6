/**
 * Where this user's balance is shown right now, and which version each screen has painted.
 *
 * Screens come and go without a push, so the list is read every few seconds while it is looked at, and at
 * once when the balance moves.
 */

import { Skeleton } from '@mantine/core'
import { IconDeviceDesktop, IconDeviceMobile } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { api, asProblem, type Screen } from '../api'
import { Ago } from './Ago'
import { Card } from './Card'
import { ProblemPanel } from './ProblemPanel'

const AGAIN_MS = 4000

interface Props {
  user: string
  unit: string
  version: number
}

export function Screens({ user, unit, version }: Props) {
  const read = useQuery({
    queryKey: ['screens', user, version],
    queryFn: ({ signal }) => api.screens(user, signal),
    placeholderData: (before) => before,
    refetchInterval: AGAIN_MS,
  })
  const problem = read.error ? asProblem(read.error) : undefined
  const screens = read.data?.items ?? []
  return (
    <Card title="Connected screens" count={read.data ? screens.length : undefined}>
      {problem && (
        <ProblemPanel
          title="The screens could not be read"
          problem={problem}
          retry={() => void read.refetch()}
        />
      )}
      {!read.data && !problem && <Skeleton height={12} width="60%" mx={16} mb={18} />}
      {read.data && screens.length === 0 && (
        <p className="nothing">
          Nobody looks at this balance right now. It will be right when they come back.
        </p>
      )}
      <ul className="items">
        {screens.map((screen) => (
          <ScreenItem key={screen.screen} screen={screen} unit={unit} version={version} />
        ))}
      </ul>
    </Card>
  )
}

function ScreenItem({ screen, unit, version }: { screen: Screen; unit: string; version: number }) {
  const painted = screen.painted?.[unit]
  const Icon = /Mobi|Android|iPhone/.test(screen.user_agent ?? '') ? IconDeviceMobile : IconDeviceDesktop
  return (
    <li className="item">
      <Icon size={16} aria-hidden className="dimmed" />
      <div className="item-what">
        <span>{browserName(screen.user_agent)}</span>
        <span className="dimmed">
          {screen.carrier} · since <Ago at={screen.since} />
          {(screen.tabs ?? 1) > 1 && ` · ${screen.tabs} tabs`}
        </span>
      </div>
      <span className="screen-state numeral">
        {painted === undefined ? 'connected' : painted >= version ? `shows v${painted}` : `still v${painted}`}
        {screen.visible === false && <span className="dimmed"> · hidden</span>}
      </span>
    </li>
  )
}

const browsers: [RegExp, string][] = [
  [/Edg\//, 'Edge'],
  [/Firefox\//, 'Firefox'],
  [/(Headless)?Chrom(e|ium)\//, 'Chrome'],
  [/Safari\//, 'Safari'],
  [/python|httpx|websockets/i, 'Python client'],
]
const systems: [RegExp, string][] = [
  [/Android/, 'Android'],
  [/iPhone|iPad/, 'iOS'],
  [/Windows/, 'Windows'],
  [/Mac OS/, 'macOS'],
  [/Linux/, 'Linux'],
]

/** "Firefox on Linux": enough to tell one's own devices apart. */
export function browserName(agent: string | null): string {
  if (!agent) return 'Unknown screen'
  const find = (list: [RegExp, string][]) => list.find(([pattern]) => pattern.test(agent))?.[1]
  const browser = find(browsers) ?? agent.split('/')[0] ?? 'Unknown'
  const system = find(systems)
  return system ? `${browser} on ${system}` : browser
}
