/**
 * The units that are counted, and the scale of each: read once, since they hardly ever change.
 *
 * Whoever uses them waits for them, as for a part of the page that is not loaded yet: an amount that is shown with a
 * wrong scale is a wrong amount.
 */
import { queryOptions, useSuspenseQuery } from '@tanstack/react-query'
import { api, type Unit } from './api'

const DEFAULT_UNIT = 'credits'

export const unitsQuery = queryOptions({
  queryKey: ['units'],
  queryFn: ({ signal }) => api.units(signal),
  staleTime: 5 * 60_000,
})

export function useUnits(): { units: Unit[]; scaleOf: (unit: string) => number } {
  const units = useSuspenseQuery(unitsQuery).data.items
  return { units, scaleOf: (unit) => units.find(({ name }) => name === unit)?.scale ?? 0 }
}

/** The unit in the address, else the first one. */
export function chosenUnit(units: Unit[], wanted: string | null): string {
  if (wanted && units.some(({ name }) => name === wanted)) return wanted
  return units.find(({ name }) => name === DEFAULT_UNIT)?.name ?? units[0]?.name ?? DEFAULT_UNIT
}
