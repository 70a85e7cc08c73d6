"""The face for threads: `credits.sync`, with the verbs of `Credits` as plain calls that block.

Promises: the same core, the same answers, the same refusals; a caller on a running event loop is told so at once,
instead of blocking everybody on that loop. Must not know anything that `Credits` does not.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Concatenate, ParamSpec, TypeVar

from livecredits.core.changes import Change, Redeem
from livecredits.credits import batch_verbs, shop_verbs, verbs
from livecredits.credits.opened import Opened
from livecredits.credits.verbs import Ask, Queued, method_of
from livecredits.storage.answers import Answer

if TYPE_CHECKING:
    from livecredits.credits.facade import Credits


P = ParamSpec("P")
T = TypeVar("T")


def _moving(verb: Callable[P, Change]) -> Callable[Concatenate[SyncCredits, P], Answer]:
    @method_of(verb)
    def method(self: SyncCredits, /, *args: P.args, **kwargs: P.kwargs) -> Answer:
        return self.apply(verb(*args, **kwargs))

    return method


def _asking(verb: Callable[P, Ask[T]]) -> Callable[Concatenate[SyncCredits, P], T]:
    @method_of(verb)
    def method(self: SyncCredits, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return verb(*args, **kwargs)(self._open())

    return method


def _queueing(verb: Callable[P, Queued[T]]) -> Callable[Concatenate[SyncCredits, P], T]:
    @method_of(verb)
    def method(self: SyncCredits, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return verb(*args, **kwargs)(self._open()).result()

    return method


class SyncCredits:
    """`Credits` for threads. Each verb does what its namesake there does, and raises what that raises.

    Raises:
        RuntimeError: the calling thread runs an event loop; `await` the verbs of `Credits` there.
    """

    def __init__(self, credits: Credits) -> None:
        self._credits = credits

    def _open(self) -> Opened:
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return self._credits.open()
        raise RuntimeError("credits.sync would block this event loop: await the verbs of `credits` instead.")

    def close(self) -> None:
        """Write what waits and let go of the file."""
        self._credits.close()

    # --- changes ---------------------------------------------------------------------------------------------------

    def apply(self, change: Change) -> Answer:
        """See `Credits.apply`."""
        opened = self._open()
        ready = opened.ready(change)
        if isinstance(ready, Redeem):
            with opened.guesses.attempt(ready.user_id, ready.address):
                outcome = opened.writer.submit(ready).result()
        else:
            outcome = opened.writer.submit(ready).result()
        assert isinstance(outcome, Answer), "only a Settle is answered with nothing"
        return outcome

    grant = _moving(verbs.grant)
    spend = _moving(verbs.spend)
    adjust = _moving(verbs.adjust)
    set = _moving(verbs.set_credits)
    hold = _moving(verbs.hold)
    capture = _moving(verbs.capture)
    release = _moving(verbs.release)
    transfer = _moving(verbs.transfer)
    reverse = _moving(verbs.reverse)
    balance = _asking(verbs.balance)
    check = _asking(verbs.check)
    history = _asking(verbs.history)
    holds = _asking(verbs.holds)
    states = _asking(verbs.states)
    users = _asking(verbs.users)
    user = _asking(verbs.user)
    verify = _asking(verbs.verify)
    put_user = _asking(verbs.put_user)
    put_unit = _asking(verbs.put_unit)

    packages = _asking(shop_verbs.packages)
    put_package = _asking(shop_verbs.put_package)
    delete_package = _asking(shop_verbs.delete_package)
    order = _asking(shop_verbs.order)
    orders = _asking(shop_verbs.orders)
    order_of = _asking(shop_verbs.order_of)
    cancel_order = _asking(shop_verbs.cancel_order)
    fulfil = _moving(shop_verbs.fulfil)
    refund = _moving(shop_verbs.refund)
    create_campaign = _queueing(shop_verbs.create_campaign)
    campaigns = _asking(shop_verbs.campaigns)
    campaign = _asking(shop_verbs.campaign)
    campaign_codes = _asking(shop_verbs.campaign_codes)
    revoke_code = _asking(shop_verbs.revoke_code)
    revoke_rest = _asking(shop_verbs.revoke_rest)
    create_voucher = _asking(shop_verbs.create_voucher)
    put_voucher = _asking(shop_verbs.put_voucher)
    delete_voucher = _asking(shop_verbs.delete_voucher)
    vouchers = _asking(shop_verbs.vouchers)
    voucher = _asking(shop_verbs.voucher)
    redeem = _moving(shop_verbs.redeem)
    redemptions = _asking(shop_verbs.redemptions)
    erase = _asking(shop_verbs.erase)
    audit = _asking(shop_verbs.audit)

    batch = _queueing(batch_verbs.batch)
    apply_batch = _queueing(batch_verbs.apply_batch)
    batch_of = _asking(batch_verbs.batch_of)
    batches = _asking(batch_verbs.batches)
    reverse_batch = _queueing(batch_verbs.reverse_batch)
    undo_batch = _queueing(batch_verbs.undo_batch)
