/** Saves settings: the answer is the new truth, a toast says so, a refusal is the caller's to show. */
import { useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { asProblem, type Problem } from '../api'
import { installation, type Kept } from '../installation'
import { toastSuccess } from '../toasts'

export function useSaving() {
  const client = useQueryClient()
  const [busy, setBusy] = useState(false)
  const [problem, setProblem] = useState<Problem>()
  const save = async (body: Partial<Kept>, said: string) => {
    setBusy(true)
    setProblem(undefined)
    try {
      client.setQueryData(['settings'], await installation.putSettings(body))
      void client.invalidateQueries({ queryKey: ['reasons'] })
      toastSuccess('Settings saved', said)
    } catch (error) {
      setProblem(asProblem(error))
    } finally {
      setBusy(false)
    }
  }
  return { busy, problem, save }
}
