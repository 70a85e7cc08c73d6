"""The client that is awaited: the twin of `blocking`, which see. No verb is written here either.

Promises: belongs to the event loop that it is first used on; waiting between attempts blocks nobody.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from types import TracebackType
from typing import Any, Concatenate, ParamSpec, Self, TypeVar

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


def _awaitable(verb: Callable[P, Call[T]]) -> Callable[Concatenate[AsyncClient, P], Coroutine[Any, Any, T]]:
    @functools.wraps(verb)
    async def method(self: AsyncClient, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await self.run(verb(*args, **kwargs))

    return method


def _saving(
    verb: Callable[P, Download],
) -> Callable[Concatenate[AsyncClient, Target, P], Coroutine[Any, Any, int]]:
    @functools.wraps(verb)
    async def method(self: AsyncClient, to: Target, /, *args: P.args, **kwargs: P.kwargs) -> int:
        return await self.save(verb(*args, **kwargs), to)

    return method


class AsyncClient:
    """Calls the service on an event loop; takes what `Client` takes, with a `sleep` that is awaited."""

    def __init__(
        self,
        url: str,
        key: str,
        *,
        timeout_s: float = TIMEOUT_S,
        patience: Patience | None = None,
        transport: httpx2.AsyncBaseTransport | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._http = httpx2.AsyncClient(
            base_url=base(url), headers=headers(key), timeout=timeout_s, transport=transport
        )
        self._patience = patience or Patience()
        self._sleep = sleep

    grant = _awaitable(calls.grant)
    spend = _awaitable(calls.spend)
    adjust = _awaitable(calls.adjust)
    set = _awaitable(calls.set_credits)
    hold = _awaitable(calls.hold)
    capture = _awaitable(calls.capture)
    release = _awaitable(calls.release)
    transfer = _awaitable(calls.transfer)
    reverse = _awaitable(calls.reverse)
    balance = _awaitable(calls.balance)
    history = _awaitable(calls.history)
    holds = _awaitable(calls.holds)
    check = _awaitable(calls.check)
    token = _awaitable(calls.token)
    revoke_tokens = _awaitable(calls.revoke_tokens)
    export_history = _saving(calls.export_history)

    packages = _awaitable(shop_calls.packages)
    put_package = _awaitable(shop_calls.put_package)
    delete_package = _awaitable(shop_calls.delete_package)
    order = _awaitable(shop_calls.order)
    orders = _awaitable(shop_calls.orders)
    order_of = _awaitable(shop_calls.order_of)
    cancel_order = _awaitable(shop_calls.cancel_order)
    fulfil = _awaitable(shop_calls.fulfil)
    refund = _awaitable(shop_calls.refund)
    create_campaign = _awaitable(shop_calls.create_campaign)
    campaigns = _awaitable(shop_calls.campaigns)
    campaign = _awaitable(shop_calls.campaign)
    campaign_codes = _awaitable(shop_calls.campaign_codes)
    revoke_code = _awaitable(shop_calls.revoke_code)
    revoke_rest = _awaitable(shop_calls.revoke_rest)
    create_voucher = _awaitable(shop_calls.create_voucher)
    put_voucher = _awaitable(shop_calls.put_voucher)
    delete_voucher = _awaitable(shop_calls.delete_voucher)
    vouchers = _awaitable(shop_calls.vouchers)
    voucher = _awaitable(shop_calls.voucher)
    redeem = _awaitable(shop_calls.redeem)
    redemptions = _awaitable(shop_calls.redemptions)
    batch = _awaitable(batch_calls.batch)
    batch_csv = _awaitable(batch_calls.batch_csv)
    batch_of = _awaitable(batch_calls.batch_of)
    batches = _awaitable(batch_calls.batches)
    reverse_batch = _awaitable(batch_calls.reverse_batch)
    export_codes = _saving(shop_calls.export_codes)

    users = _awaitable(admin_calls.users)
    user = _awaitable(admin_calls.user)
    put_user = _awaitable(admin_calls.put_user)
    erase = _awaitable(admin_calls.erase)
    broadcast = _awaitable(admin_calls.broadcast)
    screens = _awaitable(admin_calls.screens)
    audit = _awaitable(admin_calls.audit)
    units = _awaitable(admin_calls.units)
    put_unit = _awaitable(admin_calls.put_unit)
    operators = _awaitable(admin_calls.operators)
    add_operator = _awaitable(admin_calls.add_operator)
    change_operator = _awaitable(admin_calls.change_operator)
    sign_in_code = _awaitable(admin_calls.sign_in_code)
    keys = _awaitable(admin_calls.keys)
    add_key = _awaitable(admin_calls.add_key)
    revoke_key = _awaitable(admin_calls.revoke_key)
    export_users = _saving(admin_calls.export_users)
    export_audit = _saving(admin_calls.export_audit)

    async def each(
        self, verb: Callable[P, Awaitable[Page[T]]], /, *args: P.args, **kwargs: P.kwargs
    ) -> AsyncIterator[T]:
        """Every item of a list, page after page: `async for entry in client.each(client.history, "ada")`."""
        asked = {"limit": PAGE_MOST, **kwargs}
        while True:
            page = await verb(*args, **asked)  # type: ignore[arg-type]
            for item in page:
                yield item
            if page.next is None:
                return
            asked["after"] = page.next

    async def run(self, call: Call[T]) -> T:
        """Send one call, as often as `patience` says, and return what it answers."""
        exchange = Exchange(call, self._patience)
        while True:
            try:
                response = await self._http.request(**request(call))
            except httpx2.TransportError as error:
                pause_s: float | None = exchange.lost(reason(error), sent=not isinstance(error, NEVER_SENT))
            else:
                pause_s = exchange.answered(response.status_code, response.headers, response.content)
            if pause_s is None:
                return exchange.result
            await self._sleep(pause_s)

    async def save(self, download: Download, to: Target) -> int:
        """Write a list to a file as it comes; returns its bytes. A named file is there whole or not at all."""
        size = 0
        with opened(to) as file:
            async for chunk in self.stream(download):
                size += await asyncio.to_thread(file.write, chunk)
        return size

    async def stream(self, download: Download) -> AsyncIterator[bytes]:
        """A list's bytes as they come.

        Raises:
            Unavailable: it broke off; what came so far is not all.
        """
        exchange = Exchange(download.call, self._patience)
        while True:
            begun = False
            try:
                async with self._http.stream(**request(download.call)) as response:
                    if response.is_success:
                        begun = True
                        async for chunk in response.aiter_bytes():
                            yield chunk
                        return
                    content = await response.aread()
                pause_s = exchange.answered(response.status_code, response.headers, content)
            except httpx2.TransportError as error:
                if begun:
                    raise broken_off(error) from error
                pause_s = exchange.lost(reason(error), sent=not isinstance(error, NEVER_SENT))
            await self._sleep(pause_s or 0.0)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()
