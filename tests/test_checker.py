"""The judge of histories: a true one passes, and each of many forged ones is told what is wrong with it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from tests.checker import Fault, judge

Event = dict[str, Any]
FRESH_S = 1.0


def true_history() -> list[Event]:
    """Two users, each kind of change, a lost answer that was made and one that was not, a key that came twice."""
    told: list[Event] = []

    def say(do: str, at: float, **fields: Any) -> None:
        told.append({"at": at, "do": do, **fields})

    def ask(op: str, at: float, verb: str, user: str, amount: int, **more: Any) -> None:
        say(
            "invoke",
            at,
            **{"op": op, "verb": verb, "user": user, "amount": amount, "key": f"key-{op}", **more},
        )

    say("opened", 0.0, screen="tab", user="ada")
    say("shown", 0.1, screen="tab", user="ada", version=0, credits=0)
    ask("a", 1.0, "grant", "ada", 100)
    say("ok", 1.1, op="a", version=1, credits=100)
    say("shown", 1.2, screen="tab", user="ada", version=1, credits=100)
    ask("b", 2.0, "spend", "ada", 30)
    say("unknown", 2.1, op="b")  # it was made
    ask("c", 2.2, "spend", "ada", 500)
    say("refused", 2.3, op="c", code="insufficient_credits")
    say("lost", 2.4, screen="tab", user="ada")
    ask("d", 3.0, "transfer", "ada", 20, to="bob")
    say("ok", 3.1, op="d", version=3, credits=50)
    ask("e", 4.0, "set", "ada", 7)
    say("unknown", 4.1, op="e")
    ask("e2", 4.2, "set", "ada", 7, key="key-e")
    say("ok", 4.3, op="e2", version=4, credits=7)
    ask("e3", 4.4, "set", "ada", 7, key="key-e")
    say("ok", 4.5, op="e3", version=4, credits=7)
    say("opened", 5.0, screen="tab", user="ada")
    say("shown", 5.1, screen="tab", user="ada", version=4, credits=7)
    ask("f", 6.0, "adjust", "bob", -5)
    say("unknown", 6.1, op="f")  # it was not made
    ask("g", 7.0, "grant", "bob", 1)
    say("ok", 7.1, op="g", version=2, credits=21)
    for user, keys, credits in (("ada", "abde", (100, 70, 50, 7)), ("bob", "dg", (20, 21))):
        for version, key in enumerate(keys, 1):
            say("entry", 20.0, user=user, version=version, credits=credits[version - 1], key=f"key-{key}")
    say("final", 20.0, user="ada", version=4, credits=7)
    say("final", 20.0, user="bob", version=2, credits=21)
    return told


def found(history: list[Event]) -> set[str]:
    faults: list[Fault] = judge(history, fresh_s=FRESH_S)
    return {fault.kind for fault in faults}


def test_a_true_history_passes() -> None:
    assert judge(true_history(), fresh_s=FRESH_S) == []


def change(history: list[Event], **which: Any) -> Event:
    """The one event that has these fields."""
    (event,) = [one for one in history if which.items() <= one.items()]
    return event


def lost_update(told: list[Event]) -> None:
    told.remove(change(told, do="entry", key="key-g"))
    change(told, do="final", user="bob").update(version=1, credits=20)


def made_twice(told: list[Event]) -> None:
    told.insert(-2, {**change(told, do="entry", key="key-g"), "version": 3, "credits": 22})
    change(told, do="final", user="bob").update(version=3, credits=22)


def version_skipped(told: list[Event]) -> None:
    change(told, op="g", do="ok").update(version=3)
    change(told, do="entry", key="key-g").update(version=3)
    change(told, do="final", user="bob").update(version=3)


def one_version_for_two(told: list[Event]) -> None:
    change(told, do="entry", key="key-g").update(version=1)


def wrong_balance(told: list[Event]) -> None:
    change(told, do="entry", key="key-g").update(credits=20)
    change(told, op="g", do="ok").update(credits=20)
    change(told, do="final", user="bob").update(credits=20)


def wrong_answer(told: list[Event]) -> None:
    change(told, op="g", do="ok").update(credits=20)


def below_the_floor(told: list[Event]) -> None:
    change(told, op="b", do="invoke").update(amount=101)
    change(told, do="entry", key="key-b").update(credits=-1)


def made_by_nobody(told: list[Event]) -> None:
    told.insert(-2, {"at": 20.0, "do": "entry", "user": "bob", "version": 3, "credits": 99, "key": "key-z"})
    change(told, do="final", user="bob").update(version=3, credits=99)


def refused_and_made(told: list[Event]) -> None:
    change(told, op="g", do="ok").update(do="refused", code="insufficient_credits")


def read_otherwise(told: list[Event]) -> None:
    change(told, do="final", user="bob").update(credits=22)


def key_with_two_answers(told: list[Event]) -> None:
    change(told, op="e3", do="ok").update(version=5)


def refused_what_fits(told: list[Event]) -> None:
    change(told, op="c", do="invoke").update(amount=60)


def answered_before_it_was_made(told: list[Event]) -> None:
    """A change that was answered before another was asked for stands behind it."""
    told[-7:-7] = [
        {"at": 8.0, "do": "invoke", "op": "h", "verb": "grant", "user": "bob", "amount": 1, "key": "key-h"},
        {"at": 8.1, "do": "ok", "op": "h", "version": 2, "credits": 21},
    ]
    change(told, do="entry", key="key-g").update(version=3, credits=22)
    change(told, op="g", do="ok").update(version=3, credits=22)
    told.insert(-2, {"at": 20.0, "do": "entry", "user": "bob", "version": 2, "credits": 21, "key": "key-h"})
    change(told, do="final", user="bob").update(version=3, credits=22)


def half_a_transfer(told: list[Event]) -> None:
    change(told, do="entry", user="bob", key="key-d").update(key="key-f", credits=20)
    change(told, do="invoke", op="f").update(amount=20)


def shown_what_never_was(told: list[Event]) -> None:
    change(told, do="shown", version=1).update(credits=99)


def a_screen_that_fell(told: list[Event]) -> None:
    told.insert(-2, {"at": 9.0, "do": "shown", "screen": "tab", "user": "ada", "version": 3, "credits": 50})
    told.insert(-2, {"at": 9.1, "do": "shown", "screen": "tab", "user": "ada", "version": 4, "credits": 7})


def a_screen_that_is_late(told: list[Event]) -> None:
    change(told, do="shown", version=4).update(at=6.5)


def a_screen_that_never_came_to_it(told: list[Event]) -> None:
    told.remove(change(told, do="shown", version=4))


def another_users_number(told: list[Event]) -> None:
    change(told, do="shown", version=4).update(user="bob", version=2, credits=7)


FORGED: dict[str, tuple[Callable[[list[Event]], None], str]] = {
    "an answered change is gone": (lost_update, "lost"),
    "a change was made twice": (made_twice, "made twice"),
    "a version is missing": (version_skipped, "gap"),
    "two changes have one version": (one_version_for_two, "one version twice"),
    "a balance is wrong": (wrong_balance, "wrong balance"),
    "an answer is wrong": (wrong_answer, "wrong answer"),
    "a balance fell below the floor": (below_the_floor, "wrong balance"),
    "nobody asked for a change": (made_by_nobody, "nobody asked"),
    "a refused change was made": (refused_and_made, "refused and made"),
    "a balance is read otherwise": (read_otherwise, "final"),
    "a key has two answers": (key_with_two_answers, "two answers"),
    "a spend that fits was refused": (refused_what_fits, "wrong refusal"),
    "an older change stands behind a newer one": (answered_before_it_was_made, "out of order"),
    "a transfer took and did not give": (half_a_transfer, "half"),
    "a screen shows what never was": (shown_what_never_was, "never existed"),
    "a screen went back": (a_screen_that_fell, "fell"),
    "a screen is late": (a_screen_that_is_late, "stale"),
    "a screen stays behind": (a_screen_that_never_came_to_it, "differs"),
    "a screen shows another user's number": (another_users_number, "never existed"),
}


@pytest.mark.parametrize("name", FORGED)
def test_a_forged_history_is_told_what_is_wrong(name: str) -> None:
    forge, kind = FORGED[name]
    told = true_history()
    forge(told)
    assert kind in found(told), (name, judge(told, fresh_s=FRESH_S))
