"""Write `conformance/vectors.json`: what a screen must hold after any sequence of frames, for every language.

Promises: the same file on every run; expectations come from `expected` below, which states the outcome of a whole
sequence at once ("the highest version since the last hello") and shares no code with the reducers that it judges.
The odd thing: a vector is one line, so that a change of the file reads as the vectors that changed.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from itertools import permutations
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "conformance" / "vectors.json"
sys.path.insert(0, str(ROOT / "src"))

from livecredits.core.wire import CLOSES, PROTOCOL, advice  # noqa: E402 - runs from a bare checkout too

ABOUT = [
    "Conformance vectors of the screen's reducer. Made by tools/make_vectors.py; never edited by hand.",
    "Start with an empty screen (epoch null, no accounts). If initial is not null it is a hello: apply it first.",
    "Then apply frames in order. resync lists the indexes of those that must be answered with a resync frame.",
    "A state needs the known epoch and a higher version to win; of another epoch it is ignored and asks for resync.",
    (
        "A tick asks for resync if its epoch differs, or (where user is not null) if its versions differ from the held "
        "versions of that user, or if those of a user listed in watched differ. Absent and 0 are the same version."
    ),
    "A hello replaces epoch, user and all accounts, unconditionally. Every other type changes nothing.",
    "final.accounts is sorted by user and unit, and names every account held, version 0 included.",
    "closes is the table of close codes with the advice that the client follows.",
]

Frame = dict[str, Any]


def state(user: str, unit: str, version: int, *, epoch: str = "ep_a") -> Frame:
    """A `state` frame whose numbers follow from its version."""
    settled = version * 10 + len(user)
    held = version % 3
    return {
        "type": "state",
        "epoch": epoch,
        "user": user,
        "unit": unit,
        "version": version,
        "balance": {"settled": settled, "held": held, "available": settled - held},
        "credits": settled - held,
        "scale": 0,
        "next_expiry": None,
        "changed_at": None,
        "cause": None,
        "keys": [],
    }


def hello(states: list[Frame], *, epoch: str = "ep_a", user: str | None = "ada") -> Frame:
    """A `hello` frame with these accounts."""
    return {
        "type": "hello",
        "protocol": PROTOCOL,
        "epoch": epoch,
        "screen": "scr_1",
        "heartbeat_s": 20,
        "token_expires_at": None,
        "user": user,
        "accounts": states,
    }


def tick(versions: dict[str, int], *, epoch: str = "ep_a", watched: dict[str, Any] | None = None) -> Frame:
    """A `tick` frame."""
    frame: Frame = {"type": "tick", "epoch": epoch, "versions": versions}
    return frame if watched is None else {**frame, "watched": watched}


# --- what must come out, stated for whole sequences ----------------------------------------------------------------


def held_after(frames: list[Frame]) -> tuple[str | None, str | None, dict[tuple[str, str], Frame]]:
    """Epoch, user and the newest state of each account after these frames."""
    hellos = [at for at, frame in enumerate(frames) if frame["type"] == "hello"]
    if not hellos:
        return None, None, {}
    last = frames[hellos[-1]]
    told = list(last["accounts"])
    told += [f for f in frames[hellos[-1] :] if f["type"] == "state" and f["epoch"] == last["epoch"]]
    newest: dict[tuple[str, str], Frame] = {}
    for frame in sorted(told, key=lambda f: f["version"], reverse=True):
        newest.setdefault((frame["user"], frame["unit"]), frame)  # of equal versions the first one told
    return last["epoch"], last["user"], newest


def asks_resync(before: list[Frame], frame: Frame) -> bool:
    """Whether `frame`, coming after `before`, must be answered with `resync`."""
    epoch, user, accounts = held_after(before)
    if frame["type"] not in {"state", "tick"}:
        return False
    if frame["epoch"] != epoch:
        return True
    if frame["type"] == "state":
        return False
    told = dict(frame.get("watched", {}))
    if user is not None:
        told[user] = frame["versions"]
    for who, versions in told.items():
        units = {unit for owner, unit in accounts if owner == who} | set(versions)
        for unit in units:
            held = accounts.get((who, unit), {"version": 0})["version"]
            if held != versions.get(unit, 0):
                return True
    return False


def vector(name: str, initial: Frame | None, frames: list[Frame]) -> Frame:
    """One vector with what it must end in."""
    told = ([] if initial is None else [initial]) + frames
    lead = len(told) - len(frames)
    epoch, user, accounts = held_after(told)
    return {
        "name": name,
        "initial": initial,
        "frames": frames,
        "final": {
            "epoch": epoch,
            "user": user,
            "accounts": [
                {"user": u, "unit": n, "version": s["version"], "credits": s["credits"]}
                for (u, n), s in sorted(accounts.items())
            ],
        },
        "resync": [at for at, frame in enumerate(frames) if asks_resync(told[: lead + at], frame)],
    }


# --- the families of vectors --------------------------------------------------------------------------------------


def by_hand() -> list[Frame]:
    """One vector per sentence of the rule, and per trap that an implementation may fall into."""
    ada = [state("ada", "credits", n) for n in range(9)]
    other = [state("ada", "credits", n, epoch="ep_b") for n in range(9)]
    bob = [state("bob", "credits", n) for n in range(9)]
    start = hello([ada[3]])
    desk = hello([ada[3], bob[5]], user=None)
    changed = {"type": "changed", "lists": ["history"]}
    bye = {"type": "bye", "reason": "draining", "reconnect_ms": [0, 3000]}
    return [
        vector("an empty screen ignores a state and asks", None, [ada[1]]),
        vector("an empty screen ignores a tick and asks", None, [tick({"credits": 1})]),
        vector("an empty screen takes a hello", None, [start]),
        vector("a new user's account is version 0", None, [hello([ada[0]]), tick({})]),
        vector(
            "version 0 is left when the first change comes", hello([ada[0]]), [ada[1], tick({"credits": 1})]
        ),
        vector("the next version wins", start, [ada[4]]),
        vector("a gap is no gap: whole states need no repair", start, [ada[8]]),
        vector("the same version again changes nothing", start, [ada[3]]),
        vector("an older version is dropped", start, [ada[2]]),
        vector("a state of another epoch is ignored and asks", start, [other[8]]),
        vector("an older state of another epoch asks too", start, [other[1]]),
        vector("every state of another epoch asks", start, [other[4], ada[4], other[5]]),
        vector("a hello goes back unconditionally", hello([ada[8]]), [start]),
        vector("a hello of another epoch replaces", start, [hello([other[1]], epoch="ep_b")]),
        vector("after the new hello the old epoch asks", start, [hello([other[1]], epoch="ep_b"), ada[7]]),
        vector("after the new hello the new epoch wins", start, [hello([other[1]], epoch="ep_b"), other[2]]),
        vector("a hello without an account forgets it", start, [hello([])]),
        vector("a hello may change the user", start, [hello([bob[2]], user="bob"), tick({"credits": 2})]),
        vector("an equal tick is silent", start, [tick({"credits": 3})]),
        vector("a tick that is ahead asks", start, [tick({"credits": 4})]),
        vector("a tick that is behind asks: the ledger went back", start, [tick({"credits": 2})]),
        vector("a tick without the account asks", start, [tick({})]),
        vector("a tick with an unknown unit asks", start, [tick({"credits": 3, "minutes": 1})]),
        vector("a tick may spell version 0 out", hello([ada[0]]), [tick({"credits": 0, "minutes": 0})]),
        vector(
            "a tick of another epoch asks though versions agree", start, [tick({"credits": 3}, epoch="ep_b")]
        ),
        vector(
            "after the answer the tick agrees",
            start,
            [tick({"credits": 5}), hello([ada[5]]), tick({"credits": 5})],
        ),
        vector("a lost last state is found by the tick", start, [tick({"credits": 4}), hello([ada[4]])]),
        vector("a state and its tick agree", start, [ada[4], tick({"credits": 4})]),
        vector("a changed list moves no balance", start, [changed]),
        vector("a bye moves no balance", start, [bye, ada[4]]),
        vector("an unknown type is ignored", start, [{"type": "confetti", "epoch": "ep_z"}, ada[4]]),
        vector(
            "another unit is another account",
            start,
            [state("ada", "minutes", 1), tick({"credits": 3, "minutes": 1})],
        ),
        vector("units do not compare with each other", start, [state("ada", "minutes", 2), ada[4]]),
        vector("an operator starts with nobody", None, [hello([], user=None), tick({})]),
        vector("an operator's versions are of watched users only", desk, [tick({"credits": 9})]),
        vector(
            "watched users that agree are silent",
            desk,
            [tick({}, watched={"ada": {"credits": 3}, "bob": {"credits": 5}})],
        ),
        vector(
            "a watched user that differs asks",
            desk,
            [tick({}, watched={"ada": {"credits": 3}, "bob": {"credits": 6}})],
        ),
        vector(
            "a held user that is not listed does not ask", desk, [tick({}, watched={"ada": {"credits": 3}})]
        ),
        vector("a listed user that is not held asks", desk, [tick({}, watched={"eve": {"credits": 1}})]),
        vector("a listed user without an account is silent", desk, [tick({}, watched={"eve": {}})]),
        vector("watching adds accounts by states", hello([], user=None), [ada[3], bob[5], ada[4]]),
        vector("two watched users keep apart", desk, [ada[4], bob[4]]),
        vector(
            "a user id is not normalised",
            hello([], user=None),
            [state("Ada", "credits", 1), state("ada", "credits", 2)],
        ),
        vector("a user id may hold any letter", hello([], user=None), [state("søren 🦆", "credits", 1)]),
        vector(
            "user and unit do not run together",
            hello([], user=None),
            [state("a", "b c", 1), state("a b", "c", 2)],
        ),
        vector(
            "a user named like a JavaScript property",
            hello([], user=None),
            [state("__proto__", "constructor", 1)],
        ),
        vector("the largest version", start, [state("ada", "credits", 2**53 - 1), ada[4]]),
    ]


def permuted() -> list[Frame]:
    """Every order of four states, and every order of a hello among three: order must not matter between hellos."""
    start = hello([state("ada", "credits", 2)])
    states = [state("ada", "credits", n) for n in (2, 3, 4, 5)]
    found = [vector(f"four states in order {names(p)}", start, list(p)) for p in permutations(states)]
    mixed = [hello([state("ada", "credits", 4)]), *[state("ada", "credits", n) for n in (3, 5, 6)]]
    return found + [vector(f"a hello among states: {names(p)}", start, list(p)) for p in permutations(mixed)]


def names(frames: tuple[Frame, ...]) -> str:
    """The order of a vector, for its name."""
    return " ".join("hello" if f["type"] == "hello" else str(f["version"]) for f in frames)


def random_runs(count: int) -> list[Frame]:
    """A ledger's true frames, then shuffled, doubled and thinned, with restores in between."""
    dice = random.Random(20_25)
    return [random_run(dice, number) for number in range(count)]


