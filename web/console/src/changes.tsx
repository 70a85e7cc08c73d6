/**
 * Making changes: the value on the screen at once, the request, then the toast, Undo or the conflict dialogue.
 *
 * After every change of a balance the names of the original credit context are called in its order: refresh,
 * then broadcast (their log lines are a promise). A set is guarded by If-Match with the version that the
 * operator saw; a 412 asks instead of overwriting. An adjustment is right whatever happened meanwhile, so it
 * is not guarded.
 */
import { type QueryClient, useQueryClient } from '@tanstack/react-query'
import { useCredits, useCreditsStore } from 'livecredits/react'
import {
  createContext,
  lazy,
  type ReactNode,
  Suspense,
  use,
  useCallback,
  useMemo,
  useRef,
  useState,
} from 'react'
import { type Edit, formatAmount, outcome } from './amounts'
import { type Answer, api, asProblem, type Problem } from './api'
import { clearLayer, putLayer } from './board'
import { toastFailure, toastSuccess } from './toasts'

/** The account somebody changes, as they saw it when they began. */
export interface Target {
  user: string
  /** What people call the user. */
  name: string
  unit: string
  scale: number
  credits: number
  version: number
}

export type Wish = Edit | { verb: 'grant'; amount: number; expiresAt?: string | undefined }

export interface Conflict {
  target: Target
  credits: number
  reason: string
  now: { credits: number; version: number }
}

export type Outcome = 'done' | 'refused' | 'conflict'

export interface Changes {
  change: (target: Target, wish: Wish, reason: string) => Promise<Outcome>
  /** Takes an entry back by its counter-entry. */
  reverse: (target: Target, entry: { entry: string; amount: number }, reason: string) => Promise<Outcome>
  /** Any other change of this user's account: same toasts, no value shown ahead. */
  run: (target: Target, title: string, send: () => Promise<Answer>) => Promise<Outcome>
}

const ConflictDialog = lazy(() => import('./components/ConflictDialog'))

const UPDATED = 'User credits updated successfully'
const NOT_UPDATED = 'Failed to update user credits'

const ChangesContext = createContext<Changes | null>(null)

export function useChanges(): Changes {
  const changes = use(ChangesContext)
  if (changes === null) throw new Error('useChanges outside of ChangesProvider')
  return changes
}

