"""An independent judge of what clients saw: it reads a history from outside and says what cannot have happened.

It imports nothing of livecredits, so it shares no mistake with it. A history is a list of events in the order of one
clock, each a dict with `at` (seconds) and `do`:

- `invoke`: `op` (a name of this attempt), `verb` (grant, spend, adjust, set, transfer), `user`, `amount`, `key`, and
  `to` for a transfer; then `ok`: `op`, `version`, `credits`; `refused`: `op`, `code`; or `unknown`: `op`, whose answer
  never came;
- `opened` and `lost`: `screen`, `user`; `shown`: `screen`, `user`, `version`, `credits`;
- when everything is quiet, the ledger as anybody may read it: `entry`: `user`, `version`, `credits`, `key` for each
  line, and `final`: `user`, `version`, `credits`.

One account a user, floor 0, credits that neither expire nor are held. A key is one change: an attempt again with the
same key is another `op`. The verdict is a list of faults; none is the only good one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

Event = Mapping[str, Any]
INFINITY = float("inf")


class Fault(NamedTuple):
    """Something that cannot have happened, or must not have."""

    kind: str
    detail: str


@dataclass
class Op:
    """One change, with all attempts that bore its key."""

    key: str
    verb: str
    user: str
    amount: int
    to: str | None
    invoked: float
    """When it was first asked for."""
    answered: float = INFINITY
    """When its first answer came."""
    answers: list[Event] = field(default_factory=list)

    def answer(self, do: str) -> Event | None:
        """The first answer of this kind."""
        return next((answer for answer in self.answers if answer["do"] == do), None)

    def users(self) -> Iterator[str]:
        """Whom it touches."""
        yield self.user
        if self.to is not None:
            yield self.to

    def after(self, user: str, credits: int) -> int | None:
        """What `user` has after it; None where it must be refused."""
        if self.verb == "set":
            return self.amount
        is_taking = self.verb in {"spend", "transfer"} and user == self.user
        moved = credits + (-self.amount if is_taking else self.amount)
        return None if moved < 0 and moved < credits else moved


@dataclass
class Line:
    """The line of one account, as the ledger has it: which change made which version, and what it left."""

    ops: dict[int, Op] = field(default_factory=dict)
    credits: dict[int, int] = field(default_factory=lambda: {0: 0})


def judge(history: Sequence[Event], *, fresh_s: float) -> list[Fault]:
    """Everything that is wrong with a history.

    Args:
        history: events in the order of their clock.
        fresh_s: how long after an answer every open screen of the user may show less than it says.
    """
    finals = {event["user"]: event for event in history if event["do"] == "final"}
    ops, faults = _ops(history)
    lines, found = _lines(history, ops)
    faults += found
    for user, line in lines.items():
        faults += _replay(user, line, finals.get(user))
    faults += _answers(ops.values(), lines)
    faults += _real_time(lines)
    faults += _refusals(ops.values(), lines)
    faults += _screens(history, lines, finals, fresh_s)
    return faults


# --- changes -------------------------------------------------------------------------------------------------------


def _ops(history: Sequence[Event]) -> tuple[dict[str, Op], list[Fault]]:
    """Attempts put together by their keys; a key must have one answer."""
    by_key: dict[str, Op] = {}
    by_attempt: dict[str, Op] = {}
    faults = []
    for event in history:
        if event["do"] == "invoke":
            made = Op(
                event["key"], event["verb"], event["user"], event["amount"], event.get("to"), event["at"]
            )
            by_attempt[event["op"]] = by_key.setdefault(event["key"], made)
        elif event["do"] in {"ok", "refused"}:
            op = by_attempt[event["op"]]
            op.answered = min(op.answered, event["at"])
            if op.answers and _said(op.answers[0]) != _said(event):
                faults.append(Fault("two answers", f"{op.key}: {_said(op.answers[0])}, then {_said(event)}"))
            op.answers.append(event)
    return by_key, faults


def _said(answer: Event) -> tuple[Any, ...]:
    return tuple(answer.get(name) for name in ("do", "version", "credits", "code"))


def _lines(history: Sequence[Event], ops: Mapping[str, Op]) -> tuple[dict[str, Line], list[Fault]]:
    """Every account's line; a change stands once on each account that it touches, or on none."""
    lines: dict[str, Line] = {user: Line() for op in ops.values() for user in op.users()}
    faults, stands = [], Counter[tuple[str, str]]()
    for event in history:
        if event["do"] != "entry":
            continue
        op, user, version = ops.get(event["key"]), event["user"], event["version"]
        if op is None or user not in op.users():
            faults.append(Fault("nobody asked", f"{user} {version}: {event['key']}"))
            continue
        if version in lines[user].ops:
            faults.append(Fault("one version twice", f"{user} {version}"))
        stands[op.key, user] += 1
        lines[user].ops[version] = op
        lines[user].credits[version] = event["credits"]
    for op in ops.values():
        counts = {stands[op.key, user] for user in op.users()}
        if max(counts) > 1:
            faults.append(Fault("made twice", op.key))
        elif len(counts) > 1:
            faults.append(Fault("half", f"{op.key} stands on one account"))
    return lines, faults