def random_run(dice: random.Random, number: int) -> Frame:
    """One user or two, one unit or two, a few changes, perhaps a restore."""
    users = ["ada"] if dice.random() < 0.6 else ["ada", "bob"]
    own = "ada" if len(users) == 1 else None
    units = ["credits"] if dice.random() < 0.7 else ["credits", "minutes"]
    true = {(u, n): dice.randrange(4) for u in users for n in units}
    epoch = "ep_a"
    frames = [whole(true, epoch, own)]
    for _ in range(dice.randint(3, 6)):
        step = dice.random()
        if step < 0.62:
            key = dice.choice(sorted(true))
            true[key] += 1
            frames.append(state(*key, true[key], epoch=epoch))
        elif step < 0.80:
            frames.append(pulse(true, epoch, own))
        elif step < 0.90:
            epoch, true = "ep_b", {key: max(0, version - dice.randrange(3)) for key, version in true.items()}
        else:
            frames.append(whole(true, epoch, own))
    return vector(f"random run {number}", frames[0], shaken(dice, frames[1:]))


def whole(true: dict[tuple[str, str], int], epoch: str, own: str | None) -> Frame:
    """The hello of this moment."""
    return hello([state(*key, version, epoch=epoch) for key, version in true.items()], epoch=epoch, user=own)


