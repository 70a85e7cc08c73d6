/** Rows that are not there yet. */
import { Skeleton } from '@mantine/core'

export function SkeletonRows({ count = 8, circles = false }: { count?: number; circles?: boolean }) {
  return (
    <div className="skeletons" aria-hidden>
      {Array.from({ length: count }, (_, at) => (
        <div className="skeleton-row" key={at}>
          {circles && <Skeleton circle height={30} />}
          <Skeleton height={12} width={`${28 + ((at * 7) % 20)}%`} />
          <Skeleton height={12} width={64} ml="auto" />
        </div>
      ))}
    </div>
  )
}
