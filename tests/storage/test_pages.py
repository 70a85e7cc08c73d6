"""Pages: forward and back, across a user's accounts, while more is written; nothing skipped, nothing twice."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from tests.storage.hands import HandClock

from livecredits import Credits, Invalid, NotFound
from livecredits.core.changes import Actor
from livecredits.errors import Malformed


@pytest.fixture
async def credits(database_url: str) -> AsyncIterator[Credits]:
    async with Credits(database_url, clock=HandClock()) as opened:
        await opened.put_unit("minutes")
        yield opened


async def forward(read: Any, **first: Any) -> list[Any]:
    pages = [await read(**first)]
    while pages[-1].next is not None:
        pages.append(await read(after=pages[-1].next))
    return pages


async def test_history_goes_through_two_accounts_in_one_order(credits: Credits) -> None:
    for number in range(23):
        await credits.grant("ada", 1 + number, unit="minutes" if number % 3 == 0 else "credits")

    def read(**part: Any) -> Any:
        return credits.history("ada", limit=5, **part)

    pages = await forward(read)
    assert [len(page.items) for page in pages] == [5, 5, 5, 5, 3]
    amounts = [item.entry.amount for page in pages for item in page.items]
    assert amounts == list(range(23, 0, -1))
    back = pages[-1]
    for page in reversed(pages[:-1]):
        back = await read(before=back.previous)
        assert back.items == page.items
    assert back.previous is None


async def test_new_entries_come_before_the_first_page_and_disturb_no_other(credits: Credits) -> None:
    for number in range(4):
        await credits.grant("ada", 1 + number)
    first = await credits.history("ada", limit=2)
    await credits.grant("ada", 100)
    await credits.grant("ada", 200, unit="minutes")
    second = await credits.history("ada", limit=2, after=first.next)
    assert [item.entry.amount for item in second.items] == [2, 1]
    newer = await credits.history("ada", limit=2, before=second.previous)
    assert [item.entry.amount for item in newer.items] == [4, 3]
    newest = await credits.history("ada", limit=2, before=newer.previous)
    assert [item.entry.amount for item in newest.items] == [200, 100]


async def test_history_is_filtered(credits: Credits) -> None:
    olga = Actor("operator", "op_1", name="Olga")
    await credits.grant("ada", 10, metadata={"order": 5, "shop": "x"})
    await credits.adjust("ada", 1, actor=olga, reason="for operators' eyes")

    async def amounts(**wanted: Any) -> list[int]:
        return [item.entry.amount for item in (await credits.history("ada", **wanted)).items]

    assert await amounts(kinds=["adjust"]) == [1]
    assert await amounts(actor="operator:op_1") == [1]
    assert await amounts(metadata={"order": "5", "shop": "x"}) == [10]
    assert await amounts(metadata={"order": "6"}) == []
    assert await amounts(metadata={"order": 5}) == [10]
    assert await amounts(unit="minutes") == []
    (newest, _) = (await credits.history("ada", audience="user")).items
    assert not {"reason", "actor", "metadata"} & newest.as_json().keys()


async def test_holds_are_paged_and_filtered_by_state(credits: Credits) -> None:
    await credits.grant("ada", 100)
    made = [await credits.hold("ada", 1 + number) for number in range(7)]
    await credits.release(made[0].hold or "")

    def read(**part: Any) -> Any:
        return credits.holds("ada", limit=3, **part)

    pages = await forward(read)
    assert [item.amount for page in pages for item in page.items] == [7, 6, 5, 4, 3, 2]
    assert [item.state for item in (await credits.holds("ada", state="released")).items] == ["released"]
    assert len((await credits.holds("ada", state=None)).items) == 7


@pytest.mark.parametrize(
    "sort", ["user_id", "-user_id", "name", "-credits", "credits", "updated_at", "-updated_at"]
)
async def test_users_are_sorted_and_paged_both_ways(credits: Credits, sort: str) -> None:
    for number in range(11):
        await credits.grant(f"user-{number:02}", 1 + (number * 7) % 5)
    await credits.put_user("user-03", name="Zoë", email="zoe@example.com")
    await credits.put_user("newcomer", name="Åsa 100%")

    def read(**part: Any) -> Any:
        return credits.users(sort=sort, limit=5, **part)

    pages = await forward(read)
    seen = [item for page in pages for item in page.items]
    assert len({item.user_id for item in seen}) == 12
    assert pages[0].total == 12
    key = {
        "user_id": lambda u: u.user_id,
        "credits": lambda u: u.credits,
        "updated_at": lambda u: u.updated_at_us,
    }
    by = key.get(sort.removeprefix("-"))
    if by is not None:
        assert [by(u) for u in seen] == sorted((by(u) for u in seen), reverse=sort.startswith("-"))
    back = await read(before=pages[-1].previous)
    assert back.items == pages[-2].items


async def test_users_are_found_by_any_of_their_names(credits: Credits) -> None:
    await credits.put_user("ada", name="Ada Lovelace", email="ada@example.com", frozen=True)
    await credits.put_user("bob", name="100% Bob")

    async def found(**wanted: Any) -> list[str]:
        return [item.user_id for item in (await credits.users(**wanted)).items]

    assert await found(search="LOVE") == ["ada"]
    assert await found(search="ada@") == ["ada"]
    assert await found(search="0%") == ["bob"]
    for wildcard in ("_", "*", "?", "[a-z]", "[", "]", "^", "\\"):
        assert await found(search=wildcard) == []
    assert await found(frozen=True) == ["ada"]
    assert await found(frozen=False) == ["bob"]


async def test_a_search_knows_the_cases_of_every_script(credits: Credits) -> None:
    names = {"ö": "Örjan ÅKESSON", "é": "José Müller", "я": "Юлия Ёлкина", "ω": "Ωμέγα", "odd": "a*b?c[d]e^f"}
    for user_id, name in names.items():
        await credits.put_user(user_id, name=name)
    for user_id, name in names.items():
        for search in (name, name.upper(), name.lower(), name[1:].swapcase()):
            found = [item.user_id for item in (await credits.users(search=search)).items]
            assert found == [user_id], search


async def test_metadata_is_found_by_type_or_as_it_is_spelled(credits: Credits) -> None:
    facts: list[Any] = [
        True,
        False,
        None,
        1,
        0,
        -7,
        1.5,
        1e20,
        2**60 + 1,
        "true",
        "1",
        "null",
        "",
        [1],
        {"a": 1},
    ]
    for number, fact in enumerate(facts, 1):
        await credits.grant("ada", number, metadata={"fact": fact, "other": "true"})

    async def found(wanted: Any) -> list[Any]:
        items = (await credits.history("ada", metadata={"fact": wanted}, limit=100)).items
        return [facts[item.entry.amount - 1] for item in reversed(items)]

    for fact in facts:
        if not isinstance(fact, str):
            told = await found(fact)
            assert [(type(one), one) for one in told] == [(type(fact), fact)]
    assert await found("true") == [True, "true"]
    assert await found("1") == [1, "1"]
    assert await found("1.0") == [1]
    assert await found("null") == [None, "null"]
    assert await found(str(2**60 + 1)) == [2**60 + 1]
    assert await found(str(2**60)) == []
    assert await found("1e20") == [1e20]
    assert await found("") == [""]
    assert await found("01") == []


async def test_what_cannot_be_asked_is_refused(credits: Credits) -> None:
    await credits.grant("ada", 1)
    for cursor in ("nonsense", "1.2.3", "", "1.x"):
        with pytest.raises(Malformed):
            await credits.history("ada", after=cursor)
    for cursor in ("!", "bm90IGpzb24", "W10", "WzEsMl0"):
        with pytest.raises(Malformed):
            await credits.users(after=cursor)
    with pytest.raises(Invalid, match="sort"):
        await credits.users(sort="password")
    for ask in (
        credits.history("nobody"),
        credits.holds("nobody"),
        credits.user("nobody"),
        credits.balance("nobody"),
    ):
        with pytest.raises(NotFound):
            await ask
    with pytest.raises(NotFound):
        await credits.balance("ada", unit="hours")
