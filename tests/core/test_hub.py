"""The hub, event by event: what goes in, what must come out. Whole stories with faults are told in tests/sim."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial
from itertools import count
from typing import Any

import pytest

from livecredits.core import wire
from livecredits.core.hub import TOLD_LIMIT, Hub
from livecredits.core.rows import AccountState
from livecredits.core.screen import Actions, Admitted, Audience, Limits, Phase, Screen
from livecredits.core.wheel import Wheel

LIMITS = Limits(
    heartbeat_ms=20_000,
    auth_ms=5_000,
    close_ms=2_000,
    per_user=3,
    per_address=5,
    watched=4,
    frames=40,
    step_ms=250,
)


def state(version: int, user: str = "ada", *, unit: str = "credits", **fields: Any) -> AccountState:
    return AccountState(user, unit, version, settled=version * 10, **fields)


class Desk:
    """A hub, its clock, and what it wanted so far, told apart by screen."""

    def __init__(self, limits: Limits = LIMITS) -> None:
        ids = count(1)
        self.now_ms = 0
        self.hub = Hub(
            "ep_a", limits=limits, scale_of=lambda _: 0, new_id=lambda: f"scr_{next(ids)}", random=lambda: 0.5
        )
        self.out = Actions()
        self.reads: list[Audience] = []

    def take(self) -> Actions:
        self.out = self.hub.take()
        self.reads += self.out.reads
        return self.out

    def join(self, carrier: int = wire.TEXT, address: str = "192.0.2.1") -> Screen:
        screen = self.hub.joined(
            object(),
            carrier,
            address=address,
            user_agent="test",
            now_ms=self.now_ms,
            now_us=self.now_ms * 1000,
        )
        self.take()
        return screen

    def say(self, screen: Screen, **frame: Any) -> Actions:
        self.hub.heard(screen, wire.decode(json.dumps(frame)), self.now_ms)
        return self.take()

    def admit(self, screen: Screen, user: str | None = "ada", **fields: Any) -> Actions:
        self.say(screen, type="auth", token="t")
        who = Admitted("user", user, user) if user else Admitted("operator", "olga", may_watch=True)
        self.hub.admitted(screen, who if not fields else Admitted(**{**_fields(who), **fields}), self.now_ms)
        return self.take()

    def answer_reads(self, *states: AccountState, epoch: str = "ep_a") -> Actions:
        reads, self.reads = self.reads, []
        self.hub.read_begins(reads)
        self.hub.snapshot(
            epoch,
            [(a, [s for s in states if s.user_id == a.user_id] or [state(0, a.user_id)]) for a in reads],
        )
        return self.take()

    def live(self, user: str | None = "ada", version: int = 3, **join: Any) -> Screen:
        screen = self.join(**join)
        self.admit(screen, user)
        self.answer_reads(*([state(version, user)] if user else []))
        assert screen.phase is Phase.LIVE
        return screen

    def commit(self, *states: AccountState, epoch: str = "ep_a") -> Actions:
        self.hub.committed(epoch, states)
        return self.take()

    def later(self, seconds: float) -> Actions:
        """Turn the wheel in steps, as a shell does; what came out of all turns together."""
        total = Actions()
        for _ in range(int(seconds * 1000) // LIMITS.step_ms):
            self.now_ms += LIMITS.step_ms
            self.hub.turn(self.now_ms)
            out = self.take()
            for name in Actions.__slots__:
                getattr(total, name).extend(getattr(out, name))
        self.out = total
        return total

    def told(self, screen: Screen) -> list[dict[str, Any]]:
        return [json.loads(data) for to, data in self.out.sends if to is screen and isinstance(data, str)]

    def verdicts(self, screen: Screen) -> list[str]:
        return [verdict.name for to, verdict in self.out.closes if to is screen]


def _fields(who: Admitted) -> dict[str, Any]:
    return {name: getattr(who, name) for name in Admitted.__slots__}


@pytest.fixture
def desk() -> Desk:
    return Desk()


# --- register first, read after -----------------------------------------------------------------------------


def test_a_screen_is_registered_before_its_snapshot_is_asked_for(desk: Desk) -> None:
    screen = desk.join()
    out = desk.admit(screen)
    assert [audience.user_id for audience in out.reads] == ["ada"]
    assert desk.hub.audiences["ada"].screens == [screen]
    assert not out.sends
    desk.answer_reads(state(3))
    (hello,) = desk.told(screen)
    assert (hello["type"], hello["epoch"], hello["user"]) == ("hello", "ep_a", "ada")
    assert [(s["unit"], s["version"], s["credits"]) for s in hello["accounts"]] == [("credits", 3, 30)]


def test_a_commit_while_the_snapshot_is_read_is_in_the_hello(desk: Desk) -> None:
    screen = desk.join()
    desk.admit(screen)
    assert not desk.commit(state(4)).sends
    desk.answer_reads(state(3))
    (hello,) = desk.told(screen)
    assert hello["accounts"][0]["version"] == 4


def test_a_snapshot_that_is_newer_than_the_hand_over_wins(desk: Desk) -> None:
    screen = desk.join()
    desk.admit(screen)
    desk.commit(state(4))
    desk.answer_reads(state(5))
    assert desk.told(screen)[0]["accounts"][0]["version"] == 5
    assert not desk.commit(state(5)).sends


def test_a_read_that_has_begun_is_not_the_snapshot_of_who_comes_later(desk: Desk) -> None:
    first, second = desk.join(), desk.join()
    desk.admit(first)
    (began,) = desk.reads
    desk.hub.read_begins([began])
    desk.admit(second)
    desk.hub.snapshot("ep_a", [(began, [state(3)])])
    desk.reads = []
    out = desk.take()
    assert [screen for screen, _ in out.sends] == [first]
    assert out.reads == [began]
    desk.reads = list(out.reads)
    desk.answer_reads(state(4))
    assert desk.told(second)[0]["accounts"][0]["version"] == 4


def test_screens_that_come_before_the_read_begins_share_it(desk: Desk) -> None:
    screens = [desk.join() for _ in range(3)]
    for screen in screens:
        desk.admit(screen)
    assert len(desk.reads) == 1
    desk.answer_reads(state(3))
    assert [screen for screen, _ in desk.out.sends] == screens
    assert desk.hub.counts.reads == 1


def test_a_read_for_an_audience_that_is_gone_is_nobodys(desk: Desk) -> None:
    first = desk.join()
    desk.admit(first)
    (old,) = desk.reads
    desk.reads = []
    desk.hub.left(first)
    second = desk.join()
    desk.admit(second)
    desk.hub.snapshot("ep_a", [(old, [state(3)])])
    assert not desk.take().sends
    desk.answer_reads(state(4))
    assert desk.told(second)[0]["accounts"][0]["version"] == 4


def test_a_new_user_gets_version_0(desk: Desk) -> None:
    screen = desk.join()
    desk.admit(screen)
    desk.answer_reads(state(0))
    assert desk.told(screen)[0]["accounts"][0]["version"] == 0
    assert desk.commit(state(1)).sends


def test_a_failed_read_sends_its_screens_away_with_back_off(desk: Desk) -> None:
    screen = desk.join()
    desk.admit(screen)
    desk.hub.read_failed(desk.reads, desk.now_ms)
    desk.take()
    assert desk.verdicts(screen) == ["internal"]
    assert not desk.hub.audiences


# --- pushes -------------------------------------------------------------------------------------------------


def test_a_commit_goes_to_every_screen_of_its_user_and_to_nobody_else(desk: Desk) -> None:
    ada = [desk.live("ada") for _ in range(2)]
    desk.live("bob")
    out = desk.commit(state(4))
    assert [screen for screen, _ in out.sends] == ada
    assert out.sends[0][1] is out.sends[1][1]  # encoded once


def test_an_old_or_doubled_hand_over_is_dropped(desk: Desk) -> None:
    desk.live("ada", 3)
    assert not desk.commit(state(3)).sends
    assert not desk.commit(state(2)).sends
    assert desk.hub.counts.stale == 2


def test_a_straggler_of_another_epoch_is_dropped(desk: Desk) -> None:
    desk.live("ada", 3)
    assert not desk.commit(state(9), epoch="ep_old").sends


def test_each_carrier_gets_its_form(desk: Desk) -> None:
    desk.live("ada", carrier=wire.SOCKET)
    desk.live("ada", carrier=wire.EVENTS)
    desk.live("ada", carrier=wire.TEXT)
    socket, events, text = (data for _, data in desk.commit(state(4)).sends)
    assert isinstance(text, str)
    assert socket == wire.socket_bytes(text)
    assert events == f"id: ep_a.4\ndata: {text}\n\n".encode()


def test_resync_is_answered_with_a_hello_once_however_often_it_is_asked(desk: Desk) -> None:
    screen = desk.live()
    desk.say(screen, type="resync")
    desk.say(screen, type="resync")
    assert len(desk.reads) == 1
    desk.answer_reads(state(5))
    assert [(f["type"], f["accounts"][0]["version"]) for f in desk.told(screen)] == [("hello", 5)]


def test_push_again_greets_every_screen_of_the_user_anew(desk: Desk) -> None:
    screens = [desk.live() for _ in range(2)]
    assert desk.hub.push_again("ada", "brd_1", "credits", desk.now_ms) == 2
    assert desk.hub.push_again("nobody", "brd_2", "credits", desk.now_ms) == 0
    desk.take()
    desk.answer_reads(state(3))
    assert [screen for screen, _ in desk.out.sends] == screens


def test_all_screens_are_greeted_anew_when_something_moved_that_no_version_counts(desk: Desk) -> None:
    screens = [desk.live() for _ in range(2)]
    desk.hub.greet_all()
    desk.take()
    desk.answer_reads(state(3))
    assert [screen for screen, _ in desk.out.sends] == screens


@pytest.mark.parametrize("told", ["tell_again", "greet_all"])
def test_a_hello_on_its_way_waits_for_what_moved_after_its_read_began(desk: Desk, told: str) -> None:
    screen = desk.live()
    again = partial(desk.hub.tell_again, "ada") if told == "tell_again" else desk.hub.greet_all
    again()
    desk.take()
    desk.hub.read_begins(desk.reads)
    for _ in range(2):
        again()
    desk.answer_reads(state(3))
    assert not desk.told(screen)
    desk.answer_reads(state(3, low=True))
    (hello,) = desk.told(screen)
    assert hello["accounts"][0]["low"] is True


# --- back-pressure ------------------------------------------------------------------------------------------


def test_a_paused_screen_costs_one_slot_and_gets_the_newest(desk: Desk) -> None:
    screen = desk.live()
    desk.hub.paused(screen)
    for version in range(4, 104):
        assert not desk.commit(state(version, keys=((f"k{version}", version),))).sends
    assert len(screen.slot or ()) == 1
    desk.hub.writable(screen)
    desk.take()
    (frame,) = desk.told(screen)
    assert frame["version"] == 103
    assert [key for key, _ in frame["keys"]] == [f"k{n}" for n in range(88, 104)]
    assert screen.slot is None


def test_a_slot_is_per_account(desk: Desk) -> None:
    screen = desk.live()
    desk.hub.paused(screen)
    desk.commit(state(4), state(1, unit="minutes"))
    desk.commit(state(5))
    desk.hub.writable(screen)
    desk.take()
    assert {(f["unit"], f["version"]) for f in desk.told(screen)} == {("credits", 5), ("minutes", 1)}


def test_a_wish_for_a_receipt_is_not_lost_in_a_slot(desk: Desk) -> None:
    screen = desk.live()
    desk.hub.paused(screen)
    desk.commit(state(4, receipt=True))
    desk.commit(state(5))
    desk.hub.writable(screen)
    desk.take()
    assert desk.told(screen)[0]["receipt"] is True


def test_a_hello_that_cannot_be_written_waits_and_grows(desk: Desk) -> None:
    screen = desk.live()
    desk.hub.paused(screen)
    desk.say(screen, type="resync")
    desk.answer_reads(state(5))
    desk.commit(state(6))
    assert not desk.out.sends
    desk.hub.writable(screen)
    desk.take()
    assert [(f["type"], f["accounts"][0]["version"]) for f in desk.told(screen)] == [("hello", 6)]


def test_others_are_served_while_one_is_paused(desk: Desk) -> None:
    slow, quick = desk.live(), desk.live()
    desk.hub.paused(slow)
    assert [screen for screen, _ in desk.commit(state(4)).sends] == [quick]


# --- ticks and what they heal -------------------------------------------------------------------------------


def test_a_tick_carries_the_versions_and_a_ping(desk: Desk) -> None:
    screen = desk.live(carrier=wire.SOCKET)
    out = desk.later(22)
    data = [data for to, data in out.sends if to is screen]
    assert data == [wire.socket_bytes('{"type":"tick","epoch":"ep_a","versions":{"credits":3}}'), wire.PING]


def test_ticks_come_once_a_heartbeat(desk: Desk) -> None:
    screen = desk.live()
    ticks = 0
    for _ in range(10):
        screen.heard_ms = desk.now_ms
        desk.later(20)
        ticks += len(desk.told(screen))
    assert 9 <= ticks <= 11


def test_a_paused_screen_gets_no_tick(desk: Desk) -> None:
    screen = desk.live()
    desk.hub.paused(screen)
    assert not desk.later(25).sends


def test_a_lost_hand_over_is_found_by_the_slow_re_read_and_pushed(desk: Desk) -> None:
    screen = desk.live()
    desk.hub.reread(10)
    desk.take()
    desk.answer_reads(state(4))
    assert [(f["type"], f["version"]) for f in desk.told(screen)] == [("state", 4)]
    assert desk.hub.counts.drifted == 1


@pytest.mark.parametrize(("told_until_us", "drifted"), [(900, 0), (1_001, 1)])
def test_a_read_that_is_quicker_than_the_bus_is_no_fault(
    desk: Desk, told_until_us: int, drifted: int
) -> None:
    """What another node committed a moment ago may be read before it is handed over; what is old should have come."""
    screen = desk.live()
    desk.hub.reread(10)
    (audience,) = desk.take().reads
    desk.hub.snapshot("ep_a", [(audience, [state(4, changed_at_us=1_000)])], told_until_us)
    desk.take()
    assert [frame["version"] for frame in desk.told(screen)] == [4]
    assert desk.hub.counts.drifted == drifted


def test_a_re_read_that_finds_nothing_new_is_silent(desk: Desk) -> None:
    desk.live()
    desk.hub.reread(10)
    desk.take()
    desk.answer_reads(state(3))
    assert not desk.out.sends
    assert not desk.hub.counts.drifted


def test_re_reads_go_round(desk: Desk) -> None:
    for user in ("ada", "bob", "eve"):
        desk.live(user)
    seen = []
    for _ in range(6):
        desk.hub.reread(1)
        seen += [audience.user_id for audience in desk.take().reads]
        desk.answer_reads(state(3), state(3, "bob"), state(3, "eve"))
    assert sorted(seen) == ["ada", "ada", "bob", "bob", "eve", "eve"]


def test_a_ledger_that_went_back_raises_the_alarm_and_a_hello_takes_the_number_back(desk: Desk) -> None:
    screen = desk.live("ada", 9)
    desk.hub.reread(1)
    desk.take()
    desk.answer_reads(state(5))
    assert len(desk.out.alarms) == 1
    desk.answer_reads(state(5))
    assert [(f["type"], f["accounts"][0]["version"]) for f in desk.told(screen)] == [("hello", 5)]
    assert desk.commit(state(6)).sends


def test_a_screen_that_is_ahead_raises_the_alarm_and_gets_a_hello(desk: Desk) -> None:
    screen = desk.live("ada", 3)
    out = desk.say(screen, type="pong", painted={"credits": 7}, visible=True, tabs=1)
    assert len(out.alarms) == 1
    desk.answer_reads(state(3))
    assert desk.told(screen)[0]["type"] == "hello"


def test_a_lie_about_being_ahead_costs_one_read_a_heartbeat(desk: Desk) -> None:
    screen = desk.live("ada", 3)
    for _ in range(20):
        desk.say(screen, type="pong", painted={"credits": 7}, visible=True, tabs=1)
        desk.answer_reads(state(3))
    assert desk.hub.counts.reads == 2
    assert desk.hub.counts.ahead == 1


def test_a_screen_may_say_with_its_token_what_it_holds(desk: Desk) -> None:
    screen = desk.join()
    desk.hub.heard(screen, wire.Auth("t", "ep_a", {"credits": 9}), 0)
    desk.hub.admitted(screen, Admitted("user", "ada", "ada"), 0)
    desk.take()
    desk.answer_reads(state(3))
    assert len(desk.out.alarms) == 1


def test_the_first_screens_of_a_start_may_come_before_the_epoch_is_known(desk: Desk) -> None:
    screen = desk.join()
    epoch, desk.hub.epoch = desk.hub.epoch, ""
    desk.hub.heard(screen, wire.Auth("t", epoch, {"credits": 9}), 0)
    desk.hub.epoch = epoch
    desk.hub.admitted(screen, Admitted("user", "ada", "ada"), 0)
    desk.take()
    desk.answer_reads(state(3))
    assert len(desk.out.alarms) == 1


def test_what_a_screen_held_before_the_ledger_was_restored_is_an_alarm_if_it_is_gone(desk: Desk) -> None:
    desk.hub.former_epochs = ("ep_old",)
    for held in (9, 3):
        screen = desk.join()
        desk.hub.heard(screen, wire.Auth("t", "ep_old", {"credits": held}), 0)
        desk.hub.admitted(screen, Admitted("user", "ada", "ada"), 0)
        desk.take()
        desk.answer_reads(state(3))
        assert len(desk.out.alarms) == (1 if held == 9 else 0)


def test_what_a_screen_held_in_another_epoch_is_no_alarm(desk: Desk) -> None:
    screen = desk.join()
    desk.hub.heard(screen, wire.Auth("t", "ep_old", {"credits": 9}), 0)
    desk.hub.admitted(screen, Admitted("user", "ada", "ada"), 0)
    desk.take()
    desk.answer_reads(state(3))
    assert not desk.out.alarms


def test_another_epoch_greets_everybody_anew(desk: Desk) -> None:
    screen = desk.live("ada", 9)
    desk.hub.epoch_is("ep_b")
    assert len(desk.take().alarms) == 1
    desk.answer_reads(state(4), epoch="ep_b")
    (hello,) = desk.told(screen)
    assert (hello["epoch"], hello["accounts"][0]["version"]) == ("ep_b", 4)


def test_a_read_of_the_former_epoch_is_asked_again(desk: Desk) -> None:
    screen = desk.join()
    desk.admit(screen)
    desk.hub.epoch_is("ep_b")
    desk.answer_reads(state(9), epoch="ep_a")
    assert not desk.told(screen)
    desk.answer_reads(state(4), epoch="ep_b")
    assert desk.told(screen)[0]["accounts"][0]["version"] == 4


# --- who may come in ----------------------------------------------------------------------------------------


def test_a_silent_stranger_is_sent_away(desk: Desk) -> None:
    screen = desk.join()
    assert not desk.later(4.5).closes
    desk.later(1)
    assert desk.verdicts(screen) == ["auth_timeout"]
    assert desk.later(3).cuts == [screen]


def test_deadlines_longer_than_a_heartbeat_are_kept_too() -> None:
    desk = Desk(Limits(heartbeat_ms=1_000, auth_ms=5_000, close_ms=2_000, step_ms=250))
    screen = desk.join()
    assert not desk.later(4.5).closes
    desk.later(1)
    assert desk.verdicts(screen) == ["auth_timeout"]
    assert not desk.later(1).cuts
    assert desk.later(1).cuts == [screen]


def test_a_token_that_cannot_be_checked_in_time_is_our_fault(desk: Desk) -> None:
    screen = desk.join()
    desk.say(screen, type="auth", token="t")
    desk.later(6)
    assert desk.verdicts(screen) == ["overloaded"]


def test_the_first_frame_must_be_auth(desk: Desk) -> None:
    screen = desk.join()
    desk.say(screen, type="resync")
    assert desk.verdicts(screen) == ["protocol_error"]


def test_frames_behind_the_token_wait_for_it(desk: Desk) -> None:
    screen = desk.join()
    desk.say(screen, type="auth", token="t")
    desk.say(screen, type="watch", users=["ada", "bob"])
    desk.hub.admitted(screen, Admitted("operator", "olga", may_watch=True), 0)
    desk.take()
    desk.answer_reads(state(3), state(5, "bob"))
    (hello,) = desk.told(screen)
    assert hello["user"] is None
    assert {(s["user"], s["version"]) for s in hello["accounts"]} == {("ada", 3), ("bob", 5)}


def test_too_many_frames_behind_the_token_are_too_fast(desk: Desk) -> None:
    screen = desk.join()
    desk.say(screen, type="auth", token="t")
    for _ in range(TOLD_LIMIT):
        desk.say(screen, type="resync")
        assert not desk.out.closes
    desk.say(screen, type="resync")
    assert desk.verdicts(screen) == ["too_fast"]


def test_two_tokens_at_once_are_a_protocol_error(desk: Desk) -> None:
    screen = desk.join()
    desk.say(screen, type="auth", token="t")
    desk.say(screen, type="auth", token="u")
    assert desk.verdicts(screen) == ["protocol_error"]


def test_a_refused_token_ends_the_screen_with_its_verdict(desk: Desk) -> None:
    screen = desk.join()
    desk.say(screen, type="auth", token="t")
    desk.hub.refused(screen, wire.TOKEN_EXPIRED, 0)
    desk.take()
    assert desk.verdicts(screen) == ["token_expired"]
    desk.hub.admitted(screen, Admitted("user", "ada", "ada"), 0)
    assert not desk.take().reads


def test_a_user_may_have_so_many_screens_and_no_more(desk: Desk) -> None:
    screens = [desk.live() for _ in range(3)]
    extra = desk.join()
    desk.admit(extra)
    assert desk.verdicts(extra) == ["too_many_screens"]
    desk.hub.left(screens[0])
    desk.live()


def test_an_address_may_have_so_many_screens_and_no_more(desk: Desk) -> None:
    screens = [desk.join() for _ in range(5)]
    desk.hub.joined(object(), wire.TEXT, address="192.0.2.1", user_agent="", now_ms=0, now_us=0)
    assert [verdict.name for _, verdict in desk.take().closes] == ["too_many_screens"]
    desk.join(address="192.0.2.2")
    assert not desk.out.closes
    desk.hub.left(screens[0])
    desk.join()
    assert not desk.out.closes


def test_a_key_without_the_scope_is_forbidden(desk: Desk) -> None:
    screen = desk.join()
    desk.admit(screen, None, may_watch=False)
    assert desk.verdicts(screen) == ["forbidden"]


def test_nobody_is_left_behind_when_all_have_left(desk: Desk) -> None:
    screens = [desk.live("ada"), desk.live("bob"), desk.live(None), desk.join()]
    desk.say(screens[2], type="watch", users=["ada", "eve"])
    desk.say(screens[2], type="follow", lists=["users"])
    for screen in screens:
        desk.hub.left(screen)
        desk.hub.left(screen)
    hub = desk.hub
    for kept in (hub.screens, hub.audiences, hub._per_user, hub._per_address, hub._followers):
        assert not kept
    assert hub.counts.left == hub.counts.joined == 4


# --- tokens that end ----------------------------------------------------------------------------------------


def test_a_token_that_ends_ends_the_screen(desk: Desk) -> None:
    screen = desk.join()
    desk.admit(screen, "ada", expires_ms=3_000)
    desk.answer_reads(state(3))
    assert not desk.later(2.5).closes
    desk.later(1)
    assert desk.verdicts(screen) == ["token_expired"]


def test_a_newer_token_keeps_it_open_and_wakes_nobody(desk: Desk) -> None:
    screen = desk.join()
    desk.admit(screen, "ada", expires_ms=3_000)
    desk.answer_reads(state(3))
    desk.say(screen, type="auth", token="newer")
    desk.hub.admitted(screen, Admitted("user", "ada", "ada", expires_ms=60_000), 0)
    assert not desk.take().sends
    assert not desk.later(10).closes
    assert screen.phase is Phase.LIVE


def test_a_newer_token_of_somebody_else_is_forbidden(desk: Desk) -> None:
    screen = desk.live("ada")
    desk.say(screen, type="auth", token="newer")
    desk.hub.admitted(screen, Admitted("user", "bob", "bob"), 0)
    desk.take()
    assert desk.verdicts(screen) == ["forbidden"]


def test_revoking_closes_the_users_screens_or_the_sessions(desk: Desk) -> None:
    ada, bob = desk.live("ada"), desk.live("bob")
    olga = desk.join()
    desk.admit(olga, None, session_id="ses_1")
    assert desk.hub.revoke(0, user_id="ada") == 1
    desk.take()
    assert desk.verdicts(ada) == ["token_revoked"]
    assert desk.hub.revoke(0, session_id="ses_1") == 1
    desk.take()
    assert desk.verdicts(olga) == ["token_revoked"]
    assert bob.phase is Phase.LIVE


# --- silence, speed, the end --------------------------------------------------------------------------------


def test_a_screen_that_is_silent_for_one_and_a_half_heartbeats_is_gone(desk: Desk) -> None:
    screen = desk.live()
    desk.later(29)
    assert not desk.verdicts(screen)
    desk.later(2)
    assert desk.verdicts(screen) == ["no_answer"]


def test_any_sign_of_life_will_do(desk: Desk) -> None:
    screen = desk.live()
    for _ in range(6):
        desk.later(20)
        screen.heard_ms = desk.now_ms
        assert not desk.out.closes


def test_too_many_frames_in_a_heartbeat_are_too_fast(desk: Desk) -> None:
    screen = desk.live()
    for _ in range(LIMITS.frames - screen.frames):
        desk.say(screen, type="shown", painted={}, visible=True)
        assert not desk.out.closes
    desk.say(screen, type="shown", painted={}, visible=True)
    assert desk.verdicts(screen) == ["too_fast"]


def test_a_tick_gives_new_credit_of_frames(desk: Desk) -> None:
    screen = desk.live()
    for _ in range(3):
        for _ in range(LIMITS.frames - 5):
            desk.say(screen, type="shown", painted={}, visible=True)
        desk.later(22)
    assert screen.phase is Phase.LIVE


def test_a_closed_screen_hears_and_gets_nothing_more(desk: Desk) -> None:
    screen = desk.live()
    desk.hub.close(screen, wire.FORBIDDEN, 0)
    desk.hub.close(screen, wire.INTERNAL, 0)
    desk.take()
    assert desk.verdicts(screen) == ["forbidden"]
    assert not desk.commit(state(4)).sends
    assert not desk.say(screen, type="resync").reads
    desk.hub.writable(screen)
    assert not desk.take().sends


def test_drain_says_bye_to_all_and_closes(desk: Desk) -> None:
    screens = [desk.live(), desk.live("bob"), desk.join()]
    desk.hub.drain(0)
    desk.take()
    for screen in screens:
        assert desk.told(screen) == [{"type": "bye", "reason": "draining", "reconnect_ms": [0, 3000]}]
        assert desk.verdicts(screen) == ["restarting"]
    late = desk.hub.joined(object(), wire.TEXT, address="", user_agent="", now_ms=0, now_us=0)
    desk.take()
    assert desk.verdicts(late) == ["restarting"]


def test_a_drain_that_takes_its_time_sends_screens_away_one_after_the_other(desk: Desk) -> None:
    screens = [desk.live(f"user-{number}", address=f"192.0.2.{number}") for number in range(8)]
    desk.hub.drain(desk.now_ms, over_ms=4_000)
    assert not desk.take().closes
    gone = []
    for _ in range(4):
        desk.later(1)
        gone.append(sum(bool(desk.verdicts(screen)) for screen in screens))
        for screen in screens:
            if desk.verdicts(screen):
                assert desk.told(screen)[-1] == {
                    "type": "bye",
                    "reason": "draining",
                    "reconnect_ms": [0, 1000],
                }
    assert gone == [2, 2, 2, 2]


def test_who_is_still_there_is_served_and_nobody_else_is_let_in(desk: Desk) -> None:
    staying, going = desk.live("bob"), desk.live("ada")
    desk.hub.drain(desk.now_ms, over_ms=10_000)
    desk.later(6)
    assert desk.verdicts(going) == ["restarting"]
    desk.commit(state(4, "bob"))
    assert [frame["version"] for frame in desk.told(staying)] == [4]
    late = desk.join()
    assert desk.verdicts(late) == ["restarting"]


def test_the_rest_of_a_slow_drain_may_be_sent_away_at_once(desk: Desk) -> None:
    screens = [desk.live("ada"), desk.live("bob")]
    desk.hub.drain(desk.now_ms, over_ms=10_000)
    desk.later(1)
    desk.hub.drain(desk.now_ms)
    desk.take()
    assert [desk.verdicts(screen) for screen in screens] == [["restarting"], ["restarting"]]
    assert not desk.later(12).closes


def test_screens_may_be_sent_away_while_others_come(desk: Desk) -> None:
    """After commits may have been missed: everybody proves anew who it is, here or elsewhere."""
    old = desk.live()
    desk.hub.send_away(desk.now_ms, 1_000)
    new = desk.live("bob")
    desk.later(2)
    assert desk.verdicts(old) == ["restarting"]
    assert not desk.verdicts(new)


# --- operators ----------------------------------------------------------------------------------------------


def test_other_nodes_are_told_whose_page_is_open(desk: Desk) -> None:
    olga = desk.live(None)
    assert not desk.say(olga, type="watch", users=["bob"]).leases
    assert desk.say(olga, type="watch", users=["ada"], open=True).leases == ["ada"]


def test_a_page_that_is_open_on_another_node_asks_for_receipts_at_once(desk: Desk) -> None:
    screen = desk.live()
    desk.hub.lease(["ada", "nobody"], desk.now_ms)
    desk.commit(state(4))
    assert [frame.get("receipt") for frame in desk.told(screen)] == [True]
    assert not desk.take().leases  # or two nodes would tell each other for ever


def test_watching_is_answered_by_a_state_per_account(desk: Desk) -> None:
    olga = desk.live(None)
    desk.say(olga, type="watch", users=["ada", "nobody"])
    desk.answer_reads(state(3))
    assert {(f["type"], f["user"], f["version"]) for f in desk.told(olga)} == {
        ("state", "ada", 3),
        ("state", "nobody", 0),
    }
    assert [screen for screen, _ in desk.commit(state(4)).sends] == [olga]
    desk.say(olga, type="unwatch", users=["ada", "never watched"])
    assert not desk.commit(state(5)).sends


def test_watching_twice_reads_once(desk: Desk) -> None:
    olga = desk.live(None)
    desk.say(olga, type="watch", users=["ada"])
    desk.say(olga, type="watch", users=["ada"])
    assert len(desk.reads) == 1


def test_a_tick_names_watched_users_that_were_told(desk: Desk) -> None:
    olga = desk.live(None)
    desk.say(olga, type="watch", users=["ada"])
    desk.answer_reads(state(3))
    desk.say(olga, type="watch", users=["bob"])
    desk.later(20)
    assert desk.told(olga) == [
        {"type": "tick", "epoch": "ep_a", "versions": {}, "watched": {"ada": {"credits": 3}}}
    ]


def test_a_resync_of_an_operator_names_everybody_watched(desk: Desk) -> None:
    olga = desk.live(None)
    desk.say(olga, type="watch", users=["ada", "bob"])
    desk.answer_reads(state(3), state(5, "bob"))
    desk.say(olga, type="resync")
    ada, bob = desk.reads
    desk.hub.snapshot("ep_a", [(ada, [state(3)])])
    desk.commit(state(4))
    assert not desk.told(olga)
    desk.hub.snapshot("ep_a", [(bob, [state(5, "bob")])])
    desk.take()
    (hello,) = desk.told(olga)
    assert {(s["user"], s["version"]) for s in hello["accounts"]} == {("ada", 4), ("bob", 5)}


def test_watching_has_a_limit(desk: Desk) -> None:
    olga = desk.live(None)
    desk.say(olga, type="watch", users=["a", "b", "c", "d"])
    desk.say(olga, type="watch", users=["a", "d"])
    assert not desk.out.closes
    desk.say(olga, type="watch", users=["e"])
    assert desk.verdicts(olga) == ["forbidden"]
    assert not desk.hub.audiences


@pytest.mark.parametrize(
    "frame",
    [{"type": "watch", "users": ["bob"]}, {"type": "unwatch", "users": []}, {"type": "follow", "lists": []}],
)
def test_a_screen_token_sees_its_own_user_only(desk: Desk, frame: dict[str, Any]) -> None:
    screen = desk.live("ada")
    desk.say(screen, **frame)
    assert desk.verdicts(screen) == ["forbidden"]


def test_hints_go_to_the_users_own_screens_and_to_followers_gathered(desk: Desk) -> None:
    ada, bob, olga, viewer = desk.live("ada"), desk.live("bob"), desk.live(None), desk.live(None)
    desk.say(olga, type="follow", lists=["users", "audit"])
    desk.say(viewer, type="watch", users=["ada"])
    desk.answer_reads(state(3))
    for lists in ({"vouchers"}, {"history", "users"}, {"orders"}):
        desk.hub.hint(lists, ["ada"])
    assert not desk.take().sends
    desk.later(0.25)
    assert desk.told(ada) == [{"type": "changed", "lists": ["orders", "vouchers"]}]
    assert desk.told(olga) == [{"type": "changed", "lists": ["users"]}]
    assert not desk.told(bob)
    assert not desk.told(viewer)
    assert not desk.later(0.25).sends


def test_what_is_everybodys_is_told_to_all_users_and_to_no_one_twice(desk: Desk) -> None:
    ada, bob, olga = desk.live("ada"), desk.live("bob"), desk.live(None)
    desk.say(olga, type="follow", lists=["orders"])
    gone = desk.live("cyd")
    desk.hub.left(gone)
    desk.hub.hint({"packages", "orders", "audit"})
    desk.later(0.25)
    for screen in (ada, bob):
        assert desk.told(screen) == [{"type": "changed", "lists": ["packages"]}]
    assert desk.told(olga) == [{"type": "changed", "lists": ["orders"]}]
    assert not desk.told(gone)


def test_a_hint_waits_for_a_paused_screen(desk: Desk) -> None:
    ada = desk.live("ada")
    desk.hub.paused(ada)
    desk.hub.hint({"orders"}, ["ada"])
    assert not desk.later(1).sends
    desk.hub.writable(ada)
    desk.later(0.25)
    assert desk.told(ada) == [{"type": "changed", "lists": ["orders"]}]


def test_a_users_own_screens_take_it_from_the_version_that_their_history_moved(desk: Desk) -> None:
    """A second frame for every change would double what the server sends."""
    ada, olga = desk.live("ada"), desk.live(None)
    desk.say(olga, type="follow", lists=["history"])
    desk.hub.hint({"history"}, ["ada"])
    desk.later(0.25)
    assert not desk.told(ada)
    assert desk.told(olga) == [{"type": "changed", "lists": ["history"]}]


@pytest.mark.parametrize("idle_s", [1, 25, 100, 100_000])
def test_deadlines_hold_after_a_time_without_screens(desk: Desk, idle_s: int) -> None:
    desk.live()
    desk.hub.left(next(iter(desk.hub.screens.values())))
    desk.now_ms += idle_s * 1000  # the shell turns no wheel while nobody is here
    stranger = desk.join()
    screen = desk.join()
    desk.admit(screen, expires_ms=desk.now_ms + 3_000)
    desk.later(2.5)
    assert desk.verdicts(screen) == []
    desk.later(1)
    assert desk.verdicts(screen) == ["token_expired"]
    desk.later(2)
    assert desk.verdicts(stranger) == ["auth_timeout"]


def test_deadlines_hold_after_the_machine_slept(desk: Desk) -> None:
    screen = desk.live()
    desk.now_ms += 3_600_000
    desk.say(screen, type="pong", painted={}, visible=True, tabs=1)  # comes before the wheel's late turn
    late = desk.live()
    desk.later(desk.hub.limits.heartbeat_ms / 1000 * 1.2)
    assert {to for to, data in desk.out.sends if '"tick"' in str(data)} == {screen, late}


def test_the_shortest_heartbeat_cuts_nobody_who_answers() -> None:
    desk = Desk(replace(LIMITS, heartbeat_ms=1_000))
    screen = desk.live(carrier=wire.SOCKET)
    for _ in range(100):
        if any(data is wire.PING for _, data in desk.later(LIMITS.step_ms / 1000).sends):
            screen.heard_ms = desk.now_ms
    assert desk.verdicts(screen) == []
    assert screen.phase is Phase.LIVE


# --- the wheel ----------------------------------------------------------------------------------------------


def test_the_wheel_hands_out_at_the_deadline_and_not_before() -> None:
    wheel: Wheel[str] = Wheel(100, 2_000, 0)
    for due_ms in (50, 100, 101, 950, 2_000):
        wheel.add(str(due_ms), due_ms)
    seen = {item: now_ms for now_ms in range(0, 2_300, 50) for item in wheel.turn(now_ms)}
    assert seen == {"50": 100, "100": 100, "101": 200, "950": 1_000, "2000": 2_000}


def test_a_wheel_that_was_not_turned_for_long_hands_everything_out() -> None:
    wheel: Wheel[int] = Wheel(100, 2_000, 0)
    for due_ms in range(100, 2_000, 100):
        wheel.add(due_ms, due_ms)
    assert wheel.turn(1_000_000) == list(range(100, 2_000, 100))
    wheel.add(1, 1_000_050)
    assert wheel.turn(1_000_100) == [1]


def test_what_is_due_already_comes_with_the_next_turn() -> None:
    wheel: Wheel[int] = Wheel(100, 2_000, 10_000)
    wheel.add(1, 5)
    assert wheel.turn(10_100) == [1]
