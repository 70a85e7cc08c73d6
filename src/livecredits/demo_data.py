"""Who lives in the demo, and what has happened to them: a month of grants, spends, orders, vouchers and corrections.

Promises: the same story every time, told to the ledger through the same facade as any app uses, on an empty ledger
only. The odd thing: it is told with a clock of its own that walks from a month ago until now, so the entries carry
believable times and what was to expire on the way has expired by itself.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import threading
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from livecredits.config import Settings
from livecredits.core.changes import Actor
from livecredits.credits import Credits
from livecredits.errors import InsufficientCredits
from livecredits.storage.shop_views import Billing

MINUTES = "minutes"
MINUTES_SCALE = 2
DAY_US = 86_400_000_000
MINUTE_US = 60_000_000
LOW_CREDITS = 25
LOW_MINUTES = 1_000
WELCOME_CREDITS = 50
STORY_DAYS = 30
PARTS = 4
"""Of a day: in each, everybody has a chance to work."""
FIRST_USERS = ("ada", "grace")
NEWCOMER = "ida"

SHOP = Actor("service", "shop", "Shop")
STUDIO = Actor("service", "studio", "Studio")
OLGA = Actor("operator", "olga", "Olga Operator")


@dataclass(frozen=True, slots=True)
class Person:
    """A user of the demo. `monthly` is what their plan grants; `appetite` how many pictures they make on a good day."""

    id: str
    name: str
    plan: str
    monthly: int
    appetite: float


PEOPLE = (
    Person("ada", "Ada Byron", "Pro", 1_500, 3.0),
    Person("grace", "Grace Hopper", "Pro", 1_500, 4.0),
    Person("alan", "Alan Turing", "Team", 5_000, 6.0),
    Person("barbara", "Barbara Liskov", "Pro", 1_500, 2.0),
    Person("dennis", "Dennis Ritchie", "Free", 50, 0.3),
    Person("donald", "Donald Knuth", "Team", 5_000, 5.0),
    Person("edsger", "Edsger Dijkstra", "Free", 50, 0.2),
    Person("evelyn", "Evelyn Boyd Granville", "Pro", 1_500, 2.5),
    Person("hedy", "Hedy Lamarr", "Team", 5_000, 4.0),
    Person("joan", "Joan Clarke", "Free", 50, 0.4),
    Person("katherine", "Katherine Johnson", "Pro", 1_500, 3.5),
    Person("margaret", "Margaret Hamilton", "Team", 5_000, 7.0),
    Person("radia", "Radia Perlman", "Pro", 1_500, 1.5),
    Person("tim", "Tim Berners-Lee", "Free", 50, 0.5),
)


async def tell(settings: Settings) -> None:
    """Tell the story, unless the ledger holds users already."""
    clock = StoryClock()
    async with Credits(settings.database_url, settings=settings, clock=clock) as credits:
        if (await credits.users(limit=1)).items:
            return
        await credits.put_unit("credits", low_threshold=LOW_CREDITS)
        await credits.put_unit(MINUTES, MINUTES_SCALE, low_threshold=LOW_MINUTES)
        shop = await _open_shop(credits, clock.now_us())
        for day in range(STORY_DAYS + 1):
            for part, minute in enumerate(_moments(day)):
                clock.move_to(day, minute)
                lives = [_Life(credits, person, clock.now_us(), shop) for person in PEOPLE]
                await asyncio.gather(*[life.part(day, part) for life in lives])
        await _newcomer(credits, clock)


def _moments(day: int) -> list[int]:
    """The times of that day at which things happen, in minutes before its end."""
    return sorted(random.Random(f"moments of {day}").sample(range(5, 900), PARTS), reverse=True)


# --- the shop ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Shop:
    """What the story must remember of the shop: ids by the names that it uses, and codes that are still to be had."""

    packages: dict[str, str] = field(default_factory=dict)
    orders: dict[str, str] = field(default_factory=dict)
    codes: list[str] = field(default_factory=list)


async def _open_shop(credits: Credits, now_us: int) -> _Shop:
    """Packages, campaigns and single vouchers, before anybody comes."""
    shop = _Shop()
    year_s = 365 * 86_400
    offers: tuple[tuple[str, int, str, int, int | None, bool, str], ...] = (
        ("Starter", 500, "credits", 900, year_s, True, "A first series of pictures."),
        ("Series", 2_000, "credits", 2_900, year_s, True, "What most people need in a month."),
        ("Studio", 10_000, "credits", 11_900, None, True, "For teams. Never expires."),
        ("Transcription", 60_000, MINUTES, 1_200, year_s, True, "600 minutes of speech as text."),
        ("Summer special", 750, "credits", 900, year_s, False, "Only until August."),
    )
    for position, (name, amount, unit, price, validity_s, active, description) in enumerate(offers):
        package = await credits.put_package(
            name=name, credits=amount, unit=unit, price_minor=price, currency="EUR", validity_s=validity_s,
            active=active, position=position, description=description, actor=OLGA,
        )  # fmt: skip
        shop.packages[name] = package.id
    await credits.create_campaign(
        "Newsletter", credits=10, word="WELCOME10", label="Newsletter offer", actor=OLGA
    )
    fair = await credits.create_campaign(
        "Autumn fair",
        credits=50,
        codes=40,
        prefix="AUTUMN",
        validity_s=90 * 86_400,
        label="Autumn fair",
        actor=OLGA,
    )
    page = await credits.campaign_codes(fair.id, limit=40)
    shop.codes.extend(voucher.code for voucher in page.items)
    begin = datetime.fromtimestamp(now_us / 1_000_000, UTC)
    await credits.create_voucher(75, user_id="ada", actor=OLGA)
    await credits.create_voucher(30, expires_at=begin + timedelta(days=60), code="SORRY30", actor=OLGA)
    await credits.create_voucher(20, expires_at=begin + timedelta(days=10), code="EARLYBIRD", actor=OLGA)
    return shop


async def _newcomer(credits: Credits, clock: StoryClock) -> None:
    """A gift for everybody who comes from now on, and the first one who has."""
    clock.move_to(STORY_DAYS, 3)
    await credits.create_campaign(
        "First steps",
        credits=WELCOME_CREDITS,
        word="FIRSTSTEPS",
        label="Welcome gift",
        welcome=True,
        actor=OLGA,
    )
    await credits.put_user(NEWCOMER, name="Ida Rhodes", email=f"{NEWCOMER}@lumen.example", actor=SHOP)
    clock.move_to(STORY_DAYS, 0)


class StoryClock:
    """A clock that is moved by hand, from a month ago until now."""

    def __init__(self) -> None:
        self._end_us = time.time_ns() // 1_000
        self._now_us = self._end_us - (STORY_DAYS + 1) * DAY_US

    def now_us(self) -> int:
        """The story's time, in microseconds UTC."""
        return self._now_us

    def move_to(self, day: int, minutes_before_its_end: int) -> None:
        """Let time pass until then."""
        self._now_us = self._end_us - (STORY_DAYS - day) * DAY_US - minutes_before_its_end * MINUTE_US

    def wait(self, bell: threading.Event, until_us: int | None) -> None:
        """Wait for the bell or for a step of the story; short, since whoever waits looks again."""
        del until_us
        bell.wait(0.05)