def pulse(true: dict[tuple[str, str], int], epoch: str, own: str | None) -> Frame:
    """The tick of this moment."""
    by_user: dict[str, dict[str, int]] = {}
    for (user, unit), version in true.items():
        by_user.setdefault(user, {})[unit] = version
    return tick({}, epoch=epoch, watched=by_user) if own is None else tick(by_user[own], epoch=epoch)


def shaken(dice: random.Random, frames: list[Frame]) -> list[Frame]:
    """The same frames as a bad network and bad code would bring them."""
    kept = [frame for frame in frames if dice.random() > 0.15]
    kept += [dice.choice(kept) for _ in range(dice.randrange(3)) if kept]
    if dice.random() < 0.7:
        dice.shuffle(kept)
    return kept[:7]


def text() -> str:
    """The whole file."""
    vectors = by_hand() + permuted() + random_runs(130)
    head = {
        "about": ABOUT,
        "protocol": PROTOCOL,
        "closes": [{"code": c.code, "name": c.name, "advice": advice(c.code)} for c in CLOSES],
    }
    lines = ",\n".join(json.dumps(v, ensure_ascii=False, separators=(",", ":")) for v in vectors)
    return json.dumps(head, indent=1, ensure_ascii=False)[:-2] + f',\n "vectors": [\n{lines}\n]\n}}\n'


def main() -> None:
    """Write the file, or check it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="tell whether the committed file is up to date")
    made = text()
    if parser.parse_args().check:
        current = TARGET.read_text(encoding="utf-8") if TARGET.exists() else ""
        sys.exit(0 if current == made else f"{TARGET} is out of date: run python tools/make_vectors.py")
    TARGET.parent.mkdir(exist_ok=True)
    TARGET.write_text(made, encoding="utf-8")
    print(f"{TARGET.relative_to(ROOT)}: {made.count(chr(10) + '{')} vectors, {len(made) // 1024} KiB")


if __name__ == "__main__":
    main()
