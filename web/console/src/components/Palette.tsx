/**
 * Ctrl+K: the screens, and every user that the server finds. Loaded when it is first asked for.
 */
import { Spotlight, type SpotlightActionData, spotlight } from '@mantine/spotlight'
import '@mantine/spotlight/styles.css'
import { useDebouncedValue } from '@mantine/hooks'
import { IconKeyboard, IconPackages, IconPlus, IconSearch, IconTicket, IconUser } from '@tabler/icons-react'
import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { useEffect, useState } from 'react'
import { useLocation } from 'wouter'
import { formatAmount } from '../amounts'
import { api } from '../api'
import { useSession } from '../session'
import { useUnits } from '../units'
import { SCREENS } from './Shell'

const TYPING_MS = 120
const FOUND_MAX = 8

/** What is not in the navigation itself. */
const MORE = [
  { href: '/orders/packages', label: 'Packages', icon: IconPackages, adminsOnly: false },
  { href: '/vouchers/single', label: 'Single vouchers', icon: IconTicket, adminsOnly: false },
  { href: '/vouchers?new=yes', label: 'New campaign', icon: IconPlus, adminsOnly: true },
]

interface Props {
  onClose: () => void
  onHelp: () => void
}

export default function Palette({ onClose, onHelp }: Props) {
  const [text, setText] = useState('')
  const [search] = useDebouncedValue(text.trim(), TYPING_MS)
  const [, go] = useLocation()
  const { scaleOf } = useUnits()
  const { mayAdminister } = useSession()
  const { data, isPlaceholderData } = useQuery({
    queryKey: ['palette', search],
    queryFn: ({ signal }) => api.users({ q: search || undefined, limit: FOUND_MAX }, signal),
    placeholderData: keepPreviousData,
  })
  const [hurried, setHurried] = useState(false)
  const settled = data !== undefined && !isPlaceholderData && search === text.trim()
  // Enter before the answer: the first result opens as soon as it is the right one.
  useEffect(() => {
    if (!hurried || !settled) return
    setHurried(false)
    document.querySelector<HTMLElement>('[data-action]')?.click()
  }, [hurried, settled])
  // Mounted means asked for; the spotlight's own store plays the transition.
  useEffect(() => spotlight.open(), [])
  const matches = (label: string) => label.toLowerCase().includes(text.trim().toLowerCase())

  const places = [...SCREENS, ...MORE.filter(({ adminsOnly }) => !adminsOnly || mayAdminister)]
  const screens: SpotlightActionData[] = places
    .filter(({ label }) => matches(label))
    .map(({ href, label, icon: Icon }) => ({
      id: href,
      label,
      leftSection: <Icon size={18} stroke={1.8} />,
      onClick: () => go(href),
    }))
  const help: SpotlightActionData = {
    id: 'help',
    label: 'Keyboard shortcuts',
    leftSection: <IconKeyboard size={18} stroke={1.8} />,
    onClick: onHelp,
  }
  const orders: SpotlightActionData = {
    id: 'orders',
    label: `Orders with “${search}”`,
    leftSection: <IconSearch size={18} stroke={1.8} />,
    onClick: () => go(`/orders?state=all&q=${encodeURIComponent(search)}`),
  }
  const users: SpotlightActionData[] = (data?.items ?? []).map((user) => ({
    id: `user ${user.user_id}`,
    label: user.name ?? user.user_id,
    description: [user.name && user.user_id, user.email].filter(Boolean).join(' · '),
    leftSection: <IconUser size={18} stroke={1.8} />,
    rightSection: <span className="numeral">{formatAmount(user.credits, scaleOf(user.unit))}</span>,
    onClick: () => go(`/users/${encodeURIComponent(user.user_id)}`),
  }))

  return (
    <Spotlight
      onSpotlightClose={onClose}
      shortcut={null}
      query={text}
      onQueryChange={setText}
      // The server has searched already.
      filter={(_, actions) => actions}
      actions={[
        { group: 'Users', actions: users },
        { group: 'Console', actions: matches(help.label ?? '') ? [...screens, help] : screens },
        { group: 'Search', actions: search === '' ? [] : [orders] },
      ]}
      nothingFound="Nobody and nothing of that name"
      title="Find"
      classNames={{ header: 'visually-hidden' }}
      centered={false}
      yOffset="14vh"
      scrollable
      maxHeight={420}
      searchProps={{
        'aria-label': 'Find a user or a screen',
        placeholder: 'Find a user or a screen',
        onKeyDown: (event) => {
          if (event.key === 'Enter' && !document.querySelector('[data-action][data-selected]'))
            setHurried(true)
        },
        leftSection: <IconSearch size={18} aria-hidden />,
      }}
    />
  )
}
