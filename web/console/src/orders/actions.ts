/**
 * What an operator does with an order: fulfil, cancel, refund. The new state at once, the request, the toast.
 *
 * After a step that moved credits the names of the original credit context are called in its order: the orders
 * are read again, `refreshCredits()`, then `broadcastCreditUpdate(order.user_id)`; their log lines are a promise.
 * Fulfilling asks first only where every change must say why (it is one key); who comes second is told by the server
 * who was first.
 */
import { useQueryClient } from '@tanstack/react-query'
import { useCredits, useCreditsStore } from 'livecredits/react'
import { useCallback, useMemo } from 'react'
import { useActorName } from '../actors'
import { formatAmount, formatSigned } from '../amounts'
import { type Answer, asProblem, type Problem } from '../api'
import { isolated } from '../bidi'
import { refreshReads } from '../changes'
import { markOf, putMark } from '../order-board'
import { useReason } from '../reasons'
import { useSession } from '../session'
import { type Order, type OrderState, type Spent, shop } from '../shop'
import { fullTime } from '../time'
import { toastFailure, toastSuccess } from '../toasts'
import { useUnits } from '../units'

const MARK_MS = 2600
const NOT_FULFILLED = 'Failed to fulfill order'

export interface OrderActions {
  fulfil: (order: Order) => Promise<void>
  cancel: (order: Order, reason: string) => Promise<void>
  /** Resolves with the refusal where part of the credits is spent and the operator has to choose. */
  refund: (order: Order, reason: string, spent: Spent) => Promise<Problem | undefined>
}

export function useOrderActions(): OrderActions {
  const client = useQueryClient()
  const store = useCreditsStore()
  const { refreshCredits, broadcastCreditUpdate } = useCredits()
  const { operator } = useSession()
  const why = useReason()
  const { scaleOf } = useUnits()
  const who = useActorName()

  const reread = useCallback(
    (order: Order) => {
      for (const list of ['orders', 'user-orders']) void client.invalidateQueries({ queryKey: [list] })
      refreshReads(client, order.user_id)
    },
    [client],
  )

  return useMemo(() => {
    /** One step: marks the order, sends, tells. */
    async function step<T>(order: Order, state: OrderState, send: () => Promise<T>): Promise<T> {
      putMark(order.id, { phase: 'sending', state })
      try {
        const answer = await send()
        putMark(order.id, { phase: 'done', state })
        setTimeout(() => markOf(order.id)?.phase === 'done' && putMark(order.id, undefined), MARK_MS)
        return answer
      } catch (error) {
        putMark(order.id, { phase: 'refused', state, detail: asProblem(error).detail })
        throw error
      } finally {
        reread(order)
      }
    }
    const tellEverybody = async (order: Order) => {
      await refreshCredits()
      broadcastCreditUpdate(order.user_id)
    }
    const moved = (order: Order, answer: Answer) => {
      const scale = scaleOf(answer.unit)
      const signed = formatSigned(answer.amount, scale)
      return `${isolated(order.user_id)} · ${signed} · now ${formatAmount(answer.credits, scale)} · version ${answer.version}`
    }
    /** The toast goes on to say on how many of the user's screens it is shown. */
    const done = async (order: Order, answer: Answer, title: string) => {
      void import('../receipts').then(({ countReceipts }) => countReceipts(store, answer.entry))
      await tellEverybody(order)
      toastSuccess(title, moved(order, answer), undefined, answer.entry)
    }
    /** Who was first, in words: the server names an actor by its id. */
    const about = (order: Order, problem: Problem) => {
      const { fulfilled_by: by, fulfilled_at: at } = problem.document
      if (problem.code !== 'already_fulfilled' || typeof by !== 'string')
        return `Order of ${isolated(order.user_id)}`
      return `By ${who(by)}${typeof at === 'string' ? `, ${fullTime(at)}` : ''} · order of ${isolated(order.user_id)}`
    }

    const fulfilWith = async (order: Order, reason: string | undefined) => {
      try {
        const answer = await step(order, 'fulfilled', () =>
          shop.fulfil(order.id, { fulfilled_by: operator.id, reason }),
        )
        await done(order, answer, 'Order fulfilled')
      } catch (error) {
        const problem = asProblem(error)
        const again = () => void fulfilWith(order, reason)
        const retry = problem.outcomeUnknown ? again : undefined
        toastFailure(problem, NOT_FULFILLED, about(order, problem), retry)
      }
    }

    const actions: OrderActions = {
      fulfil: async (order) => {
        if (markOf(order.id)?.phase === 'sending') return
        const reason = await why(`Fulfil the order of ${isolated(order.user_id)}`)
        if (reason !== null) await fulfilWith(order, reason)
      },
      cancel: async (order, reason) => {
        try {
          await step(order, 'cancelled', () => shop.cancel(order.id, reason))
          toastSuccess('Order cancelled', `The order of ${isolated(order.user_id)} is cancelled`)
        } catch (error) {
          const problem = asProblem(error)
          toastFailure(problem, 'Failed to cancel the order', about(order, problem))
        }
      },
      refund: async (order, reason, spent) => {
        try {
          const answer = await step(order, 'refunded', () => shop.refund(order.id, { reason, spent }))
          await done(order, answer, 'Order refunded')
        } catch (error) {
          const problem = asProblem(error)
          if (problem.code === 'order_spent') {
            putMark(order.id, undefined)
            return problem
          }
          toastFailure(problem, 'Failed to refund the order', `Order of ${isolated(order.user_id)}`)
        }
        return undefined
      },
    }
    return actions
  }, [operator.id, store, refreshCredits, broadcastCreditUpdate, reread, scaleOf, who, why])
}
