/** The parts of the screens that have several: apart from them, so that one part does not load the others. */

export const ORDER_TABS = [
  { href: '/orders', label: 'Queue' },
  { href: '/orders/packages', label: 'Packages' },
]

export const VOUCHER_TABS = [
  { href: '/vouchers', label: 'Campaigns' },
  { href: '/vouchers/single', label: 'Single vouchers' },
]
