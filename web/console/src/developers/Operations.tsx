/** What the API offers, read from the server's own OpenAPI document, with links to the whole of it. */
import { Button } from '@mantine/core'
import { IconBook, IconCode, IconSearchOff } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { asProblem } from '../api'
import { serverUrl } from '../base'
import { Empty } from '../components/Empty'
import { ProblemPanel } from '../components/ProblemPanel'
import { SearchField } from '../components/SearchField'
import { SkeletonRows } from '../components/SkeletonRows'
import { type Operation, readOperations } from '../installation'
import { useUrlState } from '../url'

export default function Operations() {
  const url = useUrlState()
  const search = url.get('q') ?? ''
  const read = useQuery({
    queryKey: ['operations'],
    queryFn: ({ signal }) => readOperations(signal),
    staleTime: Number.POSITIVE_INFINITY,
  })
  const problem = read.error ? asProblem(read.error) : undefined
  const found = (read.data ?? []).filter((one) => matches(one, search))
  const tags = [...new Set(found.map((one) => one.tag))]

  return (
    <>
      <div className="bar">
        <SearchField
          label="Search operations"
          placeholder="grant, vouchers, admin…"
          value={search}
          onSearch={(q) => url.patch({ q }, { replace: true })}
        />
        <div className="bar-end">
          <Button
            component="a"
            size="sm"
            variant="default"
            href={new URL('docs', serverUrl()).href}
            leftSection={<IconBook size={16} />}
          >
            Read the API
          </Button>
          <Button
            component="a"
            size="sm"
            variant="default"
            href={new URL('openapi.json', serverUrl()).href}
            leftSection={<IconCode size={16} />}
          >
            OpenAPI
          </Button>
        </div>
      </div>
      {problem && (
        <section className="card" aria-label="Problem">
          <ProblemPanel
            title="The API’s document could not be read"
            problem={problem}
            retry={() => void read.refetch()}
          />
        </section>
      )}
      {!read.data && !problem && (
        <section className="card" aria-label="Operations">
          <SkeletonRows count={6} />
        </section>
      )}
      {read.data && found.length === 0 && (
        <section className="card" aria-label="Operations">
          <Empty icon={<IconSearchOff size={22} />} title="No operation matches">
            Search by a word of the path or of what it does.
          </Empty>
        </section>
      )}
      <div className="operations">
        {tags.map((tag) => (
          <TagCard
            key={tag}
            tag={tag}
            operations={found.filter((one) => one.tag === tag)}
            open={search !== ''}
          />
        ))}
      </div>
    </>
  )
}

function matches({ method, path, summary, tag }: Operation, search: string): boolean {
  const text = `${method} ${path} ${summary} ${tag}`.toLowerCase()
  return search
    .toLowerCase()
    .split(/\s+/)
    .every((word) => text.includes(word))
}

/** Folded until somebody searches: the whole list is eight screens high. */
function TagCard({ tag, operations, open }: { tag: string; operations: Operation[]; open: boolean }) {
  return (
    <details className="card closes" open={open}>
      <summary>
        <h2>{tag}</h2>
        <span className="card-count numeral">{operations.length}</span>
      </summary>
      <ul className="operation-list">
        {operations.map((one) => (
          <Line key={`${one.method} ${one.path}`} operation={one} />
        ))}
      </ul>
    </details>
  )
}

function Line({ operation }: { operation: Operation }) {
  const needs = /Needs ([^\n]*)/.exec(operation.description)?.[1]
  return (
    <li className="operation">
      <span className="operation-call">
        <span className="method" data-method={operation.method}>
          {operation.method}
        </span>
        <code className="wrap">{operation.path}</code>
      </span>
      <span>{operation.summary}</span>
      {needs && <span className="small dimmed">Needs {needs.replaceAll('`', '')}</span>}
    </li>
  )
}
