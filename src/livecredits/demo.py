"""`livecredits demo`: the whole of livecredits on one port, with a small host app that has integrated it.

Read `WalletBackend` as the model of an integration: a host's backend mints the token for the user who is signed in
*there*, spends on the ledger with the key that the browser made, and shows a refusal's own sentence. That is all that
a host app adds; balances reach the screens by themselves.
The odd thing: anybody may be any user here (`/wallet/?user=ada`). A real backend takes the user from its own session,
never from the request.
"""

from __future__ import annotations

import json
import webbrowser
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from livecredits import server
from livecredits.access import ALL_SCOPES, Role
from livecredits.config import Settings
from livecredits.core.amounts import positive, whole
from livecredits.core.changes import Actor
from livecredits.credits import Credits
from livecredits.demo_data import FIRST_USERS, PEOPLE, tell
from livecredits.errors import Conflict, Malformed, Refused, UnsupportedMedia
from livecredits.http.app import App, build_app
from livecredits.http.keys import Keys
from livecredits.http.operators import Operators

if TYPE_CHECKING:
    import socket

    from livecredits.http.tokens import Tokens

STATIC = Path(__file__).parent / "static" / "wallet"
OPERATOR_EMAIL = "operator@demo.example"
TOKEN_TTL_S = 900
LINK_TTL_S = 3_600
NOT_KEPT = {"Cache-Control": "no-store"}
TEAM_ORDERS = 10
LUMEN = Actor("service", "wallet", "Lumen")

Answering = Callable[[Request, Mapping[str, Any]], Awaitable[Any]]


