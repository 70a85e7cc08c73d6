"""Frames a second and processor time per frame of the delivery plane, against a C loop and Starlette in one run."""

from __future__ import annotations

from bench.processes import server_core
from bench.report import Figure, Target
from bench.run import Run
from bench.screens import Pair, Pushed, connect, users

TITLE = "frames/s of one core at 5,000 screens of distinct users, against C and Starlette"
INCLUDES = (
    "The clock runs from the first hand-over of committed states to the arrival of the last frame at the last "
    "screen. Ours includes the hub, encoding each state (every user is another one, so every frame is encoded), "
    "WebSocket framing, and the transport's write, in a real uvicorn process with the product's protocol class; "
    "states come in batches of 256, as a group commit hands them over. Not included: HTTP, the decision, the commit, "
    "and making the state objects, which the ledger's writer does (the clock stands still meanwhile). The C loop "
    "(`bench/peers/epoll_send.c`) sends a ready-made frame of the same length to each screen, one `send()` each. "
    "Starlette (`bench/peers/starlette_push.py`) encodes with `json.dumps` and awaits `send_text`. All three hold "
    "their screens at the same time and push in turn, on one core; the receivers have the other."
)
KINDS = ("ours", "C", "Starlette")


def measure(run: Run) -> Figure:
    """Connect all, then push in turn: ours, C, Starlette, ours, C, Starlette, and so on."""
    screens, rounds, turns = run.scaled(5_000, 500), run.scaled(10, 5), run.scaled(9, 2)
    run.steps("delivery", len(KINDS) * (turns + 1))
    pairs = _pairs(run, screens)
    for kind in KINDS:
        run.step(f"{kind}: warming up")
        pairs[kind].push(2)
    pushed: dict[str, list[Pushed]] = {kind: [] for kind in KINDS}
    for turn in range(turns):
        for kind in KINDS:
            run.step(f"{kind}: turn {turn + 1} of {turns}")
            pushed[kind].append(pairs[kind].push(rounds))
    return _figure(pushed, screens)


def _pairs(run: Run, screens: int) -> dict[str, Pair]:
    ours = run.python("bench.ours_push", core=server_core())
    port = ours.hear()["port"]
    sample = ours.ask("sample")["text"]
    c = run.program("epoll_send", "--text", sample)
    starlette = run.python("bench.peers.starlette_push", core=server_core())
    pairs = {
        "ours": connect(run, ours, port, users(screens)),
        "C": connect(run, c, c.hear()["port"], users(screens)),
        "Starlette": connect(run, starlette, starlette.hear()["port"], users(screens)),
    }
    for server in (ours, starlette):
        server.ask("calm")
    return pairs


def _figure(pushed: dict[str, list[Pushed]], screens: int) -> Figure:
    figure = Figure("delivery", TITLE, INCLUDES)
    rates = {kind: [turn.frames_per_s for turn in pushed[kind]] for kind in KINDS}
    for kind in KINDS:
        figure.add(f"{kind}: frames/s", "/s", rates[kind])
    for kind in KINDS:
        figure.add(f"{kind}: CPU per frame", "µs", [turn.cpu_us_per_frame for turn in pushed[kind]])
    figure.add("ours ÷ C", "×", _ratios(rates, "C"), Target(">=", 0.65))
    figure.add("ours ÷ Starlette", "×", _ratios(rates, "Starlette"), Target(">=", 2.5))
    for peer in KINDS[1:]:
        pairs = zip(pushed[peer], pushed["ours"], strict=True)
        shares = [theirs.cpu_us_per_frame / ours.cpu_us_per_frame for theirs, ours in pairs]
        figure.add(f"the same by CPU per frame: {peer} ÷ ours", "×", shares)
    for kind in KINDS:
        handed, arrived = sum(turn.handed for turn in pushed[kind]), sum(turn.frames for turn in pushed[kind])
        if arrived < handed:
            figure.notes.append(
                f"{kind}: {handed - arrived:,} of {handed:,} states were merged into newer ones."
            )
    figure.notes.append(f"{screens:,} screens each; a ratio is taken within each turn, then the median.")
    return figure


def _ratios(rates: dict[str, list[float]], peer: str) -> list[float]:
    return [ours / theirs for ours, theirs in zip(rates["ours"], rates[peer], strict=True)]
