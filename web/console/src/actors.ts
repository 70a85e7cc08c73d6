/**
 * What people call an actor: `operator:op_…` is a colleague, `service:key_…` a key with a name.
 *
 * Only admins may list operators and keys; for everybody else, and for actors that are gone, a long id is
 * shortened to its end, which is what tells two of them apart.
 */
import { useQuery } from '@tanstack/react-query'
import { api } from './api'
import { isolated } from './bidi'
import { useSession } from './session'

const MINUTES_5 = 5 * 60_000
const LONG = 16

export function useActorName(): (actor: string) => string {
  const { operator } = useSession()
  const names = useNames()
  return (actor) => {
    if (actor === `operator:${operator.id}`) return `${isolated(operator.name)} (you)`
    return isolated(names?.get(actor) ?? shortened(actor))
  }
}

/** The same for the target of an audit row; nothing where it is no colleague and no key that has a name. */
export function useTargetName(): (target: string) => string | undefined {
  const names = useNames()
  return (target) => names?.get(`operator:${target}`) ?? names?.get(`service:${target}`)
}

function useNames(): Map<string, string> | undefined {
  const { mayAdminister } = useSession()
  const { data } = useQuery({
    queryKey: ['actors'],
    queryFn: async ({ signal }) => {
      const [operators, keys] = await Promise.all([api.operators(signal), api.keys(signal)])
      return new Map<string, string>([
        ...operators.items.map(({ id, name }) => [`operator:${id}`, name] as const),
        ...keys.items.map(({ id, name }) => [`service:${id}`, name] as const),
      ])
    },
    enabled: mayAdminister,
    staleTime: MINUTES_5,
    retry: false,
  })
  return data
}

/** `service:key_01a2071e…8436a` → `service …a8436a`. */
export function shortened(actor: string): string {
  const [kind = '', id = ''] = actor.split(/:(.*)/s)
  return `${kind} ${id.length > LONG ? `…${id.slice(-6)}` : id}`.trim()
}