def _replay(user: str, line: Line, final: Event | None) -> list[Fault]:
    """Versions are 1, 2, 3 …, and each leaves what its change makes of the one before."""
    newest = max(line.credits)
    for version in range(1, newest + 1):
        if version not in line.ops:
            return [Fault("gap", f"{user} has no version {version}, but {newest}")]
        op, before, after = line.ops[version], line.credits[version - 1], line.credits[version]
        if op.after(user, before) != after:
            return [
                Fault("wrong balance", f"{user} {version}: {op.verb} {op.amount} on {before} left {after}")
            ]
    if final is not None and (final["version"], final["credits"]) != (newest, line.credits[newest]):
        return [Fault("final", f"{user}: {newest} left {line.credits[newest]}, read was {_at(final)}")]
    return []


def _answers(ops: Iterable[Op], lines: Mapping[str, Line]) -> list[Fault]:
    """What was answered is what the ledger has."""
    faults = []
    for op in ops:
        made, line = op.answer("ok"), lines[op.user]
        at = next((version for version, one in line.ops.items() if one is op), None)
        if made is None:
            if at is not None and op.answers:
                faults.append(Fault("refused and made", op.key))
        elif at is None:
            faults.append(Fault("lost", f"{op.key}: version {made['version']} was answered and is not there"))
        elif (at, line.credits[at]) != (made["version"], made["credits"]):
            faults.append(
                Fault("wrong answer", f"{op.key}: {_at(made)} was answered, {at}: {line.credits[at]} is")
            )
    return faults


def _real_time(lines: Mapping[str, Line]) -> list[Fault]:
    """Who was answered before another asked has the lower version."""
    faults = []
    for user, line in lines.items():
        latest, later = -INFINITY, None
        for _, op in sorted(line.ops.items()):
            if later is not None and op.answered < latest:
                faults.append(Fault("out of order", f"{user}: {op.key} stands behind {later.key}"))
            if op.invoked > latest:
                latest, later = op.invoked, op
    return faults


def _refusals(ops: Iterable[Op], lines: Mapping[str, Line]) -> list[Fault]:
    """A refusal for want of credits needs a moment between question and answer at which there were too few."""
    faults = []
    for op in ops:
        if op.answer("refused") is None:
            continue
        line = lines[op.user]
        first = max((at for at, one in line.ops.items() if one.answered < op.invoked), default=0)
        behind = min((at for at, one in line.ops.items() if one.invoked > op.answered), default=None)
        last = max(line.credits) + 1 if behind is None else behind
        stood = [line.credits[at] for at in range(first, last) if at in line.credits]
        if not any(op.after(op.user, credits) is None for credits in stood):
            faults.append(
                Fault("wrong refusal", f"{op.key}: {op.verb} {op.amount} fits on each of {stood[:8]}")
            )
    return faults


# --- screens -------------------------------------------------------------------------------------------------------


@dataclass
class Shown:
    """What one screen has shown."""

    user: str
    since: float
    """Since when it is open; infinite while it is not."""
    version: int = -1
    credits: int = 0
    history: list[tuple[float, int]] = field(default_factory=list)
    """When it came to which version."""
    spans: list[tuple[float, float]] = field(default_factory=list)
    """From when to when it was open."""


def _screens(
    history: Sequence[Event], lines: Mapping[str, Line], finals: Mapping[str, Event], fresh_s: float
) -> list[Fault]:
    """Each value existed, none fell, none was late, and after quiet all equal the ledger."""
    faults: list[Fault] = []
    screens: dict[str, Shown] = {}
    for event in history:
        if event["do"] == "opened":
            shown = screens.setdefault(event["screen"], Shown(event["user"], INFINITY))
            shown.since = event["at"]
        elif event["do"] == "lost":
            shown = screens[event["screen"]]
            shown.spans.append((shown.since, event["at"]))
            shown.since = INFINITY
        elif event["do"] == "shown":
            faults += _show(event, screens[event["screen"]], lines)
    end = history[-1]["at"] if history else 0.0
    for name, shown in screens.items():
        if shown.since < INFINITY:
            shown.spans.append((shown.since, end))
            final = finals.get(shown.user)
            if final is not None and (shown.version, shown.credits) != (final["version"], final["credits"]):
                faults.append(
                    Fault("differs", f"{name} shows {shown.version}: {shown.credits}, not {_at(final)}")
                )
        faults += _late(name, shown, lines, fresh_s)
    return faults


def _at(final: Event) -> str:
    return f"{final['version']}: {final['credits']}"


def _show(event: Event, shown: Shown, lines: Mapping[str, Line]) -> list[Fault]:
    faults, (user, version, credits) = [], (event["user"], event["version"], event["credits"])
    line = lines.get(user, Line())
    if line.credits.get(version) != credits:
        faults.append(Fault("never existed", f"{event['screen']} showed {user} {version}: {credits}"))
    if version < shown.version:
        faults.append(Fault("fell", f"{event['screen']} went from {shown.version} back to {version}"))
    shown.version, shown.credits = version, credits
    shown.history.append((event["at"], version))
    return faults


def _late(name: str, shown: Shown, lines: Mapping[str, Line], fresh_s: float) -> list[Fault]:
    """Whatever was answered stands on an open screen within the bound, unless it was lost meanwhile."""
    line = lines.get(shown.user, Line())
    for version, op in sorted(line.ops.items()):
        if op.answered == INFINITY:
            continue
        reached = min((at for at, seen in shown.history if seen >= version), default=INFINITY)
        for since, until in shown.spans:
            due = max(op.answered, since) + fresh_s
            if due < until and reached > due and since < INFINITY:
                return [Fault("stale", f"{name} did not show version {version} within {fresh_s} s")]
    return []


def counted(history: Sequence[Event]) -> Counter[str]:
    """How many events there are of each kind, so that a test can see that a history says something."""
    return Counter(event["do"] for event in history)
