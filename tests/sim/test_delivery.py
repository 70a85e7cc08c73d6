"""L1: after quiet every screen equals the ledger, and no screen ever goes back; and the simulation can tell.

1,000 seeds are run in `make test`, 200,000 in `make deep`; `LIVECREDITS_SIM_SEEDS` says otherwise. The mutants are
faults that somebody might really write; each must be found within 100 seeds, or the simulation is worth nothing.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pytest
from tests.sim.bus import Follower, Row
from tests.sim.world import World, Wrong

from livecredits.core.broadcasts import Broadcast
from livecredits.core.hub import Hub
from livecredits.core.receipts import Receipts
from livecredits.core.reducer import ScreenState
from livecredits.core.rows import AccountState
from livecredits.core.screen import Audience, Phase, Screen
from livecredits.storage.tail import Window

IS_DEEP = os.environ.get("LIVECREDITS_DEPTH") == "deep"
SEEDS = int(os.environ.get("LIVECREDITS_SIM_SEEDS", "200000" if IS_DEEP else "1000"))
SHARE = 250


@pytest.mark.timeout(max(120, SEEDS // 10))
@pytest.mark.parametrize("first", range(0, SEEDS, SHARE))
def test_every_screen_equals_the_ledger_after_quiet_and_none_goes_back(first: int) -> None:
    for seed in range(first, min(first + SHARE, SEEDS)):
        try:
            World(seed).run()
        except Wrong as wrong:
            pytest.fail(f"seed {seed}: {wrong}")


# --- faults on the server -----------------------------------------------------------------------------------


class ReadsBeforeRegistering(Hub):
    """What is committed while the snapshot is being read is forgotten, as if nobody had been registered yet."""

    def _spread(self, audience: Audience, state: AccountState) -> None:
        if audience.fresh is None:
            super()._spread(audience, state)


class KeepsTheOldest(Hub):
    """A full slot is not overwritten."""

    def _withhold(self, screen: Screen, state: AccountState) -> None:
        if screen.phase is Phase.LIVE and screen.slot and (state.user_id, state.unit) in screen.slot:
            return
        super()._withhold(screen, state)


class NeverTicks(Hub):
    """Heartbeats carry no versions."""

    def _tick(self, screen: Screen) -> None:
        screen.frames = 0
        self._out.sends.append((screen, b"\x89\x00"))


class TakesAnyRead(Hub):
    """A read that began for somebody else, before this screen came, is taken for its snapshot."""

    def snapshot(
        self,
        epoch: str,
        read: Iterable[tuple[Audience, Sequence[AccountState]]],
        told_until_us: int | None = None,
    ) -> None:
        now = [(self.audiences.get(audience.user_id, audience), states) for audience, states in read]
        super().snapshot(epoch, now, told_until_us)


class ForgetsThePaused(Hub):
    """A paused screen is skipped, and has no slot."""

    def _withhold(self, screen: Screen, state: AccountState) -> None:
        if not screen.paused:
            super()._withhold(screen, state)

    def _tick(self, screen: Screen) -> None:
        screen.frames = 0
        self._out.sends.append((screen, b"\x89\x00"))


class NeverReadsAgain(Hub):
    """What no hand-over brought is looked for by nobody."""

    def reread(self, count: int) -> None:
        pass


# --- faults in the browser ----------------------------------------------------------------------------------


class LastWins(ScreenState):
    """The version is not compared."""

    def _apply_state(self, frame: Mapping[str, Any]) -> bool:
        if frame["epoch"] == self.epoch:
            self.accounts.pop((frame["user"], frame["unit"]), None)
        return super()._apply_state(frame)


class IgnoresTicks(ScreenState):
    """Versions in a heartbeat are not compared with what is held."""

    def _disagrees(self, tick: Mapping[str, Any]) -> bool:
        return False


class HelloByVersion(ScreenState):
    """A hello only replaces what is older."""

    def apply(self, frame: Mapping[str, Any]) -> bool:
        if frame["type"] != "hello":
            return super().apply(frame)
        held = self.accounts
        super().apply(frame)
        for key, state in held.items():
            if key in self.accounts and state["version"] > self.accounts[key]["version"]:
                self.accounts[key] = state
        return False


class IgnoresTheEpoch(ScreenState):
    """A version of another line of history is compared as if it were of this one."""

    def apply(self, frame: Mapping[str, Any]) -> bool:
        return super().apply({**frame, "epoch": self.epoch} if frame["type"] != "hello" else frame)


# --- faults in the receipts ----------------------------------------------------------------------------------


class SentIsShown(Receipts):
    """What was written to a screen counts as shown once the screen says anything."""

    def told(
        self,
        screen: Screen,
        painted: Mapping[str, int],
        newest: Mapping[str, int],
        now_ms: int,
        *,
        visible: bool,
    ) -> None:
        super().told(screen, newest, newest, now_ms, visible=visible)


class AnyClaimCounts(Receipts):
    """A version of another line of history counts here."""

    def told(
        self,
        screen: Screen,
        painted: Mapping[str, int],
        newest: Mapping[str, int],
        now_ms: int,
        *,
        visible: bool,
    ) -> None:
        super().told(screen, painted, painted, now_ms, visible=visible)


class LowerWillDo(Receipts):
    """A version short is near enough."""

    def told(
        self,
        screen: Screen,
        painted: Mapping[str, int],
        newest: Mapping[str, int],
        now_ms: int,
        *,
        visible: bool,
    ) -> None:
        near = {unit: min(version + 1, newest.get(unit, 0)) for unit, version in painted.items()}
        super().told(screen, near, newest, now_ms, visible=visible)


class ClosedIsForgotten(Receipts):
    """Who closes stays counted as waiting."""

    def went(self, screen: Screen) -> None:
        for broadcast in screen.due or ():
            broadcast.waiting = tuple(other for other in broadcast.waiting if other is not screen)
        screen.due = None


class ClosedIsShown(Receipts):
    """Who closes has surely seen it."""

    def went(self, screen: Screen) -> None:
        for broadcast in screen.due or ():
            broadcast.shown += 1
            broadcast.waiting = tuple(other for other in broadcast.waiting if other is not screen)
        screen.due = None


class CountsTwice(Receipts):
    """A receipt that comes again is counted again."""

    def _paint(self, broadcast: Broadcast, screen: Screen, now_ms: int, *, was_seen: bool) -> None:
        super()._paint(broadcast, screen, now_ms, was_seen=was_seen)
        screen.due = [*(screen.due or ()), broadcast]

    def told(
        self,
        screen: Screen,
        painted: Mapping[str, int],
        newest: Mapping[str, int],
        now_ms: int,
        *,
        visible: bool,
    ) -> None:
        before = screen.due
        super().told(screen, painted, newest, now_ms, visible=visible)
        screen.due = before


class OnlyTheNewest(Receipts):
    """A receipt of a higher version says nothing of lower ones."""

    def told(
        self,
        screen: Screen,
        painted: Mapping[str, int],
        newest: Mapping[str, int],
        now_ms: int,
        *,
        visible: bool,
    ) -> None:
        due = screen.due or []
        screen.due = [one for one in due if one.version == painted.get(one.unit, 0)] or None
        super().told(screen, painted, newest, now_ms, visible=visible)
        left = {id(one) for one in screen.due or ()}
        screen.due = [one for one in due if id(one) in left or one.waiting] or None


# --- faults in the tail ---------------------------------------------------------------------------------------


class GoesByTheLastId(Follower):
    """A cursor: whatever stands above the last row that was seen."""

    last_id = 0

    def found(self) -> list[Row]:
        return [row for row in super().found() if row.id > self.last_id]

    def look(self) -> None:
        found = self.found()
        super().look()
        self.last_id = max([self.last_id, *(row.id for row in found)])


class ForgetsTheRunning(Follower):
    """What was running at the last look is taken for seen."""

    def moment(self) -> Window:
        return Window(super().moment().next_id)


class WaitsForTheOldest(Follower):
    """Nothing is taken that a running transaction might still come before."""

    def moment(self) -> Window:
        moment = super().moment()
        return Window(min([moment.next_id, *moment.running]))

    def found(self) -> list[Row]:
        oldest = self.moment().next_id
        return [row for row in super().found() if row.transaction < oldest]


class BeginsAnew(Follower):
    """After its connection was lost it goes on from that moment, and not from where it stood."""

    def came_back(self) -> None:
        self.window = self.moment()


class LooksTwice(Follower):
    """The moment is taken before the rows are read: what commits in between is seen again."""

    def look(self) -> None:
        before = self.window
        super().look()
        if self.node.world.dice.random() < 0.2:
            self.window = before


def is_found_within(
    seeds: int,
    *,
    hub: type[Hub] = Hub,
    state: type[ScreenState] = ScreenState,
    receipts: type[Receipts] = Receipts,
    follower: type[Follower] = Follower,
) -> int | None:
    for seed in range(seeds):
        try:
            World(seed, hub=hub, state=state, receipts=receipts, follower=follower).run()
        except Wrong:
            return seed
    return None


@pytest.mark.parametrize(
    "hub",
    [
        ReadsBeforeRegistering,
        KeepsTheOldest,
        NeverTicks,
        TakesAnyRead,
        ForgetsThePaused,
        NeverReadsAgain,
    ],
)
def test_a_fault_planted_in_the_hub_is_found(hub: type[Hub]) -> None:
    found = is_found_within(100, hub=hub)
    assert found is not None, f"{hub.__name__} survived 100 seeds"
    print(f"{hub.__name__} found by seed {found}")


@pytest.mark.parametrize("state", [LastWins, IgnoresTicks, HelloByVersion, IgnoresTheEpoch])
def test_a_fault_planted_in_the_reducer_is_found(state: type[ScreenState]) -> None:
    found = is_found_within(100, state=state)
    assert found is not None, f"{state.__name__} survived 100 seeds"
    print(f"{state.__name__} found by seed {found}")


@pytest.mark.parametrize(
    "receipts",
    [
        SentIsShown,
        AnyClaimCounts,
        LowerWillDo,
        ClosedIsForgotten,
        ClosedIsShown,
        CountsTwice,
        OnlyTheNewest,
    ],
)
def test_a_fault_planted_in_the_receipts_is_found(receipts: type[Receipts]) -> None:
    found = is_found_within(100, receipts=receipts)
    assert found is not None, f"{receipts.__name__} survived 100 seeds"
    print(f"{receipts.__name__} found by seed {found}")


@pytest.mark.parametrize(
    "follower", [GoesByTheLastId, ForgetsTheRunning, WaitsForTheOldest, BeginsAnew, LooksTwice]
)
def test_a_fault_planted_in_the_tail_is_found(follower: type[Follower]) -> None:
    found = is_found_within(100, follower=follower)
    assert found is not None, f"{follower.__name__} survived 100 seeds"
    print(f"{follower.__name__} found by seed {found}")


def test_a_seed_is_one_world() -> None:
    """The same seed twice is the same story, or no fault could be looked at again."""
    stories = []
    for _ in range(2):
        world = World(11)  # the tail of a database
        world.run()
        stories.append([(node.hub.counts.joined, node.hub.counts.states) for node in world.nodes])
    assert stories[0] == stories[1]