class _Life:
    """One person's days. Every choice comes from the person and the day, so that the story is the same each time."""

    def __init__(self, credits: Credits, person: Person, now_us: int, shop: _Shop) -> None:
        self._credits = credits
        self._shop = shop
        self._person = person
        self._now = datetime.fromtimestamp(now_us / 1_000_000, UTC)

    async def part(self, day: int, part: int) -> None:
        """What happens in that part of that day."""
        if part == 0:
            await self._plan(day)
        await self._work(day, part)
        if part == PARTS - 1:
            for act in _EVENTS.get((self._person.id, day), ()):
                await act(self)

    async def _plan(self, day: int) -> None:
        person = self._person
        if day == 0:
            await self._credits.put_user(
                person.id,
                name=person.name,
                email=f"{person.id}@lumen.example",
                metadata={"plan": person.plan},
                actor=SHOP,
            )
            await self._grant(25, label="Welcome", source="welcome")
            await self._grant(6_000, unit=MINUTES, label="Included minutes")
        if day in {1, STORY_DAYS}:
            # What the first month leaves unspent expires with it, in the story's own time.
            until = self._now + timedelta(days=STORY_DAYS - 1)
            await self._grant(person.monthly, label=f"{person.plan} plan", source="plan", expires_at=until)

    async def _work(self, day: int, part: int) -> None:
        chance = random.Random(f"{self._person.id}:{day}:{part}")
        jobs = [
            self._spend(5 * chance.randint(1, 4), label=chance.choice(_PICTURES))
            for _ in range(round(chance.random() * self._person.appetite / PARTS + 0.2))
        ]
        if chance.random() < 0.25 / PARTS:
            jobs.append(self._spend(chance.randint(25, 350), unit=MINUTES, label="Transcription"))
        await asyncio.gather(*jobs)  # at once, so that they share a commit

    async def _grant(self, amount: int, **terms: object) -> None:
        await self._credits.grant(self._person.id, amount, actor=SHOP, **terms)  # type: ignore[arg-type]

    async def _spend(self, amount: int, **terms: object) -> None:
        with contextlib.suppress(InsufficientCredits):  # then there is no picture that day
            await self._credits.spend(self._person.id, amount, actor=STUDIO, **terms)  # type: ignore[arg-type]

    async def pack(self) -> None:
        """Buys a pack that does not expire."""
        await self._grant(500, label="500 credits pack", source="purchase", priority=5)

    async def _order(self, package: str, reference: str | None = None, **billing: str) -> None:
        person, me = self._person, Actor("user", self._person.id)
        whom = Billing(purchaser=person.name, email=f"{person.id}@lumen.example", **billing)
        order = await self._credits.order(
            person.id, self._shop.packages[package], billing=whom, purchase_reference=reference, actor=me
        )
        self._shop.orders[person.id] = order.id

    async def order_starter(self) -> None:
        """Orders the smallest package."""
        await self._order("Starter")

    async def order_series(self) -> None:
        """Orders the usual package, for a company."""
        await self._order(
            "Series", "PO-2026-118", organisation="Analytical Engines Ltd", address="12 St James’s Sq, London"
        )

    async def order_studio(self) -> None:
        """Orders the largest package, for a team."""
        await self._order("Studio", f"{self._person.id.upper()}-0042", organisation="Apollo Guidance GmbH")

    async def order_minutes(self) -> None:
        """Orders minutes."""
        await self._order("Transcription")

    async def fulfilled(self) -> None:
        """An operator fulfils what was ordered last."""
        await self._credits.fulfil(self._shop.orders[self._person.id], note="paid by transfer", actor=OLGA)

    async def fulfilled_by_the_bank(self) -> None:
        """The host's own backend fulfils it, as soon as it was paid for."""
        await self._credits.fulfil(self._shop.orders[self._person.id], actor=SHOP)

    async def cancelled(self) -> None:
        """An operator cancels what was ordered last."""
        await self._credits.cancel_order(
            self._shop.orders[self._person.id], reason="Not paid within a week", actor=OLGA
        )

    async def refunded(self) -> None:
        """An operator takes back what is left of the last order."""
        await self._credits.refund(
            self._shop.orders[self._person.id], spent="left", reason="returned within 14 days", label="Refund",
            actor=OLGA,
        )  # fmt: skip

    async def newsletter(self) -> None:
        """Redeems the word of the newsletter."""
        await self._redeem("WELCOME10")

    async def fair(self) -> None:
        """Redeems a code from the fair."""
        await self._redeem(self._shop.codes.pop())

    async def _redeem(self, code: str) -> None:
        await self._credits.redeem(self._person.id, code, actor=Actor("user", self._person.id))

    async def promotion(self) -> None:
        """Gets a gift that ends in four days, so that the demo has an expiry ahead."""
        until = self._now + timedelta(days=4)
        await self._grant(40, label="Autumn gift", source="promotion", expires_at=until)

    async def goodwill(self) -> None:
        """Support corrects a balance after a failed job."""
        await self._credits.adjust(
            self._person.id, 30, reason="job 4711 failed twice", label="Sorry for the trouble", actor=OLGA
        )

    async def mistake(self) -> None:
        """Support takes too much, and undoes it."""
        taken = await self._credits.adjust(self._person.id, -20, reason="duplicate grant", actor=OLGA)
        await self._credits.reverse(taken.entry, reason="it was no duplicate", actor=OLGA)

    async def batch_job(self) -> None:
        """Sets credits aside for a job, which takes less in the end."""
        held = await self._credits.hold(self._person.id, 60, label="Batch of 12", actor=STUDIO)
        if held.hold is not None:
            await self._credits.capture(held.hold, 45, label="Batch of 12", actor=STUDIO)

    async def running_job(self) -> None:
        """Sets credits aside for a job that still runs while the demo does."""
        await self._credits.hold(
            self._person.id, 20, ttl_s=3 * 86_400, label="Rendering overnight", actor=STUDIO
        )

    async def present(self) -> None:
        """Gives credits to a colleague."""
        await self._credits.transfer(self._person.id, "grace", 100, label="Thanks!", actor=STUDIO)


