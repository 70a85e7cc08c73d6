"""`livecredits tail`: every change of the watched users, as it happens, over the same WebSocket as a browser's.

Promises: each version is told once and none goes backwards, whatever the connection does; lost connections come back by
the advice of their close code. A program may read `--json`: one state frame to a line.
The odd thing: what is watched first is shown as it stands (`"news": false`), so the first line is not a change.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from livecredits.cli.ledger import URL, Remote, remote_client
from livecredits.cli.output import AsJson, ended, err, out, plain
from livecredits.core import wire
from livecredits.core.reducer import ScreenState
from livecredits.errors import Forbidden, StartRefused, Unauthenticated, Unavailable

if TYPE_CHECKING:
    from websockets.asyncio.client import ClientConnection

WATCHED_MAX = 500
FRAME_ROOM = wire.MAX_FRAME_BYTES - 100
PAUSE_MAX_S = 20.0

Frame = Mapping[str, Any]


def add_to(app: typer.Typer) -> None:
    """Put this command into the program."""
    app.command()(tail)


def tail(
    users: Annotated[
        list[str] | None,
        typer.Argument(metavar="[USER]...", help="Whom to watch; the first 500 where left out."),
    ] = None,
    *,
    unit: Annotated[str | None, typer.Option(help="Only this unit.")] = None,
    count: Annotated[int | None, typer.Option(min=1, help="End after so many changes.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show changes live; needs LIVECREDITS_URL, and LIVECREDITS_KEY with the scope live."""
    ended(lambda: _tail(tuple(users or ()), unit, count, as_json=as_json), as_json=as_json)


async def _tail(users: Sequence[str], unit: str | None, count: int | None, *, as_json: bool) -> None:
    url = os.environ.get(URL)
    if not url:
        raise StartRefused(f"{URL} is not set: `tail` watches a running server.")
    async with remote_client(url) as client:
        watched = users or [user async for user in _first_users(Remote(client))]
    told = 0
    async for frame, is_news in changes(url, os.environ["LIVECREDITS_KEY"], watched):
        if unit is not None and frame["unit"] != unit:
            continue
        _tell(frame, is_news=is_news, as_json=as_json)
        told += is_news
        if count is not None and told >= count:
            return


async def _first_users(there: Remote) -> AsyncIterator[str]:
    cursor, seen = None, 0
    while seen < WATCHED_MAX:
        page = await there.users(cursor)
        for item in page["items"][: WATCHED_MAX - seen]:
            seen += 1
            yield item["user_id"]
        cursor = page["next"]
        if cursor is None:
            return


async def changes(url: str, key: str, users: Sequence[str]) -> AsyncIterator[tuple[Frame, bool]]:
    """The watched users' states, first as they stand (False), then each as it changes (True); comes back by itself.

    Raises:
        Forbidden: the server says stay away.
        Unauthenticated: the key is not good.
    """
    from websockets.asyncio.client import connect
    from websockets.exceptions import ConnectionClosed, InvalidStatus

    live = _live_url(url)
    seen: dict[tuple[str, str], tuple[str, int]] = {}
    attempts = 0
    while True:
        try:
            async with connect(live, subprotocols=[wire.SUBPROTOCOL], compression=None) as socket:  # type: ignore[list-item]
                async for frame in _frames(socket, key, users):
                    attempts = 0
                    account, now = (frame["user"], frame["unit"]), (frame["epoch"], frame["version"])
                    if seen.get(account) != now:
                        is_news = account in seen
                        seen[account] = now
                        yield frame, is_news
            code, reason = socket.close_code or 1006, socket.close_reason or ""
        except ConnectionClosed as closed:
            code, reason = (
                (closed.rcvd.code, closed.rcvd.reason) if closed.rcvd else (1006, "the connection broke")
            )
        except (OSError, TimeoutError, InvalidStatus) as error:
            code, reason = 1006, str(error)
        attempts += 1
        await asyncio.sleep(_pause_s(code, reason, attempts))


async def _frames(socket: ClientConnection, key: str, users: Sequence[str]) -> AsyncIterator[Frame]:
    """Every state that wins by the reducer's rule, on one connection."""
    screen = ScreenState()
    await socket.send(json.dumps({"type": "auth", "token": key}))
    async for message in socket:
        frame: Frame = json.loads(message)
        if screen.apply(frame):
            await socket.send('{"type":"resync"}')
        if frame["type"] == "hello":
            for state in frame["accounts"]:
                yield state
            known = {user for user, _ in screen.accounts}
            for chunk in _chunks(user for user in users if user not in known):
                await socket.send(json.dumps({"type": "watch", "users": chunk}))
        elif frame["type"] == "state" and screen.accounts.get((frame["user"], frame["unit"])) is frame:
            yield frame


def _chunks(users: Iterable[str]) -> Iterator[list[str]]:
    """The users in as many frames as the limit of a frame asks for."""
    chunk: list[str] = []
    size = 0
    for user in users:
        length = len(json.dumps(user)) + 2
        if chunk and size + length > FRAME_ROOM:
            yield chunk
            chunk, size = [], 0
        chunk.append(user)
        size += length
    if chunk:
        yield chunk


def _pause_s(code: int, reason: str, attempts: int) -> float:
    """How long to wait, by the close code's advice; raises where coming back would not help."""
    sentence = reason or f"closed with {code}"
    advice = wire.advice(code) if code >= 4000 else "reconnect_with_backoff"
    if advice == "stay_away":
        raise Forbidden(f"The server ends the connection: {sentence}")
    if advice == "get_new_token":
        raise Unauthenticated(f"The server does not take the key: {sentence}")
    if attempts == 1:
        err().print(f"[yellow]…[/yellow] [dim]{plain(sentence)}; connecting again[/dim]")
    if attempts > 60:
        raise Unavailable(f"The server did not come back: {sentence}")
    bound_s = min(0.5 * 2 ** min(attempts - 1, 6), PAUSE_MAX_S)
    return random.uniform(0, bound_s)


def _live_url(url: str) -> str:
    return url.rstrip("/").replace("http", "ws", 1) + wire.LIVE_PATH


def _tell(frame: Frame, *, is_news: bool, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps({**frame, "news": is_news}, ensure_ascii=False))
        return
    scale, cause, user = frame["scale"], frame["cause"], plain(f"{frame['user']:<16}")
    now = f"{decimal(frame['credits'], scale):>14} {frame['unit']}"
    if not is_news or cause is None:
        out().print(
            f"[dim]{'':8}  {user} {'':>12} {now}  version {frame['version']}[/dim]",
            soft_wrap=True,
        )
        return
    at = datetime.fromisoformat(frame["changed_at"]).astimezone().strftime("%H:%M:%S")
    colour = "green" if cause["amount"] > 0 else "red"
    out().print(
        f"[dim]{at}[/dim]  {user} [{colour}]{decimal(cause['amount'], scale, '+'):>12}[/{colour}] {now}"
        f"  [dim]{cause['kind']}{' · ' + plain(cause['label']) if cause['label'] else ''}[/dim]",
        soft_wrap=True,
    )


def decimal(amount: int, scale: int, sign: str = "") -> str:
    """An amount as people read it: `decimal(-1234567, 2)` is `-12,345.67`. Exact, since no float is made."""
    whole, part = divmod(abs(amount), 10**scale)
    shown = "-" if amount < 0 else sign
    return f"{shown}{whole:,}.{part:0{scale}d}" if scale else f"{shown}{whole:,}"
