/**
 * Makes a campaign: what a redemption grants, which codes, who may redeem them and when.
 *
 * Up to 100,000 codes are made in one request; meanwhile the form reads how many exist already, since a bar that
 * only turns says nothing. The request carries one key, so trying again after a lost answer makes no second set.
 */
import {
  Button,
  Group,
  Modal,
  NumberInput,
  Progress,
  SegmentedControl,
  Select,
  Stack,
  Switch,
  Text,
  Textarea,
  TextInput,
} from '@mantine/core'
import { useQueryClient } from '@tanstack/react-query'
import { type FormEvent, useEffect, useRef, useState } from 'react'
import { counted, formatAmount, parseAmount } from '../amounts'
import { ProblemPanel } from '../components/ProblemPanel'
import { IN_PLACE } from '../components/ReasonInput'
import { SpanSelect } from '../components/SpanSelect'
import { useOnline } from '../live'
import { useReason } from '../reasons'
import { type Campaign, type CampaignBody, shop } from '../shop'
import { useTask } from '../task'
import { toastSuccess } from '../toasts'
import { useUnits } from '../units'

export const CODES_MOST = 100_000
const POLL_MS = 500
const PREFIX = /^[A-Z0-9]{0,12}$/
const WORD = /^[A-Z0-9][A-Z0-9-]{3,}$/

interface Props {
  onClose: () => void
  onMade: (campaign: Campaign) => void
}

export default function CampaignForm({ onClose, onMade }: Props) {
  return (
    <Modal
      opened
      onClose={onClose}
      size="lg"
      title="New campaign"
      closeButtonProps={{ 'aria-label': 'Close' }}
      closeOnClickOutside={false}
    >
      <Form onClose={onClose} onMade={onMade} />
    </Modal>
  )
}

interface Fields {
  name: string
  label: string
  credits: string
  unit: string
  validity: number | null
  kind: 'codes' | 'word'
  codes: number | string
  prefix: string
  word: string
  starts: string
  ends: string
  perCode: number | string
  perUser: number | string
  users: string
  welcome: boolean
}

const EMPTY: Fields = {
  name: '',
  label: '',
  credits: '',
  unit: 'credits',
  validity: null,
  kind: 'codes',
  codes: 100,
  prefix: '',
  word: '',
  starts: '',
  ends: '',
  perCode: 1,
  perUser: 1,
  users: '',
  welcome: false,
}

/** The ids in a list that somebody pasted: by line, comma or semicolon. */
export function idsOf(text: string): string[] {
  return [...new Set(text.split(/[\n,;]+/).map((id) => id.trim()))].filter(Boolean)
}

function errorsOf(fields: Fields, scale: number): Partial<Record<keyof Fields, string>> {
  const errors: Partial<Record<keyof Fields, string>> = {}
  const amount = parseAmount(fields.credits, scale)
  if (fields.name.trim() === '') errors.name = 'A name is needed'
  if (!amount.ok) errors.credits = amount.message
  else if (amount.value <= 0) errors.credits = 'More than 0'
  if (fields.kind === 'word') {
    if (!WORD.test(fields.word) || fields.word.replaceAll('-', '').length > 15)
      errors.word = '4 to 15 letters and digits, like WELCOME10'
  } else {
    const codes = Number(fields.codes)
    if (!(codes >= 1 && codes <= CODES_MOST)) errors.codes = `Between 1 and ${formatAmount(CODES_MOST)}`
    if (!PREFIX.test(fields.prefix)) errors.prefix = 'Up to 12 letters and digits'
    if (fields.welcome && codes !== 1) errors.welcome = 'A welcome campaign has one word, or one code'
  }
  if (fields.starts && fields.ends && fields.ends <= fields.starts) errors.ends = 'Later than the beginning'
  return errors
}

