/** Lengths of time as people choose them for the validity of credits: days, months or years. */

const DAY_S = 86_400

/** The usual choices, in seconds. */
export const SPANS: { value: number; label: string }[] = [
  { value: 7 * DAY_S, label: '1 week' },
  { value: 30 * DAY_S, label: '30 days' },
  { value: 90 * DAY_S, label: '90 days' },
  { value: 180 * DAY_S, label: '180 days' },
  { value: 365 * DAY_S, label: '1 year' },
  { value: 730 * DAY_S, label: '2 years' },
]

const units: [sizeS: number, name: string][] = [
  [DAY_S, 'day'],
  [3600, 'hour'],
  [60, 'minute'],
  [1, 'second'],
]

/** `90 days`, `1 year`, `36 hours`. */
export function spanText(seconds: number): string {
  const usual = SPANS.find(({ value }) => value === seconds)
  if (usual) return usual.label
  for (const [size, name] of units) {
    if (seconds % size !== 0) continue
    const count = seconds / size
    return `${count.toLocaleString()} ${name}${count === 1 ? '' : 's'}`
  }
  return `${seconds} seconds`
}
