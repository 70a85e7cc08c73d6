"""Receipts, event by event, and any events in any order against a model that counts from the whole story."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.core.test_hub import LIMITS, Desk, state

from livecredits.core import receipts as receipts_module
from livecredits.core.broadcasts import Counts, Row, Span
from livecredits.core.crowds import rows_of
from livecredits.core.receipts import DETAILED_PER_S, FINAL_MS, RECENT_MOST
from livecredits.core.rows import Entry
from livecredits.core.screen import Admitted, Screen

SILENCE_MS = LIMITS.silence_ms


class Log(Desk):
    """A desk whose commits leave entries, and what was written of them."""

    def __init__(self) -> None:
        super().__init__()
        self.now_ms = 1_000
        self.versions: dict[tuple[str, str], int] = {}
        self.rows: dict[str, Row] = {}
        self.numbers = 0
        self.span: Span | None = None

    def live(self, user: str | None = "ada", version: int = 0, **join: Any) -> Screen:
        screen = self.join(**join)
        self.admit(screen, user)
        # All accounts: a screen that claimed more than the ledger has waits for its read, too.
        self.answer_reads(*(state(now, owner, unit=unit) for (owner, unit), now in self.versions.items()))
        return screen

    def change(
        self, user: str = "ada", unit: str = "credits", *, times: int = 1, receipt: bool = False
    ) -> list[str]:
        """So many changes of one account in one batch: one state, and an entry each."""
        first = self.versions.get((user, unit), 0)
        self.versions[user, unit] = first + times
        made = []
        for version in range(first + 1, first + times + 1):
            self.numbers += 1
            made.append(
                Entry(f"ent_{self.numbers:06d}", user, unit, version, "grant", 1, 1, 0, 1, 0, 0, "service:t")
            )
        states = [state(first + times, user, unit=unit, receipt=receipt)]
        self.commit(*states)
        self.hub.broadcast("ep_a", made, states, self.now_ms)
        return [entry.id for entry in made]

    def tell(
        self, screen: Screen, version: int, *, visible: bool = True, unit: str = "credits", tabs: int = 1
    ) -> None:
        self.say(screen, type="pong", painted={unit: version}, visible=visible, tabs=tabs)

    def wait(self, ms: int) -> None:
        """Time passes; every screen stays alive on the wire."""
        self.now_ms += ms
        for screen in self.hub.screens.values():
            screen.heard_ms = self.now_ms
        self.hub.receipts.turn(self.now_ms)

    def counts(self, id: str) -> Counts:
        broadcast = self.hub.receipts.find(id)
        assert broadcast is not None
        counts = self.hub.receipts.counts(broadcast, self.now_ms)
        assert counts.open == sum(counts[1:6]) or counts.off
        return counts

    def flush_span(self) -> Span | None:
        """What the next flush says it is complete for."""
        self.flush()
        return self.span

    def flush(self, *, everything: bool = False) -> dict[str, Row]:
        rows, self.span = self.hub.receipts.take(self.now_ms, everything=everything)
        expanded = list(rows_of(rows))
        written = {row.id: row for row in expanded}
        assert len(written) == len(expanded)
        self.rows |= written
        return written


@pytest.fixture
def log() -> Log:
    return Log()


# --- the classes --------------------------------------------------------------------------------------------


def test_what_was_only_sent_is_behind(log: Log) -> None:
    log.live()
    (entry,) = log.change()
    assert log.counts(entry) == Counts(open=1, behind=1)


def test_a_painted_version_is_shown_and_timed_by_one_clock(log: Log) -> None:
    screen = log.live()
    (entry,) = log.change()
    log.wait(14)
    log.tell(screen, 1)
    assert log.counts(entry) == Counts(open=1, shown=1, first_ms=15, last_ms=15)


def test_the_first_and_the_last_screen_are_told_apart(log: Log) -> None:
    one, two, three = (log.live() for _ in range(3))
    (entry,) = log.change()
    for screen in (two, one, three):
        log.wait(10)
        log.tell(screen, 1)
    assert log.counts(entry) == Counts(open=3, shown=3, first_ms=11, last_ms=31)


def test_a_higher_version_satisfies_lower_ones(log: Log) -> None:
    screen = log.live()
    entries = log.change(times=3)
    log.tell(screen, 3)
    assert [log.counts(entry).shown for entry in entries] == [1, 1, 1]


def test_a_lower_version_satisfies_no_higher_one(log: Log) -> None:
    screen = log.live()
    first, second, third = log.change(times=3)
    log.tell(screen, 2)
    assert [log.counts(entry).shown for entry in (first, second, third)] == [1, 1, 0]


def test_a_screen_without_a_visible_tab_is_hidden_until_it_is_seen(log: Log) -> None:
    screen = log.live()
    (entry,) = log.change()
    log.wait(5)
    log.tell(screen, 0, visible=False)
    assert log.counts(entry) == Counts(open=1, hidden=1)
    log.wait(5_000)
    log.tell(screen, 1)
    assert log.counts(entry).shown == 1


def test_a_screen_that_was_hidden_before_counts_as_hidden_at_once(log: Log) -> None:
    screen = log.live()
    log.tell(screen, 0, visible=False)
    log.wait(5)
    assert log.counts(log.change()[0]) == Counts(open=1, hidden=1)


def test_what_was_painted_before_the_tab_was_hidden_is_shown(log: Log) -> None:
    screen = log.live()
    (entry,) = log.change()
    log.wait(5)
    log.tell(screen, 1, visible=False)
    assert log.counts(entry).shown == 1


def test_a_screen_whose_script_does_not_answer_is_asleep_and_may_wake(log: Log) -> None:
    screen = log.live()
    log.tell(screen, 0)
    log.wait(5)
    (entry,) = log.change()
    log.wait(SILENCE_MS)
    assert log.counts(entry) == Counts(open=1, behind=1)
    log.wait(1)
    assert log.counts(entry) == Counts(open=1, asleep=1)
    log.tell(screen, 0)
    assert log.counts(entry) == Counts(open=1, behind=1)
    log.wait(5)
    log.tell(screen, 1)
    assert log.counts(entry).shown == 1


def test_a_screen_that_closes_before_it_painted_is_gone(log: Log) -> None:
    one, two = log.live(), log.live()
    (entry,) = log.change()
    log.tell(one, 1)
    log.hub.left(one)
    log.hub.left(two)
    assert log.counts(entry) == Counts(open=2, shown=1, gone=1, first_ms=1, last_ms=1)


def test_a_screen_that_comes_later_is_not_counted(log: Log) -> None:
    log.live()
    (entry,) = log.change()
    log.tell(log.live(), 1)
    assert log.counts(entry) == Counts(open=1, behind=1)


def test_who_only_watches_is_not_counted(log: Log) -> None:
    log.live()
    olga = log.live(None)
    log.say(olga, type="watch", users=["ada"])
    log.answer_reads(state(0))
    (entry,) = log.change()
    log.tell(olga, 1)
    assert log.counts(entry) == Counts(open=1, behind=1)


def test_a_claim_above_the_ledger_is_of_another_line_of_history(log: Log) -> None:
    screen = log.live()
    (entry,) = log.change()
    log.tell(screen, 7)
    assert log.counts(entry).shown == 0


def test_what_a_screen_says_it_held_before_is_no_receipt(log: Log) -> None:
    screen = log.join()
    log.say(screen, type="auth", token="t", epoch="ep_a", held={"credits": 1})
    log.hub.admitted(screen, Admitted("user", "ada", "ada"), log.now_ms)
    log.take()
    log.answer_reads(state(0))
    (entry,) = log.change()
    assert log.counts(entry) == Counts(open=1, behind=1)


def test_units_are_counted_apart(log: Log) -> None:
    screen = log.live()
    (credits,) = log.change()
    (points,) = log.change(unit="points")
    log.tell(screen, 1)
    assert (log.counts(credits).shown, log.counts(points).shown) == (1, 0)
    log.tell(screen, 1, unit="points")
    assert log.counts(points).shown == 1


def test_tabs_that_share_a_connection_make_it_a_browser(log: Log) -> None:
    one, two = log.live(), log.live()
    (entry,) = log.change()
    log.tell(one, 1, tabs=3)
    log.tell(two, 1)
    assert log.counts(entry).browsers
    (entry,) = log.change()
    assert log.counts(entry).browsers, "and is one from then on"


def test_a_restored_ledger_forgets_what_its_other_line_pushed(log: Log) -> None:
    screen = log.live()
    (entry,) = log.change()
    log.hub.epoch_is("ep_b")
    log.tell(screen, 1)
    assert log.hub.receipts.find(entry) is None
    assert log.flush(everything=True) == {}


# --- asked at once ------------------------------------------------------------------------------------------


def states_told(log: Log, screen: Screen) -> list[dict[str, Any]]:
    return [frame for frame in log.told(screen) if frame["type"] == "state"]


def test_a_page_that_is_open_asks_for_receipts_for_ten_seconds(log: Log) -> None:
    ada, olga = log.live(), log.live(None)
    log.say(olga, type="watch", users=["ada"], open=True)
    log.answer_reads(state(0))
    log.change()
    assert [frame.get("receipt") for frame in states_told(log, ada)] == [True]
    log.wait(9_000)
    log.say(olga, type="watch", users=["ada"], open=True)
    assert not log.out.reads, "who is watched already is not read again"
    log.wait(9_000)
    log.change()
    assert [frame.get("receipt") for frame in states_told(log, ada)] == [True]
    log.wait(1_001)
    log.change()
    assert [frame.get("receipt") for frame in states_told(log, ada)] == [None]


def test_only_visible_screens_that_were_asked_feed_the_figure(log: Log) -> None:
    asked, hidden = log.live(), log.live()
    log.tell(hidden, 0, visible=False)
    log.change(receipt=True)
    log.change()
    log.wait(20)
    log.tell(asked, 2)
    log.wait(60_000)
    log.tell(hidden, 2)
    assert log.hub.receipts.delays_ms == [21]


def test_a_re_send_counts_what_is_said_after_it(log: Log) -> None:
    seen, hidden = log.live(), log.live()
    log.change()
    for screen in (seen, hidden):
        log.tell(screen, 1)
    log.wait(10)
    log.hub.push_again("ada", "brd_1", "credits", log.now_ms)
    log.take()
    log.answer_reads(state(1))
    (hello,) = log.told(seen)
    assert hello["accounts"][0]["receipt"] is True
    assert log.counts("brd_1") == Counts(open=2, behind=2)
    log.wait(10)
    log.tell(seen, 1)
    log.tell(hidden, 1, visible=False)
    assert log.counts("brd_1") == Counts(open=2, shown=1, hidden=1, first_ms=11, last_ms=11)


# --- switched off -------------------------------------------------------------------------------------------


def test_without_receipts_nothing_is_asked_and_nothing_kept(log: Log) -> None:
    ada, bob = log.live("ada"), log.live("bob")
    (before,) = log.change("ada")
    log.hub.want_receipts(is_on=True, exempt={"ada"})
    log.take()
    log.answer_reads(state(1, "ada"))
    assert [frame["receipts"] for frame in log.told(ada)] == [False]
    assert not log.told(bob)
    (after,) = log.change("ada", receipt=True)
    assert "receipt" not in states_told(log, ada)[0]
    log.tell(ada, 2)
    assert log.counts(before) == log.counts(after) == Counts(open=1, off=True)
    (other,) = log.change("bob", receipt=True)
    assert states_told(log, bob)[0]["receipt"] is True
    log.tell(bob, 1)
    assert log.counts(other).shown == 1


def test_a_lease_asks_nobody_who_gives_no_receipts(log: Log) -> None:
    ada, olga = log.live(), log.live(None)
    log.hub.want_receipts(is_on=False, exempt=())
    log.say(olga, type="watch", users=["ada"], open=True)
    log.answer_reads(state(0))
    log.change()
    assert "receipt" not in states_told(log, ada)[0]


# --- rows and bounds ----------------------------------------------------------------------------------------


def test_a_row_is_written_when_nothing_can_change_it(log: Log) -> None:
    screen = log.live()
    (entry,) = log.change()
    assert log.flush() == {}
    log.wait(10)
    log.tell(screen, 1)
    assert log.flush() == {
        entry: Row(entry, Counts(open=1, shown=1, first_ms=11, last_ms=11), is_settled=True, details="full")
    }
    assert log.flush() == {}


def test_who_did_not_answer_in_time_has_a_row_that_follows(log: Log) -> None:
    screen = log.live()
    log.tell(screen, 0, visible=False)
    log.wait(5)
    (entry,) = log.change()
    log.wait(SILENCE_MS + 1)
    assert log.flush()[entry] == Row(entry, Counts(open=1, asleep=1), is_settled=False, details="full")
    log.tell(screen, 0, visible=False)
    assert log.flush()[entry].counts == Counts(open=1, hidden=1)
    log.wait(20_000)
    log.tell(screen, 0, visible=False)
    assert log.flush() == {}, "nothing else than before"
    log.hub.left(screen)
    assert log.flush()[entry] == Row(entry, Counts(open=1, gone=1), is_settled=True, details="full")


def test_whoever_reads_the_log_finds_what_is_still_on_its_way(log: Log) -> None:
    log.live()
    (entry,) = log.change()
    assert log.flush(everything=True)[entry].counts == Counts(open=1, behind=1)
    assert log.flush(everything=True) == {}


def test_the_range_ends_before_what_has_no_row_yet(log: Log) -> None:
    """After a crash, an entry without a row and outside of the range is one of which nothing is known."""
    (alone,) = log.change("bob")
    screen = log.live("ada")
    (waiting,) = log.change("ada")
    (last,) = log.change("bob")
    log.flush()
    assert log.span is not None
    assert log.span.first_id <= alone < log.span.before_id <= waiting < last
    log.tell(screen, 1)
    log.flush()
    assert log.span.first_id <= alone < last < log.span.before_id


def test_rows_that_could_not_be_written_are_given_again(log: Log) -> None:
    screen = log.live()
    (entry,) = log.change()
    log.tell(screen, 1)
    rows = log.flush()
    log.hub.receipts.give_back(rows.values())
    assert log.flush() == rows
    assert entry in rows


def test_rows_that_are_too_many_are_lost_and_said_to_be(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receipts_module, "CROWD_MOST", 2)
    screen = log.live()
    entries = log.change(times=3)
    log.tell(screen, 3)
    log.hub.receipts.give_back(log.flush().values())
    assert log.flush() == {}
    assert log.flush_span() is None
    (next_one,) = log.change("bob")
    log.flush()
    span = log.flush_span()
    assert span is not None
    assert span.first_id == next_one > entries[-1]
    assert log.hub.receipts.totals.dropped == 3


def test_memory_is_bounded(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receipts_module, "DUE_MOST", 20)
    monkeypatch.setattr(receipts_module, "LATE_MOST", 10)
    frozen = log.live()
    entries = log.change(times=100)
    log.wait(250)
    assert len(frozen.due or ()) == 30
    first = log.flush()[entries[0]]
    assert first == Row(entries[0], Counts(open=1, behind=1), is_settled=True, details="full")
    log.tell(frozen, 100)
    assert frozen.due is None
    assert {row.counts.shown for id, row in log.flush().items() if id in entries[70:]} == {1}
    assert log.hub.receipts.totals.dropped == 70


def test_what_is_said_after_ten_minutes_changes_nothing(log: Log) -> None:
    screen = log.live()
    (entry,) = log.change()
    for _ in range(FINAL_MS // 20_000 + 2):
        log.wait(20_000)
        log.tell(screen, 0, visible=False)
    log.tell(screen, 1)
    log.flush()
    assert log.rows[entry] == Row(entry, Counts(open=1, hidden=1), is_settled=True, details="full")
    assert screen.due is None


def test_details_are_of_screens_that_are_open(log: Log) -> None:
    one, two, three = (log.live() for _ in range(3))
    (entry,) = log.change()
    log.wait(7)
    log.tell(one, 1)
    log.tell(two, 1)
    log.hub.left(two)
    broadcast = log.hub.receipts.find(entry)
    assert broadcast is not None
    assert log.hub.receipts.sights(broadcast, log.now_ms) == [(one, "shown", 8), (three, "behind", None)]


def test_details_are_sampled_when_there_are_many_broadcasts(log: Log) -> None:
    screen = log.live()
    some = log.change(times=DETAILED_PER_S)
    many = log.change(times=5)
    (asked,) = log.change(receipt=True)
    log.tell(screen, DETAILED_PER_S + 6)
    rows = log.flush()
    assert {rows[id].details for id in some} == {"full"}
    assert {rows[id].details for id in many} == {"sampled"}
    assert {rows[id].counts.shown for id in many} == {1}, "counts are never sampled"
    assert rows[asked].details == "full"


def test_settled_ones_are_remembered_up_to_a_bound(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receipts_module, "DETAILED_PER_S", 10**9)
    screen = log.live()
    entries = log.change(times=RECENT_MOST + 10)
    log.tell(screen, len(entries))
    log.wait(1)
    assert log.hub.receipts.find(entries[9]) is None
    assert log.hub.receipts.find(entries[10]) is not None


def test_a_batch_that_is_handed_over_twice_is_counted_once(log: Log) -> None:
    screen = log.live()
    log.change()
    entry = Entry("ent_000001", "ada", "credits", 1, "grant", 1, 1, 0, 1, 0, 0, "service:t")
    log.hub.broadcast("ep_a", [entry], [], log.now_ms)
    assert len(screen.due or ()) == 1
    log.hub.broadcast("ep_gone", [Entry("ent_9", "ada", "credits", 2, "grant", 1, 1, 0, 2, 0, 0, "t")], [], 1)
    assert len(screen.due or ()) == 1


# --- any story against a model ------------------------------------------------------------------------------


@dataclass
class Seen:
    """A screen as the model knows it: when it came and went, and all that it said."""

    user: str
    screen: Screen
    said: list[tuple[int, dict[str, int], bool, dict[str, int]]] = field(default_factory=list)
    left_ms: int | None = None


@dataclass
class Pushed:
    user: str
    unit: str
    version: int
    at_ms: int
    screens: list[Seen]


def judged(pushed: Pushed, now_ms: int) -> Counts:
    """The counts, from the whole story and nothing remembered."""
    classes: dict[str, Any] = dict.fromkeys(("shown", "hidden", "asleep", "gone", "behind"), 0)
    times: list[int] = []
    for seen in pushed.screens:
        after = [word for word in seen.said if word[0] > pushed.at_ms]
        painted = [
            at_ms
            for at_ms, versions, _, newest in after
            if pushed.version <= versions.get(pushed.unit, 0) <= newest.get(pushed.unit, 0)
        ]
        words = after or seen.said
        if painted:
            classes["shown"] += 1
            times.append(painted[0] - pushed.at_ms + 1)
        elif seen.left_ms is not None:
            classes["gone"] += 1
        elif not after and now_ms - pushed.at_ms > SILENCE_MS:
            classes["asleep"] += 1
        elif words and not words[-1][2]:
            classes["hidden"] += 1
        else:
            classes["behind"] += 1
    return Counts(
        len(pushed.screens), **classes, first_ms=min(times, default=None), last_ms=max(times, default=None)
    )


USERS, UNITS = ("ada", "bob"), ("credits", "points")
STEPS = st.one_of(
    st.tuples(st.just("join"), st.sampled_from(USERS)),
    st.tuples(st.just("leave"), st.integers(0, 9)),
    st.tuples(st.just("change"), st.sampled_from(USERS), st.sampled_from(UNITS), st.integers(1, 3)),
    st.tuples(
        st.just("tell"),
        st.integers(0, 9),
        st.fixed_dictionaries({unit: st.integers(-2, 1) for unit in UNITS}),
        st.booleans(),
    ),
    st.tuples(st.just("wait"), st.sampled_from((1, 400, 20_000, SILENCE_MS))),
    st.tuples(st.just("flush"), st.booleans()),
)


CLAIMED_MORE: list[tuple[Any, ...]] = [
    ("join", "ada"),
    ("change", "ada", "credits", 1),
    ("tell", 0, {"credits": 1, "points": 0}, False),
    ("join", "bob"),
    ("tell", 0, {"credits": 0, "points": 0}, False),
]


@pytest.mark.parametrize("detailed_per_s", [DETAILED_PER_S, 0], ids=["one by one", "in a crowd"])
@settings(max_examples=400, deadline=None)
@example(CLAIMED_MORE)
@given(st.lists(STEPS, max_size=30))
def test_any_story_is_counted_as_a_naive_model_counts_it(
    detailed_per_s: int, steps: list[tuple[Any, ...]]
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(receipts_module, "DETAILED_PER_S", detailed_per_s)
        _tell_and_judge(steps)


def _tell_and_judge(steps: list[tuple[Any, ...]]) -> None:
    log = Log()
    screens: list[Seen] = []
    pushed: dict[str, Pushed] = {}
    for step in steps:
        log.wait(1)
        _take(step, log, screens, pushed)
        for id, one in pushed.items():
            if log.hub.receipts.find(id) is not None:
                assert log.counts(id) == judged(one, log.now_ms), (id, step)
    log.flush(everything=True)
    for id, one in pushed.items():
        if not one.screens:
            assert id not in log.rows
        elif log.rows[id].is_settled or log.hub.receipts.find(id) is not None:
            assert log.rows[id].counts == judged(one, log.now_ms), id
    assert not pushed or (log.span is not None and min(pushed) >= log.span.first_id)
    assert not pushed or (log.span is not None and max(pushed) < log.span.before_id)


def _take(step: tuple[Any, ...], log: Log, screens: list[Seen], pushed: dict[str, Pushed]) -> None:
    open_now = [seen for seen in screens if seen.left_ms is None]
    if step[0] == "join" and len([seen for seen in open_now if seen.user == step[1]]) < 3:
        screens.append(Seen(step[1], log.live(step[1], address=str(len(screens)))))
    elif step[0] == "change":
        _, user, unit, times = step
        here = [seen for seen in open_now if seen.user == user]
        first = log.versions.get((user, unit), 0) + 1
        for version, id in enumerate(log.change(user, unit, times=times), first):
            pushed[id] = Pushed(user, unit, version, log.now_ms, here)
    elif step[0] == "wait":
        log.wait(step[1])
    elif step[0] == "flush":
        log.flush(everything=step[1])
    elif step[0] in {"leave", "tell"} and open_now:
        seen = open_now[step[1] % len(open_now)]
        if step[0] == "leave":
            log.hub.left(seen.screen)
            seen.left_ms = log.now_ms
        else:
            newest = {unit: log.versions.get((seen.user, unit), 0) for unit in UNITS}
            painted = {unit: max(0, newest[unit] + step[2][unit]) for unit in UNITS}
            log.say(seen.screen, type="pong", painted=painted, visible=step[3], tabs=1)
            seen.said.append((log.now_ms, painted, step[3], newest))