Act = Callable[[_Life], Awaitable[None]]
_EVENTS: dict[tuple[str, int], tuple[Act, ...]] = {
    ("ada", 9): (_Life.pack,),
    ("ada", 13): (_Life.newsletter,),
    ("ada", 16): (_Life.order_starter,),
    ("ada", 17): (_Life.fulfilled, _Life.batch_job),
    ("ada", 23): (_Life.goodwill,),
    ("ada", 29): (_Life.promotion, _Life.running_job),
    ("ada", 30): (_Life.order_series,),
    ("grace", 12): (_Life.batch_job,),
    ("grace", 18): (_Life.order_series, _Life.fulfilled_by_the_bank),
    ("grace", 21): (_Life.mistake,),
    ("grace", 24): (_Life.fair,),
    ("grace", 28): (_Life.promotion,),
    ("grace", 30): (_Life.order_minutes,),
    ("alan", 14): (_Life.present,),
    ("barbara", 25): (_Life.fair,),
    ("donald", 20): (_Life.order_minutes,),
    ("donald", 21): (_Life.fulfilled,),
    ("evelyn", 26): (_Life.newsletter, _Life.fair),
    ("hedy", 19): (_Life.order_studio,),
    ("hedy", 20): (_Life.pack, _Life.running_job),
    ("hedy", 27): (_Life.cancelled,),
    ("katherine", 22): (_Life.order_starter, _Life.fulfilled_by_the_bank),
    ("katherine", 25): (_Life.refunded,),
    ("katherine", 27): (_Life.running_job,),
    ("margaret", 25): (_Life.goodwill,),
    ("margaret", 28): (_Life.order_studio,),
    ("tim", 29): (_Life.promotion, _Life.order_starter),
}
_PICTURES = ("Picture", "Picture, large", "Portrait", "Poster", "Background removed", "Upscaled")
