/**
 * CSV as people have it: read with any usual separator, quotes and line ends; written so that no spreadsheet
 * mistakes a text for a formula.
 *
 * Reading names the line of what is wrong, and refuses whole what is no CSV at all. Writing makes text cells that
 * begin with = + − @ inert by an apostrophe, as the server's exports do, and reading takes it away again; numbers stay
 * plain.
 */

export interface Table {
  header: string[]
  /** The cells of each row, and the line of the file on which it began. */
  rows: { line: number; cells: string[] }[]
  separator: string
}

export type Read = { ok: true; table: Table } | { ok: false; message: string }

const COLUMNS_MOST = 50
const SEPARATORS = [',', ';', '\t', '|']
const FIRST_LINES = 4096
const AS_CSV = 'Save the sheet as CSV (UTF-8).'

export function readCsv(text: string): Read {
  const clean = text.replace(/^\uFEFF/, '')
  if (clean.trim() === '') return no('The file is empty')
  const binary = clean.indexOf('\0')
  if (binary >= 0) return no(`Line ${lineAt(clean, binary)} holds binary data. ${AS_CSV}`)
  const separator = separatorOf(clean)
  const records = split(clean, separator)
  if ('message' in records) return { ok: false, message: records.message }
  const [head, ...rest] = records
  if (!head) return no('The file is empty')
  const header = head.cells.map((cell) => cell.trim())
  if (header.length > COLUMNS_MOST) {
    return no(`Line ${head.line} has ${header.length} columns; at most ${COLUMNS_MOST} are read`)
  }
  const number = header.findIndex((cell) => /^[+\-\u2212]?\d[\d.,_ ]*$/.test(cell))
  if (number >= 0) {
    return no(
      `Line ${head.line}, column ${number + 1} is “${header[number]}”: the first line has to name the columns`,
    )
  }
  const rows = rest.filter(({ cells }) => cells.some((cell) => cell.trim() !== ''))
  const ragged = rows.find(({ cells }) => cells.length !== header.length)
  if (ragged) {
    return no(`Line ${ragged.line} has ${columns(ragged.cells.length)}, the header has ${header.length}`)
  }
  return { ok: true, table: { header, rows, separator } }
}

/**
 * The bytes of a file as a table. Text that is no UTF-8 is refused with its line, since a guessed encoding would
 * damage names without a word.
 */
export function readCsvBytes(bytes: ArrayBuffer): Read {
  try {
    return readCsv(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch {
    const text = new TextDecoder().decode(bytes)
    return no(`Line ${lineAt(text, text.indexOf('\uFFFD'))} is not UTF-8 text. ${AS_CSV}`)
  }
}

function lineAt(text: string, at: number): number {
  return text.slice(0, at).split('\n').length
}

/** The one that parts the first line into the most cells, outside quotes. */
function separatorOf(text: string): string {
  const first = text.slice(0, FIRST_LINES).replace(/"(?:[^"]|"")*"/g, '')
  const line = /^\s*([^\r\n]*)/.exec(first)?.[1] ?? ''
  const counts = SEPARATORS.map((each) => line.split(each).length)
  return SEPARATORS[counts.indexOf(Math.max(...counts))] ?? ','
}

interface Row {
  line: number
  cells: string[]
}

function split(text: string, separator: string): Row[] | { message: string } {
  const rows: Row[] = []
  let cells: string[] = []
  let line = 1
  let began = 1
  let at = 0
  const endRow = () => {
    rows.push({ line: began, cells })
    cells = []
  }
  while (at <= text.length) {
    let cell = ''
    if (text[at] === '"') {
      const opened = line
      let end = at + 1
      for (;;) {
        const quote = text.indexOf('"', end)
        if (quote < 0) return { message: `Line ${opened}: a quote is opened and never closed` }
        cell += text.slice(end, quote)
        if (text[quote + 1] !== '"') {
          at = quote + 1
          break
        }
        cell += '"'
        end = quote + 2
      }
      line += cell.split('\n').length - 1
      const after = text[at]
      if (after !== undefined && after !== separator && after !== '\n' && after !== '\r') {
        return { message: `Line ${line}: text follows a closing quote` }
      }
    } else {
      const start = at
      while (at < text.length && text[at] !== separator && text[at] !== '\n' && text[at] !== '\r') at += 1
      cell = text.slice(start, at)
    }
    cells.push(cell)
    if (at >= text.length) break
    if (text[at] === separator) {
      at += 1
      continue
    }
    if (text[at] === '\r' && text[at + 1] === '\n') at += 1
    at += 1
    line += 1
    endRow()
    began = line
    if (at === text.length) return rows
  }
  endRow()
  return rows
}

const columns = (count: number) => `${count} ${count === 1 ? 'column' : 'columns'}`

function no(message: string): Read {
  return { ok: false, message }
}

/** A text is made inert; a number, or `plain` digits that a text of ours spells, stand as they are. */
export type Cell = string | number | null | undefined | { plain: string }

/** A table as CSV: numbers plain, text inert. */
export function writeCsv(header: string[], rows: Cell[][]): string {
  return [header, ...rows]
    .map((row) => row.map(cellOf).join(','))
    .join('\r\n')
    .concat('\r\n')
}

/** A text that has such an apostrophe of its own is given another one, or it would be read as one without. */
const RUN = /^'*([\s\p{Cc}\p{Cf}]*[=+\-@＝＋－＠]|[\t\r\n])/u

/** The text of a cell that an export has made inert: `@ada` comes back as the same user. */
export function meant(cell: string): string {
  return cell.startsWith("'") && RUN.test(cell.slice(1)) ? cell.slice(1) : cell
}

function cellOf(value: Cell): string {
  if (value === null || value === undefined) return ''
  if (typeof value === 'object') return value.plain
  if (typeof value === 'number') return String(value)
  const inert = RUN.test(value) ? `'${value}` : value
  return /[",\r\n]/.test(inert) ? `"${inert.replaceAll('"', '""')}"` : inert
}

/** Gives the browser a file to save. */
export function download(name: string, text: string): void {
  const link = document.createElement('a')
  // The mark makes spreadsheets read it as UTF-8.
  link.href = URL.createObjectURL(new Blob(['\uFEFF', text], { type: 'text/csv;charset=utf-8' }))
  link.download = name
  link.click()
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000)
}
