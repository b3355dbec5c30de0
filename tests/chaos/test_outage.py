"""T10: Postgres is away for long: trading stops, people are told, nothing is lost, all goes on afterwards.

With workers that live and clear the book themselves, and with workers that died: then the Angel is alone.
"""

import asyncio
import signal
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.assurance import Assure
from tests.chaos.shop import Payments, Shop, open_shop, open_trading, size
from tests.chaos.test_drills import resting
from tests.chaos.test_processes import database_answers, settle_and_judge
from tests.journeys.instance import Person, until
from tests.journeys.steps import deposit

pytestmark = [pytest.mark.journey, pytest.mark.timeout(3600)]

OUTAGE_S = size("CHAOS_OUTAGE_S", 60)
SAID_EVERY_S = size("CHAOS_SAID_EVERY_S", 15)

LEASE_S = 10.0
"""What a lease lasts (``tests.chaos.stage``): nothing new may reach the exchange later than that."""

CLEARED_WITHIN_S = LEASE_S + 2 + 2 + 5
"""The Angel waits until every lease is over by its clock and two seconds more, looks every two, then acts."""

TOLD_WITHIN_S = 120
"""Ten seconds pass unnoticed; then the bot dials again, with pauses of at most half a minute."""


@dataclass
class Questions:
    """What somebody asks while the books are away, under ids of the test's own."""

    person: Person
    asked: list[str] = field(default_factory=list)

    async def ask(self) -> None:
        """Ask for the balance once."""
        name = str(uuid.uuid4())
        said = {"text": "/balance", "message_id": name}
        await self.person.instance.mixin(f"people/{self.person.name}/say", "POST", **said)
        self.asked.append(name)

    async def ask_for(self, seconds: float) -> None:
        """Go on asking for so long."""
        loop = asyncio.get_running_loop()
        until_s = loop.time() + seconds
        while loop.time() < until_s:
            await self.ask()
            await asyncio.sleep(SAID_EVERY_S)

    async def unanswered(self) -> Sequence[str]:
        """Return which questions have not been answered to their end."""
        rows = await self.person.instance.rows("SELECT message_id FROM inbox WHERE state = 'done'")
        return sorted(set(self.asked) - {row["message_id"] for row in rows})

    async def all_answered(self) -> bool:
        """Tell whether every question is answered."""
        return not await self.unanswered()


async def test_postgres_is_away_for_long(tmp_path: Path, assure: Assure) -> None:
    async with open_shop(tmp_path / "state", f"Postgres away for {OUTAGE_S} s") as shop:
        await open_trading(shop.person("Alice"))
        bob = shop.person("Bob")
        await bob.asks("Hi", "deposit", 60)
        await deposit(bob, "USDT", "50")
        payments, questions = Payments(bob), Questions(bob)

        shop.keep_down("postgres")
        gone_ms = (await shop.venue("books"))["now_ms"]
        shop.signal("postgres", signal.SIGQUIT)
        began_s = time.monotonic()
        await asyncio.gather(
            payments.pay_for(OUTAGE_S, every_s=SAID_EVERY_S),
            questions.ask_for(OUTAGE_S),
            bob.sees("temporarily read-only", TOLD_WITHIN_S),
        )
        told = [each for each in await bob.messages() if "temporarily read-only" in str(each.get("text"))]
        books = await shop.venue("books")
        lasted_s = time.monotonic() - began_s

        shop.keep_down()
        answered_s = await database_answers(shop)
        await until(questions.all_answered, 300, "every question is answered afterwards")
        await until(payments.all_there, 300, "every payment is credited afterwards")
        back_s = time.monotonic() - answered_s
        await settle_and_judge(shop, payments)
    stopped_s = max(0, books["newest_order_ms"] - gone_ms) / 1000
    assure(
        "T10 outage",
        len(payments.paid) + len(questions.asked),
        0,
        away_s=int(lasted_s),
        newest_order_after_ms=int(stopped_s * 1000),
        left_resting=len(books["open_orders"]),
        told=len(told),
        all_done_after_ms=int(back_s * 1000),
    )
    assert books["open_orders"] == [], "what rested was taken off, by workers or by the Angel"
    assert stopped_s <= LEASE_S, f"an order reached the exchange {stopped_s:.1f} s after the database went"
    assert len(told) == 1, "told once, however often somebody wrote"


async def test_postgres_is_away_for_long_and_all_workers_died_with_it(tmp_path: Path, assure: Assure) -> None:
    """AN5: the Angel cancels by what it has kept, and tells the books of it when they are back."""
    async with open_shop(tmp_path / "state", f"Postgres and workers away for {OUTAGE_S} s") as shop:
        await open_trading(shop.person("Alice"))
        bob = shop.person("Bob")
        await bob.asks("Hi", "deposit", 60)
        await deposit(bob, "USDT", "50")
        payments = Payments(bob)
        await until(lambda: resting(shop), 120, "orders rest at the exchange")
        angel = shop.pid("angel")

        shop.keep_down("postgres", "workers")
        shop.signal("workers", signal.SIGKILL)
        shop.signal("postgres", signal.SIGQUIT)
        began_s = time.monotonic()
        await until(lambda: _none_rests(shop), 120, "the Angel has cleared the book")
        cleared_s = time.monotonic() - began_s
        newest_ms = (await shop.venue("books"))["newest_order_ms"]
        await payments.pay_for(OUTAGE_S - cleared_s, every_s=SAID_EVERY_S)
        books = await shop.venue("books")
        assert (books["open_orders"], books["newest_order_ms"]) == ([], newest_ms)
        assert shop.pid("angel") == angel, "it lived through all of it"

        shop.keep_down()
        answered_s = await database_answers(shop)
        await until(payments.all_there, 300, "every payment is credited afterwards")
        back_s = time.monotonic() - answered_s
        await settle_and_judge(shop, payments)
        told = await shop.rows("SELECT kind, late, epoch FROM angel_entries WHERE at <= $1", books_at(books))
    cancels = [row for row in told if row["kind"] == "cancel"]
    assert cancels, "it has told what it did"
    assert all(row["late"] and row["epoch"] is None for row in cancels)
    figures = {"away_s": int(OUTAGE_S), "cleared_ms": int(cleared_s * 1000), "told_late": len(told)}
    assure("T10 outage, workers dead", len(payments.paid), 0, all_done_after_ms=int(back_s * 1000), **figures)
    assert cleared_s <= CLEARED_WITHIN_S, f"orders rested for {cleared_s:.1f} s"


async def _none_rests(shop: Shop) -> bool:
    return not await resting(shop)


def books_at(books: Mapping[str, Any]) -> datetime:
    """Return when the exchange's books were seen, by its own clock, which is ours."""
    return datetime.fromtimestamp(books["now_ms"] / 1000, UTC)
