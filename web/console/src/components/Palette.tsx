/**
 * Ctrl+K: users, orders and vouchers that the server finds, the screens, and what can be done from anywhere.
 * Loaded when it is first asked for.
 */
import { useMantineColorScheme } from '@mantine/core'
import { Spotlight, type SpotlightActionData, spotlight } from '@mantine/spotlight'
import '@mantine/spotlight/styles.css'
import { useDebouncedValue } from '@mantine/hooks'
import {
  IconBroadcast,
  IconCode,
  IconDeviceDesktop,
  IconFlask,
  IconKeyboard,
  IconLogout,
  IconMoon,
  IconPackages,
  IconPlus,
  IconSearch,
  IconSun,
  IconTicket,
  IconUserPlus,
} from '@tabler/icons-react'
import { useEffect } from 'react'
import { useLocation } from 'wouter'
import { isolated } from '../bidi'
import { useSession } from '../session'
import { useFinds } from './palette-finds'
import { PALETTE_FIELD, type PaletteKeys } from './palette-keys'
import { SCREENS } from './Shell'

const TYPING_MS = 120

/** What is not in the navigation itself. */
const MORE = [
  { href: '/orders/packages', label: 'Packages', icon: IconPackages, adminsOnly: false },
  { href: '/vouchers/single', label: 'Single vouchers', icon: IconTicket, adminsOnly: false },
  { href: '/developers/token', label: 'Token tester', icon: IconFlask, adminsOnly: false },
  { href: '/developers/frames', label: 'Frame playground', icon: IconBroadcast, adminsOnly: false },
  { href: '/developers/api', label: 'API operations', icon: IconCode, adminsOnly: false },
  { href: '/users?new=yes', label: 'Add user', icon: IconUserPlus, adminsOnly: true },
  { href: '/vouchers?new=yes', label: 'New campaign', icon: IconPlus, adminsOnly: true },
]

interface Deed {
  id: string
  label: string
  icon: typeof IconKeyboard
  run: () => void
}

interface Props {
  keys: PaletteKeys
  onClose: () => void
  onHelp: () => void
}

export default function Palette({ keys, onClose, onHelp }: Props) {
  const { text, setText, hurried, setHurried } = keys
  const [search] = useDebouncedValue(text.trim(), TYPING_MS)
  const [, go] = useLocation()
  const { mayAdminister, signOut } = useSession()
  const { setColorScheme } = useMantineColorScheme()
  const finds = useFinds(search, go)
  const settled = finds.settled && search === text.trim()
  // Enter before the answer: the first result opens as soon as it is the right one.
  useEffect(() => {
    if (!hurried || !settled) return
    setHurried(false)
    document.querySelector<HTMLElement>('[data-action]')?.click()
  }, [hurried, settled, setHurried])
  // Mounted means asked for; the spotlight's own store plays the transition.
  useEffect(() => spotlight.open(), [])
  const matches = (label: string) => label.toLowerCase().includes(text.trim().toLowerCase())

  // Until the server has answered, what it found for fewer letters may only stay where it fits: Enter opens the first.
  const stillFits = ({ label, description }: SpotlightActionData) =>
    settled || matches(`${label ?? ''} ${description ?? ''}`)

  const places = [...SCREENS, ...MORE.filter(({ adminsOnly }) => !adminsOnly || mayAdminister)]
  const screens: SpotlightActionData[] = places
    .filter(({ label }) => matches(label))
    .map(({ href, label, icon: Icon }) => ({
      id: href,
      label,
      leftSection: <Icon size={18} stroke={1.8} />,
      onClick: () => go(href),
    }))
  const deeds: Deed[] = [
    { id: 'help', label: 'Keyboard shortcuts', icon: IconKeyboard, run: onHelp },
    { id: 'light', label: 'Light colours', icon: IconSun, run: () => setColorScheme('light') },
    { id: 'dark', label: 'Dark colours', icon: IconMoon, run: () => setColorScheme('dark') },
    {
      id: 'auto',
      label: 'Colours as the system',
      icon: IconDeviceDesktop,
      run: () => setColorScheme('auto'),
    },
    { id: 'out', label: 'Sign out', icon: IconLogout, run: () => void signOut() },
  ]
  const actions: SpotlightActionData[] = deeds
    .filter(({ label }) => matches(label))
    .map(({ id, label, icon: Icon, run }) => ({
      id,
      label,
      leftSection: <Icon size={18} stroke={1.8} />,
      onClick: run,
    }))
  const orders: SpotlightActionData = {
    id: 'orders',
    label: `Orders with “${isolated(search)}”`,
    leftSection: <IconSearch size={18} stroke={1.8} />,
    onClick: () => go(`/orders?state=all&q=${encodeURIComponent(search)}`),
  }

  return (
    <Spotlight
      onSpotlightClose={onClose}
      shortcut={null}
      query={text}
      onQueryChange={setText}
      // The server has searched already.
      filter={(_, actions) => actions}
      actions={[
        { group: 'Users', actions: finds.users.filter(stillFits) },
        { group: 'Orders', actions: finds.orders.filter(stillFits) },
        { group: 'Vouchers', actions: finds.vouchers.filter(stillFits) },
        { group: 'Screens', actions: screens },
        { group: 'Actions', actions },
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
        ...PALETTE_FIELD,
        'aria-label': 'Find a user, an order, a voucher or a screen',
        placeholder: 'Find a user, an order, a voucher or a screen',
        onKeyDown: (event) => {
          if (event.key === 'Enter' && !document.querySelector('[data-action][data-selected]'))
            setHurried(true)
        },
        leftSection: <IconSearch size={18} aria-hidden />,
      }}
    />
  )
}
