/** Makes or changes a package. The preview shows it as users will see it. */
import { Autocomplete, Button, Group, Modal, Select, Stack, Switch, Textarea, TextInput } from '@mantine/core'
import { useQueryClient } from '@tanstack/react-query'
import { type FormEvent, useState } from 'react'
import { formatAmount, parseAmount, typedAmount } from '../amounts'
import { asProblem, type Problem } from '../api'
import { ProblemPanel } from '../components/ProblemPanel'
import { IN_PLACE } from '../components/ReasonInput'
import { SpanSelect } from '../components/SpanSelect'
import { useOnline } from '../live'
import { CURRENCIES, formatPrice, isCurrency, parsePrice, typedPrice } from '../money'
import { useReason } from '../reasons'
import { type Package, shop } from '../shop'
import { toastSuccess } from '../toasts'
import { useUnits } from '../units'

interface Props {
  /** The package to change; undefined makes one. */
  found: Package | undefined
  /** Where a new one stands. */
  position: number
  onClose: () => void
}

export default function PackageForm({ found, position, onClose }: Props) {
  const title = found ? `Edit ${found.name}` : 'New package'
  return (
    <Modal opened onClose={onClose} title={title} closeButtonProps={{ 'aria-label': 'Close' }}>
      <Form found={found} position={position} onClose={onClose} />
    </Modal>
  )
}

function Form({ found, position, onClose }: Props) {
  const client = useQueryClient()
  const online = useOnline()
  const why = useReason()
  const { units, scaleOf } = useUnits()
  const [name, setName] = useState(found?.name ?? '')
  const [description, setDescription] = useState(found?.description ?? '')
  const [unit, setUnit] = useState(found?.unit ?? units[0]?.name ?? 'credits')
  const [credits, setCredits] = useState(found ? typedAmount(found.credits, scaleOf(found.unit)) : '')
  const [currency, setCurrency] = useState(found?.currency ?? 'EUR')
  const [price, setPrice] = useState(found ? typedPrice(found.price_minor, found.currency) : '')
  const [validity, setValidity] = useState(found?.validity_s ?? null)
  const [active, setActive] = useState(found?.active ?? true)
  const [tried, setTried] = useState(false)
  const [busy, setBusy] = useState(false)
  const [problem, setProblem] = useState<{ title: string; problem: Problem }>()
  const amount = parseAmount(credits, scaleOf(unit))
  const cost = parsePrice(price, currency)
  const errors = {
    name: name.trim() === '' ? 'A name is needed' : undefined,
    credits: !amount.ok ? amount.message : amount.value <= 0 ? 'More than 0' : undefined,
    currency: isCurrency(currency) ? undefined : 'Three letters, like EUR',
    price: cost.ok ? undefined : cost.message,
  }
  const error = (field: keyof typeof errors) => tried && errors[field]

  const done = (said: string) => {
    void client.invalidateQueries({ queryKey: ['packages'] })
    toastSuccess(said, `${name.trim()}: ${said.toLowerCase()}`)
    onClose()
  }
  const save = async (event: FormEvent) => {
    event.preventDefault()
    setTried(true)
    if (!amount.ok || !cost.ok || Object.values(errors).some(Boolean)) return
    const reason = await why(found ? `Save the package ${found.name}` : 'Make a package')
    if (reason === null) return
    const body = {
      reason,
      name: name.trim(),
      description: description.trim() || null,
      credits: amount.value,
      unit,
      price_minor: cost.value,
      currency,
      validity_s: validity,
      active,
      position: found?.position ?? position,
    }
    setBusy(true)
    try {
      if (found) await shop.putPackage(found.id, body)
      else await shop.addPackage(body)
      done(found ? 'Package saved' : 'Package made')
    } catch (failure) {
      setProblem({ title: 'The package was not saved', problem: asProblem(failure) })
    } finally {
      setBusy(false)
    }
  }
  const remove = async ({ id, name: known }: Package) => {
    const reason = await why(`Delete the package ${known}`)
    if (reason === null) return
    try {
      await shop.deletePackage(id, reason)
      done('Package deleted')
    } catch (failure) {
      setProblem({ title: 'The package was not deleted', problem: asProblem(failure) })
    }
  }

  return (
    <form onSubmit={save} noValidate>
      <Stack gap="sm">
        <TextInput
          label="Name"
          data-autofocus
          autoComplete="off"
          maxLength={200}
          value={name}
          error={error('name')}
          onChange={(event) => setName(event.currentTarget.value)}
        />
        <Textarea
          label="Description"
          autosize
          maxRows={5}
          maxLength={2000}
          value={description}
          onChange={(event) => setDescription(event.currentTarget.value)}
        />
        <div className="fields">
          <TextInput
            label="Credits"
            autoComplete="off"
            inputMode="decimal"
            classNames={{ input: 'numeral' }}
            value={credits}
            error={error('credits')}
            onChange={(event) => setCredits(event.currentTarget.value)}
          />
          {units.length > 1 && (
            <Select
              label="Unit"
              allowDeselect={false}
              comboboxProps={IN_PLACE}
              data={units.map((each) => each.name)}
              value={unit}
              onChange={(value) => value && setUnit(value)}
            />
          )}
        </div>
        <div className="fields">
          <TextInput
            label="Price"
            autoComplete="off"
            inputMode="decimal"
            classNames={{ input: 'numeral' }}
            value={price}
            error={error('price')}
            onChange={(event) => setPrice(event.currentTarget.value)}
          />
          <Autocomplete
            label="Currency"
            comboboxProps={IN_PLACE}
            data={CURRENCIES}
            maxLength={3}
            value={currency}
            error={error('currency')}
            onChange={(value) => setCurrency(value.toUpperCase())}
          />
        </div>
        <SpanSelect label="Credits last" value={validity} onChange={setValidity} />
        <Switch
          label="On sale: users can order it"
          checked={active}
          onChange={(event) => setActive(event.currentTarget.checked)}
        />
        {amount.ok && cost.ok && amount.value > 0 && isCurrency(currency) && (
          <p className="hint">
            Users see: {formatAmount(amount.value, scaleOf(unit))} {unit} for{' '}
            {formatPrice(cost.value, currency)}
          </p>
        )}
        {problem && <ProblemPanel title={problem.title} problem={problem.problem} />}
        <Group justify="space-between" gap="sm">
          {found ? (
            <Button variant="subtle" color="red.8" className="danger" onClick={() => void remove(found)}>
              Delete
            </Button>
          ) : (
            <span />
          )}
          <Group gap="sm">
            <Button variant="default" onClick={onClose}>
              Cancel
            </Button>
            <Button type="submit" loading={busy} disabled={!online}>
              {found ? 'Save' : 'Make package'}
            </Button>
          </Group>
        </Group>
      </Stack>
    </form>
  )
}
