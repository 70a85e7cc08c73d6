"""The face for threads: `credits.sync`, with the verbs of `Credits` as plain calls that block.

Promises: the same core, the same answers, the same refusals; a caller on a running event loop is told so at once,
instead of blocking everybody on that loop. Must not know anything that `Credits` does not.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, Unpack

from livecredits.core.changes import (
    LIBRARY,
    Actor,
    Adjust,
    Capture,
    Change,
    Hold,
    Redeem,
    Release,
    Reverse,
    Set,
    Spend,
    Transfer,
)
from livecredits.core.rows import AccountState
from livecredits.credits.asking import Common, common_fields, grant_of, microseconds
from livecredits.credits.batch_verbs import SyncBatchVerbs
from livecredits.credits.opened import Opened, Unit
from livecredits.credits.sync_shop import SyncShop
from livecredits.storage.answers import Answer
from livecredits.storage.pages import HistoryFilter, Slice, UserFilter
from livecredits.storage.people import UNTOUCHED, UserEdit
from livecredits.storage.verify import Progress, VerifyReport
from livecredits.storage.views import Balance, HistoryEntry, HoldView, Page, UserDetail, UserRow

if TYPE_CHECKING:
    from livecredits.credits.facade import Credits


class SyncCredits(SyncBatchVerbs, SyncShop):
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

    def grant(
        self,
        user_id: str,
        amount: int,
        *,
        expires_at: datetime | None = None,
        priority: int = 0,
        source: str | None = None,
        **common: Unpack[Common],
    ) -> Answer:
        """See `Credits.grant`."""
        return self.apply(grant_of(user_id, amount, expires_at, priority, source, common))

    def spend(
        self, user_id: str, amount: int, *, allow_below_floor: bool = False, **common: Unpack[Common]
    ) -> Answer:
        """See `Credits.spend`."""
        fields = common_fields(user_id, common)
        return self.apply(Spend(amount=amount, allow_below_floor=allow_below_floor, **fields))

    def adjust(
        self, user_id: str, amount: int, *, allow_below_floor: bool = False, **common: Unpack[Common]
    ) -> Answer:
        """See `Credits.adjust`."""
        fields = common_fields(user_id, common)
        return self.apply(Adjust(amount=amount, allow_below_floor=allow_below_floor, **fields))

    def set(self, user_id: str, credits: int, **common: Unpack[Common]) -> Answer:
        """See `Credits.set`."""
        return self.apply(Set(credits=credits, **common_fields(user_id, common)))

    def hold(self, user_id: str, amount: int, *, ttl_s: int = 900, **common: Unpack[Common]) -> Answer:
        """See `Credits.hold`."""
        return self.apply(Hold(amount=amount, ttl_s=ttl_s, **common_fields(user_id, common)))

    def capture(self, hold_id: str, amount: int | None = None, **common: Unpack[Common]) -> Answer:
        """See `Credits.capture`."""
        return self.apply(Capture(hold_id=hold_id, amount=amount, **common_fields("", common)))

    def release(self, hold_id: str, **common: Unpack[Common]) -> Answer:
        """See `Credits.release`."""
        return self.apply(Release(hold_id=hold_id, **common_fields("", common)))

    def transfer(self, from_user: str, to_user: str, amount: int, **common: Unpack[Common]) -> Answer:
        """See `Credits.transfer`."""
        return self.apply(Transfer(to_user_id=to_user, amount=amount, **common_fields(from_user, common)))

    def reverse(
        self,
        entry_id: str,
        *,
        amount: int | None = None,
        allow_below_floor: bool = False,
        **common: Unpack[Common],
    ) -> Answer:
        """See `Credits.reverse`."""
        fields = common_fields("", common)
        return self.apply(
            Reverse(entry_id=entry_id, amount=amount, allow_below_floor=allow_below_floor, **fields)
        )

    # --- reading ---------------------------------------------------------------------------------------------------

    def balance(self, user_id: str, *, unit: str = "credits") -> Balance:
        """See `Credits.balance`."""
        return self._open().balance(user_id, unit)

    def check(self, user_id: str, amount: int, *, unit: str = "credits") -> bool:
        """See `Credits.check`."""
        return self._open().check(user_id, amount, unit)

    def history(  # noqa: PLR0913 - filters, all of them optional
        self,
        user_id: str,
        *,
        unit: str | None = None,
        kinds: Collection[str] | None = None,
        before: str | None = None,
        after: str | None = None,
        limit: int = 50,
        since: datetime | None = None,
        until: datetime | None = None,
        actor: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        audience: Literal["operator", "user"] = "operator",
    ) -> Page[HistoryEntry]:
        """See `Credits.history`."""
        asked = HistoryFilter(
            unit=unit, kinds=kinds, since_us=microseconds("since", since), until_us=microseconds("until", until),
            actor=actor, metadata=metadata,
        )  # fmt: skip
        part = Slice(before=before, after=after, limit=limit)
        return self._open().history(user_id, asked, part, for_user=audience == "user")

    def holds(
        self,
        user_id: str,
        *,
        unit: str | None = None,
        state: str | None = "open",
        before: str | None = None,
        after: str | None = None,
        limit: int = 50,
    ) -> Page[HoldView]:
        """See `Credits.holds`."""
        return self._open().holds(user_id, unit, state, Slice(before=before, after=after, limit=limit))

    def states(self, user_ids: Sequence[str]) -> dict[str, list[AccountState]]:
        """See `Credits.states`."""
        return self._open().states(user_ids)

    def users(
        self,
        *,
        search: str | None = None,
        unit: str = "credits",
        sort: str = "user_id",
        frozen: bool | None = None,
        low: bool | None = None,
        before: str | None = None,
        after: str | None = None,
        limit: int = 50,
    ) -> Page[UserRow]:
        """See `Credits.users`."""
        asked = UserFilter(search=search, unit=unit, sort=sort, frozen=frozen, low=low)
        return self._open().users(asked, Slice(before=before, after=after, limit=limit))

    def user(self, user_id: str, *, unit: str = "credits") -> UserDetail:
        """See `Credits.user`."""
        return self._open().user(user_id, unit)

    def verify(self, *, progress: Progress | None = None) -> VerifyReport:
        """See `Credits.verify`."""
        return self._open().verify(progress)

    # --- what is no change of credits ------------------------------------------------------------------------------

    def put_user(  # noqa: PLR0913 - fields, all of them optional
        self,
        user_id: str,
        *,
        name: str | None = UNTOUCHED,
        email: str | None = UNTOUCHED,
        metadata: Mapping[str, Any] | None = UNTOUCHED,
        floor: int | None = UNTOUCHED,
        frozen: bool = UNTOUCHED,
        low_threshold: int | None = UNTOUCHED,
        receipts: bool = UNTOUCHED,
        unit: str = "credits",
        reason: str | None = None,
        actor: Actor | None = None,
    ) -> UserDetail:
        """See `Credits.put_user`."""
        edit = UserEdit(
            name=name, email=email, metadata=metadata, floor=floor, frozen=frozen, low_threshold=low_threshold,
            receipts=receipts, unit=unit, reason=reason, actor=actor or LIBRARY,
        )  # fmt: skip
        return self._open().put_user(user_id, edit)

    def put_unit(
        self,
        name: str,
        scale: int | None = None,
        *,
        low_threshold: int | None = UNTOUCHED,
        actor: Actor | None = None,
    ) -> Unit:
        """See `Credits.put_unit`."""
        return self._open().put_unit(name, scale, low_threshold, actor)
