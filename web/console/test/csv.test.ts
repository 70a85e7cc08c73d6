/** CSV as people have it, prices, spans, and what a file's rows mean: the pure parts of the shop's screens. */
import './setup'
import { describe, expect, it } from 'vitest'
import { guess, joined, planOf, totalsOf } from '../src/bulk/plan'
import { reportOf } from '../src/bulk/report'
import { meant, readCsv, readCsvBytes, type Table, writeCsv } from '../src/csv'
import { formatPrice, isCurrency, parsePrice, typedPrice } from '../src/money'
import type { BatchRowResult } from '../src/shop'
import { spanText } from '../src/spans'

const table = (text: string): Table => {
  const read = readCsv(text)
  if (!read.ok) throw new Error(read.message)
  return read.table
}
const cells = (text: string) => table(text).rows.map((row) => row.cells)

describe('reading', () => {
  it.each([
    ['a,b\n1,2\n', [['1', '2']]],
    ['\uFEFFa;b\r\n1;2\r\n', [['1', '2']]],
    ['a\tb\n1\t2', [['1', '2']]],
    ['a,b\n"x, ""y""",2\n', [['x, "y"', '2']]],
    ['"a;1";b\n1;2\n', [['1', '2']]],
    ['a,b\n1,\n', [['1', '']]],
    ['a,b\n\n,\n1,2\n', [['1', '2']]],
  ])('takes %j', (text, rows) => expect(cells(text)).toEqual(rows))

  it('counts lines as an editor does, line breaks in quotes included', () => {
    expect(table('a,b\n"x\ny",1\nz,2\n').rows.map(({ line }) => line)).toEqual([2, 4])
  })

  it.each([
    ['', 'The file is empty'],
    ['a,b\n1,2,3\n', 'Line 2 has 3 columns, the header has 2'],
    ['a,b\n"x,2\n', 'Line 2: a quote is opened and never closed'],
    ['a,b\n"x"y,2\n', 'Line 2: text follows a closing quote'],
    ['PK\0\0', 'Line 1 holds binary data. Save the sheet as CSV (UTF-8).'],
    [`a,b\n${'x,1\n'.repeat(5000)}y\0,1\n`, 'Line 5002 holds binary data. Save the sheet as CSV (UTF-8).'],
    ['ada,50\nbob,7\n', 'Line 1, column 2 is “50”: the first line has to name the columns'],
    [`${Array(51).fill('c').join(',')}\n`, 'Line 1 has 51 columns; at most 50 are read'],
  ])('refuses %j whole', (text, message) => expect(readCsv(text)).toEqual({ ok: false, message }))
})

describe('reading bytes', () => {
  const bytes = (text: string) => new TextEncoder().encode(text).buffer as ArrayBuffer

  it('takes UTF-8 with a byte-order mark', () => {
    expect(readCsvBytes(bytes('\uFEFFuser;Grund\nada;schön\n'))).toMatchObject({
      ok: true,
      table: { header: ['user', 'Grund'], rows: [{ line: 2, cells: ['ada', 'schön'] }] },
    })
  })

  it('names the line of what is no UTF-8', () => {
    const latin = new Uint8Array([...'a,b\nx,1\nsch'].map((each) => each.charCodeAt(0)).concat(0xf6, 0x6e))
    expect(readCsvBytes(latin.buffer)).toEqual({
      ok: false,
      message: 'Line 3 is not UTF-8 text. Save the sheet as CSV (UTF-8).',
    })
  })
})

describe('writing', () => {
  it.each([
    '=1',
    '+1',
    '-1',
    '@x',
    ' =1',
    '\t1',
    '\n1',
    '＝1',
    '＋1',
    '－1',
    '＠x',
    '\u200B=1',
    '\uFEFF=1',
    '\u202E=1',
    '\u001F=1',
  ])('makes %j inert', (text) => {
    expect(writeCsv(['a'], [[text]])).toContain(`'${text}`)
  })

  it('makes text inert that a spreadsheet would run, and leaves amounts plain', () => {
    expect(
      writeCsv(
        ['a', 'b'],
        [
          ['=1+1', -50],
          ['@x', { plain: '-0.50' }],
          ['+49 30', null],
          ['a"b', 'c,d'],
        ],
      ),
    ).toBe('a,b\r\n\'=1+1,-50\r\n\'@x,-0.50\r\n\'+49 30,\r\n"a""b","c,d"\r\n')
  })

  it.each(['@ada', '+4915112345678', "'@ada", "''=1", '＝1'])('reads %j back as it was', (text) => {
    const cell = cells(writeCsv(['a'], [[text]]))[0]?.[0] ?? ''
    expect(cell).toBe(`'${text}`)
    expect(meant(cell)).toBe(text)
  })

  it.each(["'tis", "'", "O'Hara", ''])('leaves %j alone', (cell) => expect(meant(cell)).toBe(cell))

  it('comes back as it was', () => {
    const rows = [
      ['x\ny', '"'],
      ['', ';'],
    ]
    expect(cells(writeCsv(['a', 'b'], rows))).toEqual(rows)
  })
})

