/** Saves settings: the answer is the new truth, a toast says so, a refusal is the caller's to show. */
import { useQueryClient } from '@tanstack/react-query'
import { installation, type Kept } from '../installation'
import { useTask } from '../task'
import { toastSuccess } from '../toasts'

export function useSaving() {
  const client = useQueryClient()
  const { busy, problem, run } = useTask()
  const save = async (body: Partial<Kept>, said: string) => {
    await run(async () => {
      client.setQueryData(['settings'], await installation.putSettings(body))
      void client.invalidateQueries({ queryKey: ['reasons'] })
      toastSuccess('Settings saved', said)
    })
  }
  return { busy, problem, save }
}
