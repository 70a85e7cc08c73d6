/** The processes that serve this installation, where there are several: who is there, and how far behind the others. */
import { Badge } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { Ago } from '../components/Ago'
import { Card } from '../components/Card'
import { installation, type Node } from '../installation'

const AGAIN_MS = 5_000
/** A commit of another node is on the screens of this one within so long; the poll alone takes a quarter of a second. */
const BEHIND_MS = 1_000

const count = new Intl.NumberFormat()

export function NodesCard() {
  const read = useQuery({
    queryKey: ['nodes'],
    queryFn: ({ signal }) => installation.nodes(signal),
    refetchInterval: AGAIN_MS,
  })
  const nodes = read.data?.items ?? []
  if (nodes.length < 2 && !nodes.some((node) => node.not_ready)) return null
  return (
    <Card title="Nodes" count={nodes.length}>
      <table className="rows nodes">
        <caption className="visually-hidden">Nodes</caption>
        <thead>
          <tr>
            <th scope="col">Node</th>
            <th scope="col" className="only-wide">
              Version
            </th>
            <th scope="col" className="only-wide">
              Running
            </th>
            <th scope="col" className="end">
              Connections
            </th>
            <th scope="col" className="end">
              Behind
            </th>
          </tr>
        </thead>
        <tbody>
          {nodes.map((node) => (
            <tr key={node.node}>
              <td>
                <span className="node-name">
                  {node.node} <State node={node} />
                </span>
                {node.not_ready && <p className="hint">{node.not_ready}</p>}
              </td>
              <td className="only-wide">{node.version}</td>
              <td className="only-wide">
                since <Ago at={node.started_at} />
              </td>
              <td className="numeral end">{count.format(node.screens)}</td>
              <td className="numeral end">{count.format(node.lag_ms)} ms</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Card>
  )
}

function State({ node }: { node: Node }) {
  if (node.draining) return <Badge color="gray">going</Badge>
  if (node.not_ready) return <Badge color="red">not ready</Badge>
  if (node.lag_ms > BEHIND_MS) return <Badge color="orange">behind</Badge>
  return node.is_this ? <Badge variant="outline">answers you</Badge> : null
}
