/**
 * Where this user's balance is shown right now, and which version each screen has painted.
 *
 * Screens come and go without a push, so the list is read every few seconds while it is looked at, at once when the
 * balance moves, and when receipts have come in: while the page is open the user's screens send them at once.
 */

import { Skeleton } from '@mantine/core'
import {
  IconCheck,
  IconClock,
  IconDeviceDesktop,
  IconDeviceMobile,
  IconPlugConnected,
  IconZzz,
} from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { useCallback } from 'react'
import { api, asProblem, type Screen } from '../api'
import { useFollow, useOpenPage } from '../live'
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
  const { refetch } = read
  useOpenPage(user)
  useFollow(
    'broadcasts',
    useCallback(() => void refetch(), [refetch]),
  )
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
  const state = stateOf(screen, unit, version)
  const Icon = /Mobi|Android|iPhone/.test(screen.user_agent ?? '') ? IconDeviceMobile : IconDeviceDesktop
  return (
    <li className="item" data-state={state.tone}>
      <Icon size={16} aria-hidden className="dimmed" />
      <div className="item-what">
        <span>{browserName(screen.user_agent)}</span>
        <span className="dimmed">
          {screen.carrier} · since <Ago at={screen.since} />
          {(screen.tabs ?? 1) > 1 && ` · ${screen.tabs} tabs`}
        </span>
      </div>
      <span className="screen-state numeral">
        <state.icon size={14} aria-hidden /> {state.text}
        {screen.visible === false && <span className="dimmed"> · hidden</span>}
      </span>
    </li>
  )
}

interface State {
  text: string
  tone: 'shown' | 'behind' | 'asleep' | 'unknown'
  icon: typeof IconCheck
}

/** Only what the screen itself has said counts as shown; what was sent to it does not. */
export function stateOf(screen: Screen, unit: string, version: number): State {
  const painted = screen.painted?.[unit]
  const last = painted === undefined ? '' : `, showed v${painted}`
  if (painted !== undefined && painted >= version) {
    return { text: `shows v${painted}`, tone: 'shown', icon: IconCheck }
  }
  if (screen.asleep) return { text: `asleep${last}`, tone: 'asleep', icon: IconZzz }
  if (painted !== undefined) return { text: `still v${painted}`, tone: 'behind', icon: IconClock }
  // A screen whose user wants no receipts never says what it shows.
  return screen.behind
    ? { text: 'nothing painted yet', tone: 'behind', icon: IconClock }
    : { text: 'connected', tone: 'unknown', icon: IconPlugConnected }
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
