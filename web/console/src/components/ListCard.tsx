/**
 * What every list screen is: a bar of filters, the rows in a card, and the way to the next page.
 *
 * A list is being read, could not be read, is empty, or has rows; that, and the offer of what came meanwhile, is
 * told here in one way for all. It must not know what a row is. The odd thing: a failure stands above the rows that
 * were read before it, since an old list is worth more than none.
 */
import { Button } from '@mantine/core'
import { IconRefresh, IconSearch } from '@tabler/icons-react'
import type { HTMLAttributes, ReactNode, RefObject } from 'react'
import { counted } from '../amounts'
import type { Page } from '../api'
import type { List } from '../list'
import { FIRST_PAGE, type UrlState, useUrlState } from '../url'
import { Cursor } from './Cursor'
import { Empty } from './Empty'
import { ProblemPanel } from './ProblemPanel'
import { SkeletonRows } from './SkeletonRows'

interface Props<P extends Page<unknown>> {
  list: List<P>
  /** What the card is called, like `Orders`. */
  label: string
  /** One row, like `order`. */
  noun: string
  /** The newest row stands first: what is new is counted, and the foot says so. */
  newestFirst?: boolean
  /** Filters, at the beginning of the bar. */
  bar?: ReactNode
  /** What is done with the list, at the end of the bar. */
  actions?: ReactNode
  /** Stands for rows that are not there yet. */
  skeleton?: ReactNode
  /** Says why there is no row, and names the next step. */
  empty: ReactNode
  /** How many rows are shown, of how many. */
  summary?: string | undefined
  /** At the beginning of the foot. */
  foot?: ReactNode
  place?: HTMLAttributes<HTMLElement> & { ref?: RefObject<HTMLElement | null> }
  children: (page: P) => ReactNode
}

export function ListCard<P extends Page<unknown>>(props: Props<P>) {
  const { list, label, bar, actions, skeleton, empty, foot, place, children } = props
  const { page, problem, retry, showNewOrder } = list
  const url = useUrlState()
  const count = page?.items.length ?? 0
  return (
    <>
      {(bar || actions || showNewOrder) && (
        <div className="bar">
          {bar}
          {showNewOrder && (
            <Button size="sm" variant="light" leftSection={<IconRefresh size={15} />} onClick={showNewOrder}>
              {offerOf(props)}
            </Button>
          )}
          {actions && <div className="bar-end">{actions}</div>}
        </div>
      )}
      <section className="card" aria-label={label} {...place}>
        {problem && (
          <ProblemPanel
            title={`The ${label.toLowerCase()} could not be read`}
            problem={problem}
            retry={retry}
          />
        )}
        {!page && !problem && (skeleton ?? <SkeletonRows />)}
        {page && count > 0 && children(page)}
        {page && count === 0 && (isWithin(url) ? <BeyondTheEnd url={url} /> : empty)}
      </section>
      {page && count > 0 && (
        <div className="foot">
          {foot}
          <Cursor
            summary={summaryOf(props, count)}
            previous={page.previous}
            next={page.next}
            onGo={(to) => url.patch({ ...FIRST_PAGE, ...to })}
          />
        </div>
      )}
    </>
  )
}

const isWithin = (url: UrlState) => url.get('after') !== null || url.get('before') !== null

/** The rows of this page went meanwhile, or the link to it is old; the list itself may be full. */
function BeyondTheEnd({ url }: { url: UrlState }) {
  return (
    <Empty
      icon={<IconSearch size={22} />}
      title="Nothing on this page any more"
      action={
        <Button variant="default" size="sm" onClick={() => url.patch(FIRST_PAGE)}>
          Go to the first page
        </Button>
      }
    >
      The rows that stood here have gone or have moved in the list.
    </Empty>
  )
}

function offerOf<P extends Page<unknown>>({ list, noun, newestFirst }: Props<P>): string {
  if (!newestFirst || list.news === 0) return 'The list has changed: show'
  return `${counted(list.news, `new ${noun}`)}: show`
}

function summaryOf<P extends Page<unknown>>({ summary, noun, newestFirst }: Props<P>, count: number): string {
  return summary ?? `${counted(count, noun)}${newestFirst ? ', newest first' : ''}`
}
