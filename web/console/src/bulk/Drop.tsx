/** Where a list comes in: dropped, chosen, or pasted. Says at once what cannot be read, and on which line. */
import { Button, FileButton, Group, Text, Textarea } from '@mantine/core'
import { IconAlertTriangle, IconFileSpreadsheet, IconUpload } from '@tabler/icons-react'
import { type DragEvent, useState } from 'react'
import { announce } from '../announce'
import { download, type Read, readCsv, readCsvBytes, type Table, writeCsv } from '../csv'

const BYTES_MAX = 20 * 1024 * 1024
const ROWS_MAX = 100_000
const EXAMPLE = writeCsv(
  ['user_id', 'amount', 'op', 'reason'],
  [
    ['ada', 50, 'adjust', 'Goodwill'],
    ['grace', 100, 'grant', 'Promotion'],
    ['alan', 200, 'set', 'Correction'],
  ],
)

interface Props {
  onTable: (name: string, table: Table) => void
}

export function Drop({ onTable }: Props) {
  const [over, setOver] = useState(false)
  const [pasted, setPasted] = useState('')
  const [wrong, setWrong] = useState<string>()
  const refuse = (message: string) => {
    setWrong(message)
    announce(message)
  }
  const take = (name: string, read: Read) => {
    if (!read.ok) return refuse(read.message)
    const count = read.table.rows.length
    if (count === 0) return refuse('There is a header and no row below it')
    if (count > ROWS_MAX) return refuse(`${count.toLocaleString()} rows: ${TOO_LARGE}`)
    onTable(name, read.table)
  }
  const takeFile = async (file: File | null) => {
    if (!file) return
    if (file.size > BYTES_MAX) return refuse(`${file.name} is larger than 20 MB: ${TOO_LARGE}`)
    // A larger file was refused by its size alone: nothing of it has been read.
    const bytes = await file.arrayBuffer().catch(() => undefined)
    if (bytes) take(file.name, readCsvBytes(bytes))
    else refuse(`${file.name} cannot be read. Has it been moved or deleted?`)
  }
  const drop = (event: DragEvent) => {
    event.preventDefault()
    setOver(false)
    void takeFile(event.dataTransfer.files[0] ?? null)
  }

  return (
    <section className="card" aria-label="List of changes">
      {/* biome-ignore lint/a11y/noStaticElementInteractions: dropping is extra; the button does the same by keyboard */}
      <div
        className="drop"
        data-over={over || undefined}
        onDragOver={(event) => {
          event.preventDefault()
          setOver(true)
        }}
        onDragLeave={() => setOver(false)}
        onDrop={drop}
      >
        <div className="empty-icon" aria-hidden>
          <IconFileSpreadsheet size={22} />
        </div>
        <Text fw={600}>Drop a CSV file here</Text>
        <Text size="sm" c="dimmed" maw={460}>
          With a header and one change per row: the user, the amount, and if wanted operation, unit, reason,
          label and expiry. Nothing changes before you have seen what every row would do.
        </Text>
        <Group gap="xs" mt="xs" justify="center">
          <FileButton accept=".csv,.tsv,.txt,text/csv" onChange={(file) => void takeFile(file)}>
            {(props) => (
              <Button {...props} size="sm" leftSection={<IconUpload size={16} />}>
                Choose a file
              </Button>
            )}
          </FileButton>
          <Button size="sm" variant="default" onClick={() => download('example.csv', EXAMPLE)}>
            Example
          </Button>
        </Group>
      </div>
      {wrong && (
        <section className="problem" aria-label="The list could not be read">
          <IconAlertTriangle size={20} aria-hidden className="problem-icon" />
          <div>
            <Text fw={600}>The list could not be read</Text>
            <Text size="sm">{wrong}</Text>
          </div>
        </section>
      )}
      <form
        className="card-body"
        onSubmit={(event) => {
          event.preventDefault()
          take('Pasted rows', readCsv(pasted))
        }}
      >
        <Textarea
          label="Or paste rows, with their header"
          placeholder={'user_id,amount\nada,50'}
          autosize
          minRows={3}
          maxRows={12}
          classNames={{ input: 'mono' }}
          value={pasted}
          onChange={(event) => setPasted(event.currentTarget.value)}
        />
        <Button type="submit" mt="xs" size="sm" variant="default" disabled={pasted.trim() === ''}>
          Use these rows
        </Button>
      </form>
    </section>
  )
}

const TOO_LARGE = 'use “livecredits import”, which streams files of any length'
