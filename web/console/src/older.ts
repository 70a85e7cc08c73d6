/**
 * What an answer lacks that an older node has given, and what stands in for it.
 *
 * While nodes are upgraded one after the other, a page from a new node is answered by old ones too. A field that has
 * come since is named at its route with the value that says what the old node meant; so no screen has to think of
 * it, and what is no longer needed is found in one place. It knows no route. The odd thing: one element stands for
 * every element of a list.
 */

/** Some of an answer's fields, at any depth. */
export type Part<T> = T extends readonly (infer Row)[]
  ? readonly [Part<Row>]
  : T extends object
    ? { readonly [Name in keyof T]?: Part<T[Name]> }
    : T

type Fields = Readonly<Record<string, unknown>>
const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** The answer with every field that it lacks. What it has stays, null included. */
export function completed<T>(answer: T, lacking: Part<T>): T {
  return filled(answer, lacking) as T
}

function filled(value: unknown, lacking: unknown): unknown {
  if (value === undefined) return lacking
  if (Array.isArray(value) && Array.isArray(lacking)) return value.map((each) => filled(each, lacking[0]))
  if (!isFields(value) || !isFields(lacking)) return value
  const more = Object.entries(lacking).map(([name, part]) => [name, filled(value[name], part)])
  return { ...value, ...Object.fromEntries(more) }
}
