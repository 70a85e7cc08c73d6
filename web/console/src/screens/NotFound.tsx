/** An address that no screen has. */
import { Button } from '@mantine/core'
import { IconMapQuestion } from '@tabler/icons-react'
import { Link } from 'wouter'
import { Empty } from '../components/Empty'
import { PageHead } from '../components/PageHead'

export function NotFound() {
  return (
    <>
      <PageHead title="Not found" />
      <section className="card" aria-label="Not found">
        <Empty
          icon={<IconMapQuestion size={22} />}
          title="There is nothing at this address"
          action={
            <Button component={Link} href="/users" size="sm" variant="default">
              Go to Users
            </Button>
          }
        >
          The link may be older than this version of the console.
        </Empty>
      </section>
    </>
  )
}
