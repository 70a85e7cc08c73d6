/** The name and its mark: a coin that sends. */
export function Logo({ compact = false }: { compact?: boolean }) {
  return (
    <span className="logo">
      <svg viewBox="0 0 24 24" width="22" height="22" aria-hidden="true">
        <circle cx="9.5" cy="12" r="6.5" fill="currentColor" />
        <path
          d="M17 6.5a7.6 7.6 0 0 1 0 11M20 3.8a11.6 11.6 0 0 1 0 16.4"
          fill="none"
          stroke="currentColor"
          strokeWidth="2"
          strokeLinecap="round"
        />
      </svg>
      {!compact && <span>livecredits</span>}
    </span>
  )
}
