"""The remote client against a server that answers by script: requests, retries, errors; both faces alike."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import httpx2
import pytest

from livecredits import Credits
from livecredits.client import (
    About,
    AboutOwn,
    AsyncClient,
    Client,
    Patience,
    admin_calls,
    batch_calls,
    calls,
    shop_calls,
)
from livecredits.credits.asking import Common
from livecredits.errors import (
    BY_CODE,
    InsufficientCredits,
    Invalid,
    Malformed,
    OutcomeUnknown,
    RateLimited,
    Unavailable,
    VersionMismatch,
)

ANSWER = {
    "entry": "ent_1", "user_id": "ada", "unit": "credits", "kind": "spend", "amount": -5, "version": 42,
    "epoch": "ep_1", "credits": 95, "balance": {"settled": 100, "held": 5, "available": 95},
    "as_of": "2026-11-23T05:36:21.123456Z", "something_new": True,
}  # fmt: skip
Step = Callable[[httpx2.Request], httpx2.Response]


class Script:
    """A server that plays its steps, one for each request, and keeps what it was asked and how long it was paused."""

    def __init__(self, *steps: Step | Exception) -> None:
        self._steps: Iterator[Step | Exception] = iter(steps)
        self.requests: list[httpx2.Request] = []
        self.pauses_s: list[float] = []

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        self.requests.append(request)
        step = next(self._steps)
        if isinstance(step, Exception):
            raise step
        return step(request)

    def client(self, **values: Any) -> Client:
        return Client(
            "https://credits.example/billing/",
            "lck_x",
            transport=httpx2.MockTransport(self),
            sleep=self.pauses_s.append,
            **values,
        )


def says(status: int, body: Any, **headers: str) -> Step:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda _request: httpx2.Response(status, json=body, headers=named)


def problem(code: str, **extra: Any) -> dict[str, Any]:
    return {
        "type": "about:blank",
        "title": "t",
        "status": 0,
        "detail": f"It is {code}.",
        "code": code,
        **extra,
    }


def body(request: httpx2.Request) -> Any:
    return json.loads(request.content)


def test_a_change_is_sent_whole_and_read_back() -> None:
    script = Script(says(200, ANSWER))
    answer = script.client().spend("a/da ö", 5, key="job:1", label="Picture", as_user=True)
    (request,) = script.requests
    assert str(request.url) == "https://credits.example/billing/api/v1/users/a%2Fda%20%C3%B6/spend"
    assert request.headers["authorization"] == "Bearer lck_x"
    assert request.headers["idempotency-key"] == "job:1"
    assert body(request) == {"amount": 5, "label": "Picture", "as_user": True}
    assert (answer.entry, answer.version, answer.balance.available) == ("ent_1", 42, 95)
    assert answer.as_of == datetime(2026, 11, 23, 5, 36, 21, 123456, tzinfo=UTC)


@pytest.mark.parametrize(
    ("send", "method", "path", "sent"),
    [
        (lambda c: c.grant("ada", 9, priority=2), "POST", "/users/ada/grants", {"amount": 9, "priority": 2}),
        (lambda c: c.adjust("ada", -9), "POST", "/admin/users/ada/adjustments", {"amount": -9}),
        (lambda c: c.set("ada", 0), "PUT", "/admin/users/ada/credits", {"credits": 0}),
        (lambda c: c.hold("ada", 3, ttl_s=60), "POST", "/users/ada/holds", {"amount": 3, "ttl_s": 60}),
        (lambda c: c.capture("hld_1"), "POST", "/holds/hld_1/capture", {}),
        (lambda c: c.release("hld_1"), "POST", "/holds/hld_1/release", {}),
        (
            lambda c: c.transfer("ada", "bob", 4),
            "POST",
            "/transfers",
            {"from_user_id": "ada", "to_user_id": "bob", "amount": 4},
        ),
        (lambda c: c.reverse("ent_1", amount=2), "POST", "/admin/entries/ent_1/reverse", {"amount": 2}),
    ],
)
def test_every_change_has_its_route(send: Callable[[Client], Any], method: str, path: str, sent: Any) -> None:
    script = Script(says(200, ANSWER))
    assert send(script.client()).entry == "ent_1"
    (request,) = script.requests
    assert (request.method, request.url.path) == (method, f"/billing/api/v1{path}")
    assert body(request) == sent
    assert len(request.headers["idempotency-key"]) == 32


def test_reads() -> None:
    entry = {**ANSWER, "at": ANSWER["as_of"], "label": None}
    hold = {
        "hold": "hld_1", "user_id": "ada", "unit": "credits", "amount": 5, "state": "open",
        "expires_at": ANSWER["as_of"],
    }  # fmt: skip
    script = Script(
        says(200, {**ANSWER, "floor": 0}),
        says(200, {"items": [entry], "next": "n", "previous": None}),
        says(200, {"items": [hold]}),
        says(200, {"affordable": True}),
        says(200, {"token": "eyJ.secret", "user_id": "ada", "expires_at": ANSWER["as_of"]}),
        lambda _request: httpx2.Response(204),
    )
    client = script.client()
    assert client.balance("ada", unit="minutes").floor == 0
    page = client.history("ada", kinds=("grant", "spend"), after="c", limit=5)
    assert [item.kind for item in page] == ["spend"]
    assert page.next == "n"
    assert client.holds("ada").items[0].hold == "hld_1"
    assert client.check("ada", 5) is True
    token = client.token("ada")
    assert token.token == "eyJ.secret"
    assert "secret" not in repr(token)
    client.revoke_tokens("ada")
    queries = [str(request.url.query, "ascii") for request in script.requests]
    assert queries[:2] == ["unit=minutes", "kind=grant%2Cspend&after=c&limit=5"]


def test_a_time_is_sent_in_utc_and_a_version_as_a_tag() -> None:
    script = Script(says(200, ANSWER), says(200, ANSWER))
    client = script.client()
    client.grant("ada", 1, expires_at=datetime(2027, 1, 1, 1, tzinfo=timezone(timedelta(hours=1))))
    client.set("ada", 7, if_version=41)
    assert body(script.requests[0])["expires_at"] == "2027-01-01T00:00:00Z"
    assert script.requests[1].headers["if-match"] == '"41"'


@pytest.mark.parametrize("code", sorted(set(BY_CODE) - {"refused"}))
def test_every_code_comes_back_as_its_class(code: str) -> None:
    script = Script(says(BY_CODE[code].status, problem(code, needed=5, available=3)))
    with pytest.raises(BY_CODE[code], match=f"It is {code}") as caught:
        script.client(patience=Patience(retries=0)).spend("ada", 5)
    assert type(caught.value) is BY_CODE[code]


def test_a_refusal_carries_its_facts_and_the_request_id() -> None:
    refusal = says(402, problem("insufficient_credits", needed=5, available=3, request_id="req_9"))
    with pytest.raises(InsufficientCredits) as caught:
        Script(refusal).client().spend("ada", 5)
    assert (caught.value.needed, caught.value.available) == (5, 3)
    assert caught.value.extra["request_id"] == "req_9"


def test_a_refusal_is_not_asked_again() -> None:
    script = Script(says(412, problem("version_mismatch", version=43, balance={})))
    with pytest.raises(VersionMismatch):
        script.client().set("ada", 5, if_version=42)
    assert script.pauses_s == []


def test_lost_answers_are_asked_for_again_with_the_same_key() -> None:
    script = Script(
        httpx2.ReadTimeout("slow"), httpx2.RemoteProtocolError("cut"), says(503, {}), says(200, ANSWER)
    )
    assert script.client().spend("ada", 5).entry == "ent_1"
    assert len({request.headers["idempotency-key"] for request in script.requests}) == 1
    assert len({request.content for request in script.requests}) == 1
    assert len(script.pauses_s) == 3
    assert all(0 <= pause_s <= 0.2 * 2**at for at, pause_s in enumerate(script.pauses_s))


def test_the_outcome_of_a_change_without_an_answer_is_unknown() -> None:
    script = Script(*[httpx2.ReadTimeout("slow")] * 4)
    with pytest.raises(OutcomeUnknown) as caught:
        script.client().spend("ada", 5, key="job:1")
    assert caught.value.extra["key"] == "job:1"


def test_a_service_that_was_never_reached_did_nothing() -> None:
    script = Script(*[httpx2.ConnectError("refused")] * 4)
    with pytest.raises(Unavailable) as caught:
        script.client().spend("ada", 5)
    assert type(caught.value) is Unavailable


def test_a_read_without_an_answer_is_unavailable_and_not_unknown() -> None:
    with pytest.raises(Unavailable) as caught:
        Script(*[httpx2.ReadTimeout("slow")] * 4).client().balance("ada")
    assert type(caught.value) is Unavailable


@pytest.mark.parametrize(
    ("headers", "pause_s"),
    [
        ({"retry_after": "3"}, 3.0),
        ({"retry_after": "Mon, 23 Nov 2026 05:00:07 GMT", "date": "Mon, 23 Nov 2026 05:00:00 GMT"}, 7.0),
        ({"retry_after": "Mon, 23 Nov 2026 05:00:00 GMT", "date": "Mon, 23 Nov 2026 05:00:09 GMT"}, 0.0),
    ],
)
def test_retry_after_is_obeyed(headers: dict[str, str], pause_s: float) -> None:
    script = Script(says(429, problem("rate_limited"), **headers), says(200, ANSWER))
    script.client().spend("ada", 5)
    assert script.pauses_s == [pause_s]


def test_who_is_told_to_wait_for_an_hour_is_told_so() -> None:
    script = Script(says(429, problem("rate_limited", retry_after_s=3600), retry_after="3600"))
    with pytest.raises(RateLimited):
        script.client().spend("ada", 5)
    assert script.pauses_s == []


def test_a_page_of_a_proxy_is_no_answer() -> None:
    html: Step = lambda _request: httpx2.Response(502, content=b"<h1>Bad gateway</h1>")  # noqa: E731
    with pytest.raises(Unavailable, match="answered 502"):
        Script(html).client(patience=Patience(retries=0)).balance("ada")
    page: Step = lambda _request: httpx2.Response(200, content=b"<h1>Sign in</h1>")  # noqa: E731
    with pytest.raises(Malformed):
        Script(page).client().balance("ada")


async def test_the_awaitable_face_does_the_same() -> None:
    script = Script(httpx2.ReadTimeout("slow"), says(200, ANSWER))

    async def sleep(pause_s: float) -> None:
        script.pauses_s.append(pause_s)

    transport = httpx2.MockTransport(script)
    async with AsyncClient("https://credits.example", "lck_x", transport=transport, sleep=sleep) as client:
        answer = await client.spend("ada", 5)
    assert answer.entry == "ent_1"
    assert len(script.pauses_s) == 1


@pytest.mark.parametrize(
    "step",
    [httpx2.ReadTimeout("slow"), says(503, problem("unavailable")), says(502, {}), says(504, {})],
    ids=["lost", "503", "502", "504"],
)
def test_what_would_be_made_twice_is_not_asked_for_again(step: Step | Exception) -> None:
    script = Script(step)
    with pytest.raises(Unavailable) as caught:
        script.client().add_key("shop", ["read"])
    assert isinstance(step, Exception) is (type(caught.value) is OutcomeUnknown)
    assert script.pauses_s == []


def test_what_never_left_is_asked_for_again_whatever_it_is() -> None:
    key = {
        "id": "key_1", "name": "shop", "scopes": ["read"], "hint": "…x", "created_by": None,
        "created_at": ANSWER["as_of"], "last_used_at": None, "revoked_at": None,
    }  # fmt: skip
    script = Script(
        httpx2.ConnectError("refused"),
        says(429, problem("rate_limited")),
        says(201, {"key": key, "secret": "lck_y"}),
    )
    made = script.client().add_key("shop", ["read"])
    assert (made.secret, made.key.scopes, made.key.created_at.year) == ("lck_y", ("read",), 2026)
    assert "lck_y" not in repr(made)


def test_a_replayed_answer_says_so() -> None:
    script = Script(says(200, ANSWER), says(200, ANSWER, idempotency_replayed="true"))
    client = script.client()
    first, again = (
        client.set("ada", 95, key="k", if_version=41),
        client.set("ada", 95, key="k", if_version=41),
    )
    assert (first.replayed, again.replayed) == (False, True)
    assert again == replace(first, replayed=True)


@pytest.mark.parametrize(
    ("field", "value"),
    [("amount", "5"), ("amount", 5.0), ("amount", True), ("amount", None), ("as_of", 1), ("as_of", "yesterday"),
     ("balance", []), ("balance", {"settled": 1}), ("user_id", 7), ("hold", 7)],
)  # fmt: skip
def test_an_answer_of_another_shape_is_no_answer(field: str, value: Any) -> None:
    with pytest.raises(Malformed, match="not one of livecredits"):
        Script(says(200, {**ANSWER, field: value})).client().spend("ada", 5)


@pytest.mark.parametrize("body", [[], "text", 5, None, {"items": {}}, {"items": [5]}, {}])
def test_a_list_of_another_shape_is_no_list(body: Any) -> None:
    with pytest.raises(Malformed):
        Script(says(200, body)).client().history("ada")


def test_a_moment_without_a_zone_is_nobodys() -> None:
    with pytest.raises(ValueError, match="no time zone"):
        Script().client().orders(since=datetime(2026, 1, 1))  # noqa: DTZ001


def test_a_list_that_breaks_off_leaves_no_file(tmp_path: Path) -> None:
    class Torn(httpx2.SyncByteStream):
        def __iter__(self) -> Iterator[bytes]:
            yield b"a,b\r\n"
            raise httpx2.RemoteProtocolError("cut")

    whole: Step = lambda _request: httpx2.Response(200, content=b"a,b\r\n1,2\r\n")  # noqa: E731
    torn: Step = lambda _request: httpx2.Response(200, stream=Torn())  # noqa: E731
    script = Script(says(503, {}), httpx2.ConnectError("refused"), whole, torn)
    client, file = script.client(), tmp_path / "audit.csv"
    assert client.export_audit(file) == 10
    assert file.read_bytes() == b"a,b\r\n1,2\r\n"
    assert len(script.pauses_s) == 2
    with pytest.raises(Unavailable, match="broke off"):
        client.export_audit(str(file))
    # What stood there before is still whole, and nothing stands beside it.
    assert file.read_bytes() == b"a,b\r\n1,2\r\n"
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize(
    "url", ["credits.example", "ftp://credits.example", "http://", "https://", "http://[::1", "https://x/\x7f", ""]
)  # fmt: skip
def test_what_is_no_address_is_refused_at_once(url: str) -> None:
    for face in (Client, AsyncClient):
        with pytest.raises(ValueError, match="address"):
            face(url, "lck_x")


@pytest.mark.parametrize("key", ["", " ", "lck_ü", "lck_x\r\nX-Evil: 1", "lck_a lck_b", "lck_\x00"])
def test_what_is_no_key_is_refused_without_telling_it(key: str) -> None:
    for face in (Client, AsyncClient):
        with pytest.raises(ValueError, match="service key") as caught:
            face("https://credits.example", key)
        assert not key.strip() or key.strip() not in str(caught.value)


def test_a_key_from_a_file_may_end_in_a_line_break() -> None:
    script = Script(says(200, ANSWER))
    with Client("https://credits.example/ ", "lck_x\n", transport=httpx2.MockTransport(script)) as client:
        client.spend("ada", 5)
    assert script.requests[0].headers["authorization"] == "Bearer lck_x"


@pytest.mark.parametrize("user_id", ["", ".", "..", 5, None, b"ada"])
def test_what_is_no_step_of_a_path_is_not_sent(user_id: Any) -> None:
    script = Script()
    with pytest.raises(Invalid):
        script.client().erase(user_id)
    assert script.requests == []


@pytest.mark.parametrize("key", ["", "a b", "job:ü", "x" * 256, "a\r\nb: c", 5])
def test_what_cannot_be_a_key_is_not_sent(key: Any) -> None:
    script = Script()
    with pytest.raises(Invalid) as caught:
        script.client().spend("ada", 5, key=key)
    assert caught.value.extra["errors"][0]["field"] == "key"
    assert script.requests == []


def test_one_word_is_one_and_not_its_letters() -> None:
    page: dict[str, Any] = {"items": [], "next": None, "previous": None}
    script = Script(says(200, page), says(200, page))
    client = script.client()
    client.audit(actions="credits.set", exclude="user.broadcast")
    client.history("ada", kinds="grant")
    assert dict(script.requests[0].url.params)["action"] == "credits.set"
    assert dict(script.requests[0].url.params)["exclude"] == "user.broadcast"
    assert dict(script.requests[1].url.params)["kind"] == "grant"


def verbs_of(face: type[Any]) -> set[str]:
    """What is lifted from the modules of calls."""
    modules = {module.__name__ for module in (calls, shop_calls, batch_calls, admin_calls)}
    return {name for name, value in vars(face).items() if getattr(value, "__module__", "") in modules}


def test_every_verb_that_is_written_is_lifted() -> None:
    written = {
        name
        for module in (calls, shop_calls, batch_calls, admin_calls)
        for name, value in vars(module).items()
        if inspect.isfunction(value) and value.__module__ == module.__name__ and not name.startswith("_")
    }
    assert written - {"set_credits"} | {"set"} == verbs_of(Client) == verbs_of(AsyncClient)


OF_ONE_FACE_ALONE = {
    "self",
    "actor",
    "audience",
    "common",
    "about",
    "user_id",
    "active_only",
    "single_only",
    "finds_paying",
}
"""The facade says who asks and for whose eyes; over HTTP the key does. The rest is in `Common` and `About`."""


def test_the_facade_has_the_same_verbs_with_the_same_words() -> None:
    apart = {
        # Tokens, operators and keys are the HTTP face's; a file is the ledger's own page by page; and a few more.
        "token", "revoke_tokens", "operators", "add_operator", "change_operator", "sign_in_code", "keys", "add_key",
        "revoke_key", "export_history", "export_users", "export_audit", "export_codes", "broadcast", "screens",
        "batch_csv",
    }  # fmt: skip
    for verb in verbs_of(Client) - apart - {"units"}:
        mine, its = (inspect.signature(getattr(face, verb)).parameters for face in (Client, Credits))
        assert set(mine) - OF_ONE_FACE_ALONE - {"metadata", "key"} <= set(its), verb
        assert set(its) - OF_ONE_FACE_ALONE <= set(mine), verb
        shared = [name for name in mine if name in its and name not in OF_ONE_FACE_ALONE]
        for name in shared:
            assert mine[name].kind == its[name].kind, (verb, name)
            assert repr(mine[name].default) == repr(its[name].default), (verb, name)
    assert About.__optional_keys__ - {"if_version"} <= Common.__optional_keys__
    assert AboutOwn.__optional_keys__ | {"actor"} == Common.__optional_keys__


def test_both_faces_have_the_same_verbs_with_the_same_words() -> None:
    verbs = verbs_of(Client)
    assert {"grant", "spend", "set", "capture", "history", "token"} <= verbs
    for verb in verbs:
        one, other = getattr(Client, verb), getattr(AsyncClient, verb)
        assert inspect.signature(one) == inspect.signature(other)
        assert one.__doc__
        assert one.__doc__ == other.__doc__
