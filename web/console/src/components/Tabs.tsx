/** The parts of one screen, each with an address of its own: links, not a widget. */
import { Link, useLocation } from 'wouter'

interface Props {
  label: string
  tabs: { href: string; label: string }[]
}

export function Tabs({ label, tabs }: Props) {
  const [path] = useLocation()
  return (
    <nav className="tabs" aria-label={label}>
      {tabs.map((tab) => (
        <Link
          key={tab.href}
          href={tab.href}
          className="tab"
          aria-current={path === tab.href ? 'page' : undefined}
        >
          {tab.label}
        </Link>
      ))}
    </nav>
  )
}