class WalletBackend:
    """The host app's own backend: who is signed in, what costs credits, and what its own team may do.

    Args:
        credits: the ledger, used as a library.
        tokens: mints screen tokens.
    """

    def __init__(self, credits: Credits, tokens: Tokens) -> None:
        self._credits = credits
        self._tokens = tokens

    def routes(self) -> list[Route]:
        """The addresses that the host app's pages call."""
        return [
            Route("/session", _answering(self.session), methods=["POST"]),
            Route("/spend", _answering(self.spend), methods=["POST"]),
            Route("/users", _answering(self.users), methods=["GET"]),
            Route("/users/{user_id}/credits", _answering(self.set_credits), methods=["PUT"]),
            Route("/orders", _answering(self.orders), methods=["GET"]),
            Route("/orders/{order_id}/fulfill", _answering(self.fulfil), methods=["POST"]),
        ]

    async def session(self, _request: Request, body: Mapping[str, Any]) -> dict[str, Any]:
        """Mint the screen token of whoever is signed in; the SDK asks again before it expires."""
        token, expires_at_us = await self._tokens.mint(_text(body, "user"), TOKEN_TTL_S)
        return {"token": token, "expires_at_ms": expires_at_us // 1000}

    async def spend(self, _request: Request, body: Mapping[str, Any]) -> dict[str, Any]:
        """Charge for a picture, with the browser's key: asking twice charges once, and its screens settle by it."""
        user, key = _text(body, "user"), _text(body, "key")
        amount = positive("amount", body.get("amount"))
        answer = await self._credits.spend(
            user, amount, key=key, as_user=True, label="Picture", actor=Actor("user", user)
        )
        return answer.as_json()

    async def users(self, _request: Request, _body: Mapping[str, Any]) -> dict[str, Any]:
        """The users page of the host app."""
        page = await self._credits.users(limit=200)
        plans = {person.id: person.plan for person in PEOPLE}
        return {
            "items": [
                {
                    "id": user.user_id,
                    "name": user.name or user.user_id,
                    "plan": plans.get(user.user_id, "Free"),
                    "credits": user.credits,
                }
                for user in page.items
            ]
        }

    async def set_credits(self, request: Request, body: Mapping[str, Any]) -> dict[str, Any]:
        """Set a user's credits, as the host's own administrators do."""
        user, credits = request.path_params["user_id"], whole("credits", body.get("credits"))
        answer = await self._credits.set(user, credits, reason="users page", actor=LUMEN)
        return answer.as_json()

    async def orders(self, _request: Request, _body: Mapping[str, Any]) -> dict[str, Any]:
        """The newest orders, for the team page of the host app."""
        page = await self._credits.orders(limit=TEAM_ORDERS)
        return {
            "items": [
                {
                    "id": order.id,
                    "user_id": order.user_id,
                    "package": order.package["name"],
                    "status": order.state,
                }
                for order in page.items
            ]
        }

    async def fulfil(self, request: Request, body: Mapping[str, Any]) -> dict[str, Any]:
        """Grant what an order has bought, on behalf of whom of the team pressed the button."""
        answer = await self._credits.fulfil(
            request.path_params["order_id"], fulfilled_by=_text(body, "fulfilled_by"), actor=LUMEN
        )
        return answer.as_json()


def _answering(answer: Answering) -> Callable[[Request], Awaitable[Response]]:
    """An endpoint that reads JSON and answers it; a refusal becomes its status and its own sentence."""

    async def endpoint(request: Request) -> Response:
        try:
            return JSONResponse(await answer(request, await _body(request)), headers=NOT_KEPT)
        except Refused as refused:
            told = {"code": refused.code, "status": refused.status, "detail": refused.detail}
            return JSONResponse({**refused.extra, **told}, refused.status)

    return endpoint


async def _body(request: Request) -> Mapping[str, Any]:
    if request.method == "GET":
        return {}
    if request.headers.get("content-type", "").partition(";")[0] != "application/json":
        # A form on any web page could send other types without asking; browsers ask before they send this one.
        raise UnsupportedMedia("The body must be application/json.")
    try:
        body = await request.json()
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise Malformed("The body is a JSON object.")
    return body


def _text(body: Mapping[str, Any], name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str) or not value:
        raise Malformed(f"{name} is missing.")
    return value


def build_demo(credits: Credits, app: App) -> Starlette:
    """The host app, with livecredits mounted into it: `/` shows everything at once, `/wallet` is the host's page."""
    backend = WalletBackend(credits, app.services.tokens)
    return Starlette(
        routes=[
            Route("/", _front_page),
            Route("/wallet", _to_wallet),
            Mount("/wallet/api", routes=backend.routes()),
            Mount("/wallet", StaticFiles(directory=STATIC, html=True, check_dir=False)),
            Mount("/", app),
        ]
    )


async def _front_page(_request: Request) -> Response:
    try:
        page = (STATIC / "front.html").read_text("utf-8")
    except FileNotFoundError:
        return HTMLResponse("<h1>The wallet has not been built</h1><p>Run <code>make demo</code>.</p>", 503)
    return HTMLResponse(page.replace("<head>", '<head><base href="wallet/">', 1))


async def _to_wallet(request: Request) -> Response:
    query = f"?{request.url.query}" if request.url.query else ""
    return RedirectResponse(f"wallet/{query}")


# --- the process ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Links:
    """What `livecredits demo` prints. `front` and `operator` sign in once each; no token stands in any address."""

    url: str
    front: str
    operator: str
    service_key: str
    users: list[dict[str, str]]

    def as_json(self) -> dict[str, Any]:
        """The one line of `--json`."""
        return {
            "url": self.url,
            "service_key": self.service_key,
            "operator_link": self.operator,
            "users": self.users,
        }


async def run_demo(
    settings: Settings, listener: socket.socket, *, as_json: bool = False, browser: bool = True
) -> None:
    """Seed the ledger if it is empty, serve it, print where it is; returns when a signal ended it."""
    await tell(settings)
    async with Credits(settings.database_url, settings=settings) as credits:
        app = build_app(credits, settings=settings)

        async def ready() -> None:
            links = await _links(credits, app.services.tokens, _url(listener))
            if as_json:
                print(json.dumps(links.as_json()), flush=True)  # noqa: T201 - the answer of the command
            else:
                _show(links)
                _open(links, wanted=browser)

        await server.serve(build_demo(credits, app), app.services.live, credits, listener, ready=ready)


def _url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


async def _links(credits: Credits, tokens: Tokens, url: str) -> Links:
    """New credentials at every start: only digests are kept, so the former ones cannot be shown again."""
    operators = Operators(credits)
    operator_id = await _operator(operators)
    front, _ = await operators.create_code(operator_id, ttl_s=LINK_TTL_S)
    console, _ = await operators.create_code(operator_id, ttl_s=LINK_TTL_S)
    _, service_key = await Keys(credits).create("demo", ALL_SCOPES)
    users = [
        {
            "id": person.id,
            "token": (await tokens.mint(person.id))[0],
            "wallet_url": f"{url}/wallet/?user={person.id}",
        }
        for person in PEOPLE
    ]
    return Links(url, f"{url}/#code={front}", f"{url}/console#code={console}", service_key, users)


async def _operator(operators: Operators) -> str:
    try:
        made = await operators.create(OPERATOR_EMAIL, "Olga Operator", Role.ADMIN)
    except Conflict:  # a named file, at its second start
        made = next(item for item in await operators.every() if item["email"] == OPERATOR_EMAIL)
    return str(made["id"])


def _show(links: Links) -> None:
    console = Console()
    console.print("\n[bold]livecredits[/bold] is running. Open this first; it signs you in once:\n")
    console.print(f"  [bold cyan]{links.front}[/bold cyan]\n", soft_wrap=True)
    told = [("console", links.operator)]
    told += [
        (f"wallet of {user['id']}", user["wallet_url"]) for user in links.users if user["id"] in FIRST_USERS
    ]
    told += [("API", f"{links.url}/docs"), ("service key", links.service_key)]
    for name, value in told:
        console.print(f"  {name:<16} {value}", soft_wrap=True, highlight=False)
    console.print("\n  Ctrl+C ends it.\n", style="dim")


def _open(links: Links, *, wanted: bool) -> None:
    if wanted and Console().is_terminal and _has_screen():
        webbrowser.open(links.front)


def _has_screen() -> bool:
    """Whether a browser with windows would open: one for the terminal is a plain `GenericBrowser`."""
    try:
        return type(webbrowser.get()) is not webbrowser.GenericBrowser
    except webbrowser.Error:
        return False