function bodyOf(fields: Fields, scale: number): CampaignBody {
  const amount = parseAmount(fields.credits, scale)
  const users = idsOf(fields.users)
  const limit = (value: number | string) => (value === '' ? null : Number(value))
  return {
    name: fields.name.trim(),
    ...(fields.label.trim() ? { label: fields.label.trim() } : {}),
    credits: amount.ok ? amount.value : 0,
    unit: fields.unit,
    validity_s: fields.validity,
    starts_at: fields.starts ? new Date(fields.starts).toISOString() : null,
    ends_at: fields.ends ? new Date(fields.ends).toISOString() : null,
    max_per_code: limit(fields.perCode),
    max_per_user: limit(fields.perUser),
    allowed_users: users.length > 0 ? users : null,
    welcome: fields.welcome,
    ...(fields.kind === 'word'
      ? { word: fields.word }
      : { codes: Number(fields.codes), ...(fields.prefix ? { prefix: fields.prefix } : {}) }),
  }
}

function Form({ onClose, onMade }: Props) {
  const client = useQueryClient()
  const online = useOnline()
  const why = useReason()
  const { units, scaleOf } = useUnits()
  const [fields, setFields] = useState<Fields>(EMPTY)
  const [tried, setTried] = useState(false)
  const { busy, problem, run } = useTask()
  const stillOpen = useStillOpen()
  const scale = scaleOf(fields.unit)
  const found = errorsOf(fields, scale)
  const errors: typeof found = tried ? found : {}
  const set = (changes: Partial<Fields>) => setFields((before) => ({ ...before, ...changes }))
  const users = idsOf(fields.users)

  const submit = async (event: FormEvent) => {
    event.preventDefault()
    setTried(true)
    if (Object.keys(found).length > 0) return
    const reason = await why('Why this campaign?')
    if (reason === null) return
    await run(async () => {
      const made = await shop.addCampaign({ ...bodyOf(fields, scale), reason })
      void client.invalidateQueries({ queryKey: ['campaigns'] })
      const codes = made.word ? `code ${made.word}` : `${formatAmount(made.funnel.codes)} codes`
      toastSuccess('Campaign made', `${made.name}: ${codes}`)
      if (stillOpen()) onMade(made)
    })
  }

  return (
    <form onSubmit={submit} noValidate>
      <Stack gap="sm">
        <div className="fields">
          <TextInput
            label="Name"
            description="For operators"
            data-autofocus
            autoComplete="off"
            maxLength={200}
            value={fields.name}
            error={errors.name}
            onChange={(event) => set({ name: event.currentTarget.value })}
          />
          <TextInput
            label="Label"
            description="What users read in their history"
            autoComplete="off"
            maxLength={200}
            value={fields.label}
            onChange={(event) => set({ label: event.currentTarget.value })}
          />
        </div>
        <div className="fields">
          <TextInput
            label="Credits per redemption"
            autoComplete="off"
            inputMode="decimal"
            classNames={{ input: 'numeral' }}
            value={fields.credits}
            error={errors.credits}
            onChange={(event) => set({ credits: event.currentTarget.value })}
          />
          {units.length > 1 && (
            <Select
              label="Unit"
              allowDeselect={false}
              comboboxProps={IN_PLACE}
              data={units.map((each) => each.name)}
              value={fields.unit}
              onChange={(unit) => unit && set({ unit })}
            />
          )}
          <SpanSelect
            label="Credits last"
            value={fields.validity}
            onChange={(validity) => set({ validity })}
          />
        </div>
        <SegmentedControl
          aria-label="Which codes"
          fullWidth
          value={fields.kind}
          data={[
            { value: 'codes', label: 'Generated codes' },
            { value: 'word', label: 'One word' },
          ]}
          onChange={(kind) => set({ kind: kind as Fields['kind'], perCode: kind === 'word' ? '' : 1 })}
        />
        {fields.kind === 'codes' ? (
          <div className="fields">
            <NumberInput
              label="How many codes"
              hideControls
              thousandSeparator=","
              allowDecimal={false}
              allowNegative={false}
              value={fields.codes}
              error={errors.codes}
              onChange={(codes) => set({ codes })}
            />
            <TextInput
              label="Prefix"
              placeholder="SUMMER"
              autoComplete="off"
              maxLength={12}
              value={fields.prefix}
              error={errors.prefix}
              onChange={(event) => set({ prefix: event.currentTarget.value.toUpperCase() })}
            />
          </div>
        ) : (
          <TextInput
            label="Word"
            placeholder="WELCOME10"
            autoComplete="off"
            maxLength={24}
            value={fields.word}
            error={errors.word}
            onChange={(event) => set({ word: event.currentTarget.value.toUpperCase().trim() })}
          />
        )}
        <div className="fields">
          <TextInput
            type="datetime-local"
            label="From"
            description="Empty: at once"
            value={fields.starts}
            onChange={(event) => set({ starts: event.currentTarget.value })}
          />
          <TextInput
            type="datetime-local"
            label="Until"
            description="Empty: without end"
            value={fields.ends}
            error={errors.ends}
            onChange={(event) => set({ ends: event.currentTarget.value })}
          />
        </div>
        <div className="fields">
          <NumberInput
            label="Redemptions per code"
            description="Empty: no limit"
            hideControls
            min={1}
            allowDecimal={false}
            value={fields.perCode}
            onChange={(perCode) => set({ perCode })}
          />
          <NumberInput
            label="Redemptions per user"
            description="Empty: no limit"
            hideControls
            min={1}
            allowDecimal={false}
            value={fields.perUser}
            onChange={(perUser) => set({ perUser })}
          />
        </div>
        <Textarea
          label="Allowed users"
          description={
            users.length > 0
              ? `${counted(users.length, 'user')}; others are told that there is no such code`
              : 'Ids, one per line; empty: everybody'
          }
          autosize
          minRows={2}
          maxRows={6}
          value={fields.users}
          onChange={(event) => set({ users: event.currentTarget.value })}
        />
        <Switch
          label="Welcome: given to every new user at the first appearance"
          checked={fields.welcome}
          error={errors.welcome}
          onChange={(event) => set({ welcome: event.currentTarget.checked })}
        />
        {problem && <ProblemPanel title="The campaign was not made" problem={problem} />}
        {busy && fields.kind === 'codes' && (
          <Making name={fields.name.trim()} wanted={Number(fields.codes)} />
        )}
        <Group justify="flex-end" gap="sm">
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
          <Button type="submit" loading={busy} disabled={!online}>
            {fields.kind === 'word'
              ? 'Make campaign'
              : `Make ${formatAmount(Number(fields.codes) || 0)} ${Number(fields.codes) === 1 ? 'code' : 'codes'}`}
          </Button>
        </Group>
      </Stack>
    </form>
  )
}

/** Whoever closed the form has gone on to something else: the toast tells, and nothing takes them away. */
function useStillOpen(): () => boolean {
  const open = useRef(true)
  useEffect(() => {
    open.current = true
    return () => {
      open.current = false
    }
  }, [])
  return () => open.current
}

/** How many of the codes exist already, read beside the request that makes them. */
function Making({ name, wanted }: { name: string; wanted: number }) {
  const [made, setMade] = useState(0)
  useEffect(() => {
    const timer = setInterval(() => {
      shop.campaigns({ limit: 1 }).then(
        ({ items: [newest] }) => {
          if (newest?.name === name && newest.codes === wanted) setMade(newest.funnel.codes)
        },
        // The request itself tells what is wrong.
        () => {},
      )
    }, POLL_MS)
    return () => clearInterval(timer)
  }, [name, wanted])
  return (
    <div>
      <Progress value={(made / wanted) * 100} aria-label="Codes made" />
      <Text size="sm" c="dimmed" mt={4} className="numeral">
        {formatAmount(made)} of {formatAmount(wanted)} codes made
      </Text>
    </div>
  )
}
