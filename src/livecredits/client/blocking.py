"""The client that blocks. No verb is written here: each is lifted from one of the modules of calls.

Promises: safe to share between threads; see `exchange` for what is asked again, and when.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Concatenate, ParamSpec, Self, TypeVar

import httpx2

from livecredits.client import admin_calls, batch_calls, calls, shop_calls
from livecredits.client.call import Call, Download
from livecredits.client.exchange import Exchange, Patience
from livecredits.client.results import Page
from livecredits.client.sending import (
    NEVER_SENT,
    PAGE_MOST,
    TIMEOUT_S,
    base,
    broken_off,
    headers,
    reason,
    request,
)
from livecredits.files import Target, opened

P = ParamSpec("P")
T = TypeVar("T")


def _blocking(verb: Callable[P, Call[T]]) -> Callable[Concatenate[Client, P], T]:
    @functools.wraps(verb)
    def method(self: Client, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return self.run(verb(*args, **kwargs))

    return method


def _saving(verb: Callable[P, Download]) -> Callable[Concatenate[Client, Target, P], int]:
    @functools.wraps(verb)
    def method(self: Client, to: Target, /, *args: P.args, **kwargs: P.kwargs) -> int:
        return self.save(verb(*args, **kwargs), to)

    return method


class Client:
    """Calls the service and blocks until it answers. Safe to share between threads.

    Args:
        url: where the service stands, with the prefix that it is mounted under.
        key: a service key, `lck_…`.
        timeout_s: for each attempt.
        patience: how calls are repeated.
        transport: another way to send, for tests and proxies.
        sleep: waits between attempts.
    """

    def __init__(
        self,
        url: str,
        key: str,
        *,
        timeout_s: float = TIMEOUT_S,
        patience: Patience | None = None,
        transport: httpx2.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._http = httpx2.Client(
            base_url=base(url), headers=headers(key), timeout=timeout_s, transport=transport
        )
        self._patience = patience or Patience()
        self._sleep = sleep

    grant = _blocking(calls.grant)
    spend = _blocking(calls.spend)
    adjust = _blocking(calls.adjust)
    set = _blocking(calls.set_credits)
    hold = _blocking(calls.hold)
    capture = _blocking(calls.capture)
    release = _blocking(calls.release)
    transfer = _blocking(calls.transfer)
    reverse = _blocking(calls.reverse)
    balance = _blocking(calls.balance)
    history = _blocking(calls.history)
    holds = _blocking(calls.holds)
    check = _blocking(calls.check)
    token = _blocking(calls.token)
    revoke_tokens = _blocking(calls.revoke_tokens)
    export_history = _saving(calls.export_history)

    packages = _blocking(shop_calls.packages)
    put_package = _blocking(shop_calls.put_package)
    delete_package = _blocking(shop_calls.delete_package)
    order = _blocking(shop_calls.order)
    orders = _blocking(shop_calls.orders)
    order_of = _blocking(shop_calls.order_of)
    cancel_order = _blocking(shop_calls.cancel_order)
    fulfil = _blocking(shop_calls.fulfil)
    refund = _blocking(shop_calls.refund)
    create_campaign = _blocking(shop_calls.create_campaign)
    campaigns = _blocking(shop_calls.campaigns)
    campaign = _blocking(shop_calls.campaign)
    campaign_codes = _blocking(shop_calls.campaign_codes)
    revoke_code = _blocking(shop_calls.revoke_code)
    revoke_rest = _blocking(shop_calls.revoke_rest)
    create_voucher = _blocking(shop_calls.create_voucher)
    put_voucher = _blocking(shop_calls.put_voucher)
    delete_voucher = _blocking(shop_calls.delete_voucher)
    vouchers = _blocking(shop_calls.vouchers)
    voucher = _blocking(shop_calls.voucher)
    redeem = _blocking(shop_calls.redeem)
    redemptions = _blocking(shop_calls.redemptions)
    batch = _blocking(batch_calls.batch)
    batch_csv = _blocking(batch_calls.batch_csv)
    batch_of = _blocking(batch_calls.batch_of)
    batches = _blocking(batch_calls.batches)
    reverse_batch = _blocking(batch_calls.reverse_batch)
    export_codes = _saving(shop_calls.export_codes)

    users = _blocking(admin_calls.users)
    user = _blocking(admin_calls.user)
    put_user = _blocking(admin_calls.put_user)
    erase = _blocking(admin_calls.erase)
    broadcast = _blocking(admin_calls.broadcast)
    screens = _blocking(admin_calls.screens)
    audit = _blocking(admin_calls.audit)
    units = _blocking(admin_calls.units)
    put_unit = _blocking(admin_calls.put_unit)
    operators = _blocking(admin_calls.operators)
    add_operator = _blocking(admin_calls.add_operator)
    change_operator = _blocking(admin_calls.change_operator)
    sign_in_code = _blocking(admin_calls.sign_in_code)
    keys = _blocking(admin_calls.keys)
    add_key = _blocking(admin_calls.add_key)
    revoke_key = _blocking(admin_calls.revoke_key)
    export_users = _saving(admin_calls.export_users)
    export_audit = _saving(admin_calls.export_audit)

    def each(self, verb: Callable[P, Page[T]], /, *args: P.args, **kwargs: P.kwargs) -> Iterator[T]:
        """Every item of a list, page after page: `client.each(client.history, "ada", kinds=["spend"])`."""
        asked = {"limit": PAGE_MOST, **kwargs}
        while True:
            page = verb(*args, **asked)  # type: ignore[arg-type]
            yield from page
            if page.next is None:
                return
            asked["after"] = page.next

    def run(self, call: Call[T]) -> T:
        """Send one call, as often as `patience` says, and return what it answers."""
        exchange = Exchange(call, self._patience)
        while True:
            try:
                response = self._http.request(**request(call))
            except httpx2.TransportError as error:
                pause_s: float | None = exchange.lost(reason(error), sent=not isinstance(error, NEVER_SENT))
            else:
                pause_s = exchange.answered(response.status_code, response.headers, response.content)
            if pause_s is None:
                return exchange.result
            self._sleep(pause_s)

    def save(self, download: Download, to: Target) -> int:
        """Write a list to a file as it comes; returns its bytes. A named file is there whole or not at all."""
        size = 0
        with opened(to) as file:
            for chunk in self.stream(download):
                size += file.write(chunk)
        return size

    def stream(self, download: Download) -> Iterator[bytes]:
        """A list's bytes as they come.

        Raises:
            Unavailable: it broke off; what came so far is not all.
        """
        exchange = Exchange(download.call, self._patience)
        while True:
            begun = False
            try:
                with self._http.stream(**request(download.call)) as response:
                    if response.is_success:
                        begun = True
                        yield from response.iter_bytes()
                        return
                    content = response.read()
                pause_s = exchange.answered(response.status_code, response.headers, content)
            except httpx2.TransportError as error:
                if begun:
                    raise broken_off(error) from error
                pause_s = exchange.lost(reason(error), sent=not isinstance(error, NEVER_SENT))
            self._sleep(pause_s or 0.0)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