export function ChangesProvider({ children }: { children: ReactNode }) {
  const [conflict, setConflict] = useState<Conflict | null>(null)
  const client = useQueryClient()
  const store = useCreditsStore()
  const { refreshCurrentUserCredits, broadcastCreditUpdate } = useCredits()
  const self = useRef<Changes | null>(null)

  const tellEverybody = useCallback(
    async (user: string) => {
      await refreshCurrentUserCredits()
      broadcastCreditUpdate(user)
      refreshReads(client, user)
    },
    [refreshCurrentUserCredits, broadcastCreditUpdate, client],
  )

  const changes = useMemo<Changes>(() => {
    // Loaded after the ✓: counting screens may not hold it up.
    const count = (answer: Answer) =>
      void import('./receipts').then(({ countReceipts }) => countReceipts(store, answer.entry))

    const current = (target: Target) =>
      store.getWatched(target.user, target.unit)?.available ?? target.credits

    const undo = (target: Target, answer: Answer) => ({
      label: 'Undo',
      run: () => void self.current?.reverse(target, answer, `Undo of version ${answer.version}`),
    })

    const change = async (target: Target, wish: Wish, reason: string): Promise<Outcome> => {
      const from = current(target)
      const to = wish.verb === 'grant' ? from + wish.amount : outcome(wish, from)
      clearLayer(target.user, target.unit)
      const layer = putLayer(target.user, target.unit, from, to)
      try {
        const answer = await send(target, wish, reason)
        layer.confirm(answer)
        count(answer)
        await tellEverybody(target.user)
        toastSuccess(UPDATED, moved(target, answer), undo(target, answer), answer.entry)
        return 'done'
      } catch (error) {
        const problem = asProblem(error)
        if (problem.status === 412 && wish.verb === 'set') {
          layer.drop()
          setConflict({ target, credits: wish.credits, reason, now: nowFrom(problem, from) })
          return 'conflict'
        }
        layer.refuse(problem)
        const again = () => void self.current?.change(target, wish, reason)
        toastFailure(problem, NOT_UPDATED, target.name, problem.outcomeUnknown ? again : undefined)
        return 'refused'
      }
    }

    const reverse: Changes['reverse'] = async (target, entry, reason) => {
      const from = current(target)
      clearLayer(target.user, target.unit)
      const layer = putLayer(target.user, target.unit, from, from - entry.amount)
      try {
        const answer = await api.reverse(entry.entry, { reason })
        layer.confirm(answer)
        count(answer)
        await tellEverybody(target.user)
        toastSuccess('Change reversed', moved(target, answer), undefined, answer.entry)
        return 'done'
      } catch (error) {
        const problem = asProblem(error)
        layer.refuse(problem)
        const again = () => void self.current?.reverse(target, entry, reason)
        toastFailure(
          problem,
          'Failed to reverse the change',
          target.name,
          problem.outcomeUnknown ? again : undefined,
        )
        return 'refused'
      }
    }

    const run: Changes['run'] = async (target, title, request) => {
      try {
        const answer = await request()
        count(answer)
        await tellEverybody(target.user)
        const now = formatAmount(answer.credits, target.scale)
        const said = `${target.name} · now ${now} · version ${answer.version}`
        toastSuccess(title, said, undefined, answer.entry)
        return 'done'
      } catch (error) {
        const problem = asProblem(error)
        const again = () => void self.current?.run(target, title, request)
        toastFailure(problem, NOT_UPDATED, target.name, problem.outcomeUnknown ? again : undefined)
        return 'refused'
      }
    }

    return { change, reverse, run }
  }, [store, tellEverybody])
  self.current = changes

  const applyAnyway = (found: Conflict) => {
    setConflict(null)
    const target = { ...found.target, credits: found.now.credits, version: found.now.version }
    void changes.change(target, { verb: 'set', credits: found.credits }, found.reason)
  }
  const reload = (found: Conflict) => {
    setConflict(null)
    refreshReads(client, found.target.user)
  }

  return (
    <ChangesContext value={changes}>
      {children}
      <Suspense>
        {conflict && <ConflictDialog conflict={conflict} onApply={applyAnyway} onReload={reload} />}
      </Suspense>
    </ChangesContext>
  )
}

function send(target: Target, wish: Wish, reason: string): Promise<Answer> {
  const body = { unit: target.unit, reason }
  switch (wish.verb) {
    case 'set':
      return api.setCredits(target.user, wish.credits, body, target.version)
    case 'adjust':
      return api.adjust(target.user, wish.amount, body)
    case 'grant':
      return api.grant(target.user, wish.amount, {
        ...body,
        ...(wish.expiresAt === undefined ? {} : { expires_at: wish.expiresAt }),
      })
  }
}

/** What lists and pages read by HTTP; the balances themselves are pushed. */
export function refreshReads(client: QueryClient, user: string): void {
  for (const list of ['user', 'history', 'holds', 'chart']) {
    void client.invalidateQueries({ queryKey: [list, user] })
  }
}

function moved(target: Target, answer: Answer): string {
  const before = formatAmount(answer.credits - answer.amount, target.scale)
  const after = formatAmount(answer.credits, target.scale)
  return `${target.name} · ${before} → ${after} · version ${answer.version}`
}

function nowFrom(problem: Problem, fallback: number): Conflict['now'] {
  const version = problem.document['version']
  const balance = problem.document['balance'] as { available?: number } | undefined
  return {
    version: typeof version === 'number' ? version : 0,
    credits: typeof balance?.available === 'number' ? balance.available : fallback,
  }
}
