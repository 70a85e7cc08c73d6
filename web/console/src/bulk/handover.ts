/**
 * A plan on its way from the Users screen to the Bulk screen, which shows what it would do and runs it.
 *
 * In memory alone: nothing has been asked for yet, so a reload may forget it.
 */
import type { Plan } from './plan'

export interface HandedOver {
  operator: string
  name: string
  plan: Plan
}

let handed: HandedOver | undefined

export function handOver(plan: HandedOver): void {
  handed = plan
}

export function handedOver(operator: string): HandedOver | undefined {
  return handed?.operator === operator ? handed : undefined
}

export function forgetHandedOver(): void {
  handed = undefined
}
