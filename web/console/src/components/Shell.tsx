/**
 * The frame around every screen: navigation, the state of the line, who is signed in, and the global keys.
 */
import { ActionIcon, Burger, useMantineColorScheme } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import {
  IconBroadcast,
  IconClipboardList,
  IconCode,
  IconDeviceDesktop,
  IconKeyboard,
  IconLayoutDashboard,
  IconLogout,
  IconMoon,
  IconPackage,
  IconPlugConnectedX,
  IconSearch,
  IconSettings,
  IconSun,
  IconTableImport,
  IconTicket,
  IconUsers,
  IconWifiOff,
} from '@tabler/icons-react'
import { lazy, type ReactNode, Suspense, useEffect } from 'react'
import { Link, useLocation } from 'wouter'
import { useLine, useOnline } from '../live'
import { useSession } from '../session'
import { useShortcuts } from '../shortcuts'
import { clockTime } from '../time'
import { Line } from './Line'
import { Logo } from './Logo'
import { usePaletteKeys } from './palette-keys'

const Palette = lazy(() => import('./Palette'))
const ShortcutsHelp = lazy(() => import('./ShortcutsHelp'))

export const SCREENS = [
  { href: '/overview', label: 'Overview', icon: IconLayoutDashboard, keys: ['g', 'h'] },
  { href: '/users', label: 'Users', icon: IconUsers, keys: ['g', 'u'] },
  { href: '/orders', label: 'Orders', icon: IconPackage, keys: ['g', 'o'] },
  { href: '/vouchers', label: 'Vouchers', icon: IconTicket, keys: ['g', 'v'] },
  { href: '/bulk', label: 'Bulk', icon: IconTableImport, keys: ['g', 'b'] },
  { href: '/broadcasts', label: 'Broadcasts', icon: IconBroadcast, keys: ['g', 'l'] },
  { href: '/audit', label: 'Audit', icon: IconClipboardList, keys: ['g', 'a'] },
  { href: '/developers', label: 'Developers', icon: IconCode, keys: ['g', 'd'] },
  { href: '/settings', label: 'Settings', icon: IconSettings, keys: ['g', 's'] },
]

export function Shell({ children }: { children: ReactNode }) {
  const [menu, { toggle, close }] = useDisclosure()
  const [help, helpControl] = useDisclosure()
  const [palette, paletteControl] = useDisclosure()
  const paletteKeys = usePaletteKeys(palette, paletteControl.close)
  const [path, go] = useLocation()
  useShortcuts({ go, showHelp: helpControl.open, showPalette: paletteControl.open })
  // biome-ignore lint/correctness/useExhaustiveDependencies: another screen closes the menu
  useEffect(close, [path])

  return (
    <div className="shell">
      <button type="button" className="skip" onClick={() => document.getElementById('main')?.focus()}>
        Skip to the content
      </button>
      <section className="top" aria-label="Top">
        <Burger
          opened={menu}
          onClick={toggle}
          size="sm"
          aria-expanded={menu}
          aria-controls="navigation"
          aria-label={menu ? 'Close the menu' : 'Open the menu'}
        />
        <Logo />
        <Line compact />
      </section>
      <nav className="side" id="navigation" aria-label="Main" data-open={menu || undefined}>
        <div className="side-top">
          <Logo />
        </div>
        <button type="button" className="find" onClick={paletteControl.open} aria-keyshortcuts="Control+K">
          <IconSearch size={15} aria-hidden />
          <span>Find</span>
          <kbd className="key">Ctrl K</kbd>
        </button>
        {SCREENS.map(({ href, label, icon: Icon }) => (
          <Link
            key={href}
            href={href}
            className="nav"
            aria-current={path.startsWith(href) ? 'page' : undefined}
          >
            <Icon size={17} stroke={1.8} aria-hidden />
            {label}
          </Link>
        ))}
        <div className="side-bottom">
          <Line />
          <Me onHelp={helpControl.open} />
        </div>
      </nav>
      <button
        type="button"
        className="veil"
        aria-label="Close the menu"
        tabIndex={-1}
        hidden={!menu}
        onClick={close}
      />
      <main id="main" tabIndex={-1} className="main">
        <NotLive />
        <div className="page">{children}</div>
      </main>
      <Suspense>
        {help && <ShortcutsHelp onClose={helpControl.close} />}
        {palette && <Palette keys={paletteKeys} onClose={paletteControl.close} onHelp={helpControl.open} />}
      </Suspense>
    </div>
  )
}

/** Whoever looks at numbers that may be old is told where they look. */
function NotLive() {
  const online = useOnline()
  const { status, since } = useLine()
  if (!online) {
    return (
      <section className="not-live" aria-label="Offline">
        <IconWifiOff size={16} aria-hidden />
        You are offline. The numbers are the last ones known; changes are possible again once the network is
        back.
      </section>
    )
  }
  if (status !== 'stale' && status !== 'error') return null
  return (
    <section className="not-live" aria-label="Not live">
      <IconPlugConnectedX size={16} aria-hidden />
      Not live since {clockTime(since)}. The numbers may be old; they are right again as soon as the server
      answers.
    </section>
  )
}

function Me({ onHelp }: { onHelp: () => void }) {
  const { operator, signOut } = useSession()
  return (
    <div className="me">
      <div className="me-names">
        <span className="me-name" title={operator.email}>
          <bdi>{operator.name}</bdi>
        </span>
        <span className="me-role">{operator.role}</span>
      </div>
      <SchemeButton />
      <ActionIcon
        variant="subtle"
        color="gray"
        title="Keyboard shortcuts (?)"
        aria-label="Keyboard shortcuts"
        onClick={onHelp}
      >
        <IconKeyboard size={17} stroke={1.8} />
      </ActionIcon>
      <ActionIcon
        variant="subtle"
        color="gray"
        title="Sign out"
        aria-label="Sign out"
        onClick={() => void signOut()}
      >
        <IconLogout size={17} stroke={1.8} />
      </ActionIcon>
    </div>
  )
}

const SCHEMES = [
  { value: 'auto', label: 'as the system', icon: IconDeviceDesktop },
  { value: 'light', label: 'light', icon: IconSun },
  { value: 'dark', label: 'dark', icon: IconMoon },
] as const

/** Goes round: as the system, light, dark. */
function SchemeButton() {
  const { colorScheme, setColorScheme } = useMantineColorScheme()
  const at = SCHEMES.findIndex(({ value }) => value === colorScheme)
  const current = SCHEMES[at] ?? SCHEMES[0]
  const next = SCHEMES[(at + 1) % SCHEMES.length] ?? SCHEMES[0]
  const label = `Colours: ${current.label}. Change to ${next.label}`
  return (
    <ActionIcon
      variant="subtle"
      color="gray"
      title={label}
      aria-label={label}
      onClick={() => setColorScheme(next.value)}
    >
      <current.icon size={17} stroke={1.8} />
    </ActionIcon>
  )
}