describe('the plan of a file', () => {
  const plan = (text: string, scale = 0) => {
    const read = table(text)
    const defaults = { op: 'adjust', unit: 'credits', reason: 'Goodwill' } as const
    return planOf(read, guess(read.header), defaults, () => scale)
  }

  it('knows the usual names of columns', () => {
    expect(guess(['E-mail', 'User ID', 'Credits', 'Why', 'Valid until'])).toEqual({
      user_id: 1,
      amount: 2,
      reason: 3,
      expires_at: 4,
    })
  })

  it.each([
    ['2027-11-12', '2027-11-12T00:00:00.000Z'],
    ['2027-11-12T10:00:00+02:00', '2027-11-12T08:00:00.000Z'],
    ['2027-11-12 10:00:00z', '2027-11-12T10:00:00.000Z'],
    ['12.11.2027', undefined],
    ['2026-02-30', undefined],
    ['5', undefined],
    ['forever 7', undefined],
    ['2027-11-12T25:00:00Z', undefined],
  ])('guesses no time: %s is %s', (text, at) => {
    const { rows, unreadable } = plan(`user_id,amount,op,expires_at\nada,5,grant,${text}\n`)
    expect([rows[0]?.expires_at, unreadable.length]).toEqual([at, at ? 0 : 1])
  })

  it('guesses no groups of digits', () => {
    expect(plan('user_id;amount\nada;1,000\n').unreadable).toHaveLength(1)
  })

  it('numbers rows by their line and fills in what the file does not say', () => {
    expect(plan('user_id,amount,op\nada,+50,\nbob,200,SET\n').rows).toEqual([
      { row: 2, user_id: 'ada', op: 'adjust', amount: 50, unit: 'credits', reason: 'Goodwill' },
      { row: 3, user_id: 'bob', op: 'set', amount: 200, unit: 'credits', reason: 'Goodwill' },
    ])
  })

  it('knows the users of an export again', () => {
    const [row] = plan("user_id,amount,label\n'@ada,5,'+5\n").rows
    expect(row).toMatchObject({ user_id: '@ada', label: '+5' })
  })

  it.each([
    ['user_id,amount\n,5\n', 'user_id', 'No user'],
    ['user_id,amount\nada,\n', 'amount', 'No amount'],
    ['user_id,amount\nada,1.5\n', 'amount', '“1.5”: whole numbers only'],
    ['user_id,amount\nada,0\n', 'amount', 'An adjustment of 0 changes nothing'],
    ['user_id,amount,op\nada,5,gift\n', 'op', '“gift” is none of adjust, set, grant'],
    ['user_id,amount,op\nada,-5,grant\n', 'amount', 'A grant adds more than 0'],
    [
      'user_id,amount,until\nada,5,soon\n',
      'until',
      '“soon” is no day like 2026-12-31 and no time like 2026-12-31T12:00:00Z',
    ],
  ])('names line and column of what is wrong in %j', (text, column, message) => {
    expect(plan(text)).toMatchObject({ rows: [], unreadable: [{ line: 2, column, message }] })
  })

  it('reads decimals as far as the unit has them', () => {
    expect(plan('user_id,amount\nada,1.5\n', 2).rows[0]?.amount).toBe(150)
  })
})

const result = (more: Partial<BatchRowResult>): BatchRowResult => ({
  row: 2,
  user_id: 'ada',
  op: 'adjust',
  amount: 10,
  unit: 'credits',
  ok: true,
  before: 100,
  after: 110,
  ...more,
})

describe('results', () => {
  it('add up what the accepted rows move', () => {
    const rows = [
      result({}),
      result({ before: 50, after: 20 }),
      result({ before: null, after: 5 }),
      result({ ok: false, after: null }),
    ]
    expect(totalsOf(rows)).toEqual([{ unit: 'credits', added: 15, taken: 30, net: -15 }])
  })

  it('carry over from one chunk of a preview to the next, until a set', () => {
    const first = [result({})]
    const second = [
      result({ row: 3 }),
      result({ row: 4, op: 'set', before: 110, after: 7 }),
      result({ row: 5, before: 7, after: 17 }),
    ]
    expect(joined([first, second]).map(({ before, after }) => [before, after])).toEqual([
      [100, 110],
      [110, 120],
      [120, 7],
      [7, 17],
    ])
  })

  it('are told in the report by line, unreadable ones too', () => {
    const report = reportOf(
      [result({ row: 3, user_id: '=cmd', ok: false, after: null, code: 'not_found', detail: 'No user.' })],
      [{ line: 2, column: 'amount', message: '“x”: type a number' }],
      () => 2,
      false,
    )
    expect(report.split('\r\n').slice(1)).toEqual([
      '2,,,,,unreadable,,,,,amount: “x”: type a number',
      "3,'=cmd,credits,adjust,0.10,refused,1.00,,,not_found,No user.",
      '',
    ])
  })
})

describe('prices', () => {
  it.each([
    [900, 'EUR', '€9.00', '9.00'],
    [900, 'JPY', '¥900', '900'],
    [12_345, 'KWD', 'KWD 12.345', '12.345'],
    [5, 'USD', '$0.05', '0.05'],
  ])('%d %s reads %s', (minor, currency, text, typed) => {
    expect(formatPrice(minor, currency).replace(/\s/g, ' ')).toBe(text)
    expect(typedPrice(minor, currency)).toBe(typed)
    expect(parsePrice(typed, currency)).toEqual({ ok: true, value: minor })
  })

  it('are not negative, and have no more places than the currency', () => {
    expect(parsePrice('-1', 'EUR').ok).toBe(false)
    expect(parsePrice('1.5', 'JPY').ok).toBe(false)
    expect(isCurrency('EURO')).toBe(false)
  })
})

it.each([
  [604_800, '1 week'],
  [2 * 86_400, '2 days'],
  [5400, '90 minutes'],
  [1, '1 second'],
])('%d seconds are %s', (seconds, text) => expect(spanText(seconds)).toBe(text))
