/**
 * An app as it was written for the original credit context: its users page and its credit display, with
 * nothing imported but the nine names. It must compile and work unchanged; that is the promise to
 * everybody who has such an app.
 *
 * The odd one: `api` and `toast` are parameters only so that a test can stand in for both. The two
 * components are the original's own code.
 */
import { useEffect, useState } from 'react'
import { type CreditContextType, useCredits } from '../src/react.js'

export interface User {
  readonly id: string
  readonly credits: number
}

export interface Api {
  updateUserCredits(userId: string, credits: number): Promise<{ error?: { detail?: string } }>
}

export interface Toast {
  success(text: string): void
  error(text: string): void
}

const useOriginalContext = (): CreditContextType => useCredits()

export function UsersPage({ initial, api, toast }: { initial: readonly User[]; api: Api; toast: Toast }) {
  const [users, setUsers] = useState(initial)
  const { refreshCurrentUserCredits, broadcastCreditUpdate } = useOriginalContext()

  const setCredits = (userId: string, credits: number) =>
    setUsers((prev) => prev.map((user) => (user.id === userId ? { ...user, credits } : user)))

  const handleCreditsChange = async (userId: string, newCredits: number) => {
    const before = users.find((user) => user.id === userId)?.credits ?? 0
    setCredits(userId, newCredits)
    try {
      const { error } = await api.updateUserCredits(userId, newCredits)

      if (error) throw new Error(error.detail || 'Failed to update user credits')

      // Refresh credits for the updated user
      await refreshCurrentUserCredits()

      // Broadcast the credit update to all components
      broadcastCreditUpdate(userId)

      toast.success('User credits updated successfully')
    } catch (error) {
      setCredits(userId, before)
      toast.error((error as Error).message)
    }
  }

  return (
    <ul>
      {users.map((user) => (
        <li key={user.id}>
          <output aria-label={`credits of ${user.id}`}>{user.credits}</output>
          <button type="button" onClick={() => handleCreditsChange(user.id, 200)}>
            set {user.id} to 200
          </button>
        </li>
      ))}
    </ul>
  )
}

export function CreditDisplay() {
  const { credits, loading, registerCreditUpdateCallback } = useOriginalContext()

  useEffect(() => {
    // Register callback to listen for credit updates from admin actions
    const unregister = registerCreditUpdateCallback((userId) => {
      console.log(`💳 CreditDisplay: Received credit update for user ${userId}`)
      // The credits will be automatically refreshed by the CreditContext
    })

    return unregister
  }, [registerCreditUpdateCallback])

  return <output aria-label="my credits">{loading ? '…' : credits}</output>
}
