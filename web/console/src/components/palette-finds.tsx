/**
 * What the palette finds by typing: users, orders and vouchers as the server searches them, each with where it leads.
 *
 * One question for each list, and none for orders and vouchers before something is typed.
 */
import type { SpotlightActionData } from '@mantine/spotlight'
import { IconPackage, IconTicket, IconUser } from '@tabler/icons-react'
import { keepPreviousData, type UseQueryResult, useQuery } from '@tanstack/react-query'
import { formatAmount } from '../amounts'
import { api, type ListQuery } from '../api'
import { isolated } from '../bidi'
import { type Order, shop, type Voucher } from '../shop'
import { useUnits } from '../units'

const USERS_MOST = 8
const OTHERS_MOST = 4
const LETTERS_LEAST = 2

const icon = { size: 18, stroke: 1.8 }

function useFound<T>(
  name: string,
  search: string,
  enabled: boolean,
  read: (query: ListQuery, signal: AbortSignal) => Promise<{ items: T[] }>,
  most: number,
): UseQueryResult<{ items: T[] }> {
  return useQuery({
    queryKey: ['palette', name, search],
    queryFn: ({ signal }) => read({ q: search || undefined, limit: most }, signal),
    placeholderData: keepPreviousData,
    enabled,
  })
}

export interface Finds {
  users: SpotlightActionData[]
  orders: SpotlightActionData[]
  vouchers: SpotlightActionData[]
  /** The answers belong to this search. */
  settled: boolean
}

export function useFinds(search: string, go: (path: string) => void): Finds {
  const { scaleOf } = useUnits()
  const asks = search.length >= LETTERS_LEAST
  const users = useFound('users', search, true, api.users, USERS_MOST)
  const orders = useFound('orders', search, asks, shop.orders, OTHERS_MOST)
  const vouchers = useFound('vouchers', search, asks, shop.vouchers, OTHERS_MOST)
  const isThere = ({ data, error, isPlaceholderData }: UseQueryResult) =>
    error !== null || (data !== undefined && !isPlaceholderData)
  return {
    users: (users.data?.items ?? []).map((user) => ({
      id: `user ${user.user_id}`,
      label: isolated(user.name ?? user.user_id),
      description: [user.name && isolated(user.user_id), user.email].filter(Boolean).join(' · '),
      leftSection: <IconUser {...icon} />,
      rightSection: <span className="numeral">{formatAmount(user.credits, scaleOf(user.unit))}</span>,
      onClick: () => go(`/users/${encodeURIComponent(user.user_id)}`),
    })),
    orders: asks ? (orders.data?.items ?? []).map((order) => orderFound(order, go)) : [],
    vouchers: asks ? (vouchers.data?.items ?? []).map((voucher) => voucherFound(voucher, scaleOf, go)) : [],
    settled: isThere(users) && (!asks || (isThere(orders) && isThere(vouchers))),
  }
}

function orderFound(order: Order, go: (path: string) => void): SpotlightActionData {
  return {
    id: `order ${order.id}`,
    label: `${isolated(order.package.name)} for ${isolated(order.user_id)}`,
    description: [order.state, order.purchase_reference && isolated(order.purchase_reference)]
      .filter(Boolean)
      .join(' · '),
    leftSection: <IconPackage {...icon} />,
    onClick: () => go(`/orders?state=all&q=${encodeURIComponent(order.id)}`),
  }
}

function voucherFound(
  { voucher, code, campaign, amount, unit, state }: Voucher,
  scaleOf: (unit: string) => number,
  go: (path: string) => void,
): SpotlightActionData {
  const place = campaign ? `/vouchers/campaigns/${encodeURIComponent(campaign)}` : '/vouchers/single'
  return {
    id: `voucher ${voucher}`,
    label: code,
    description: state,
    leftSection: <IconTicket {...icon} />,
    rightSection: <span className="numeral">{formatAmount(amount, scaleOf(unit))}</span>,
    onClick: () => go(`${place}?q=${encodeURIComponent(code)}`),
  }
}
