"""The whole of a conversion in random books, at a venue that loses answers, by workers that die (CV1-CV4)."""

import os
import random
from dataclasses import replace
from decimal import Decimal

import pytest

from domain.conversions.model import Conversion, ConversionState
from domain.conversions.quoting import Wish
from domain.market.model import Level, Side
from domain.money import ZERO
from tests.domain.services.memory_trading import MemoryWorld
from tests.domain.services.test_crashes import DEPOSIT, FEE_BPS
from tests.fakes.exchange import PAIR, Mischief

BOOKS = int(os.environ.get("CONVERSION_BOOKS", "60"))
"""How many; ``make chaos`` asks for 10,000."""


def wander(world: MemoryWorld, dice: random.Random) -> None:
    """Let others offer something else: thin, thick, moved, or nothing."""
    middle = 6_000_000 + dice.randint(-40_000, 40_000)
    world.venue.bid, world.venue.ask = middle - 50, middle + 50
    sides: dict[Side, list[Level]] = {}
    for side, sign in ((Side.BUY, -1), (Side.SELL, 1)):
        apart, levels = 50, list[Level]()
        for _ in range(dice.choice((0, 1, 2, 2, 4))):
            levels.append(Level(middle + sign * apart, int(10 ** dice.uniform(0, 4))))
            apart += dice.randint(1, 30_000)
        sides[side] = levels
    world.venue.depth = sides


def a_wish(dice: random.Random) -> Wish:
    side = dice.choice(list(Side))
    base = Decimal(dice.randint(20, 1_000)).scaleb(-5)
    price = Decimal(dice.randint(59_400, 60_600)) if dice.random() < 0.3 else None
    if side is Side.SELL:
        return Wish(PAIR, side, base, price=price)
    by_amount = price is None and dice.random() < 0.5
    return Wish(PAIR, side, base * 60_000 if by_amount else ZERO, ZERO if by_amount else base, price)


async def converted(world: MemoryWorld, dice: random.Random) -> Conversion:
    """Have something converted while a run of one's own quotes beside it; return what became of it."""
    worker = world.worker()
    await world.rounds(worker, 2)
    run = await world.start(base="0.005", quote="300")
    await world.rounds(worker, 2)
    world.time.advance(world.policy.view_interval_s)
    await world.rounds(worker, 1)
    quote = await world.people.quote(world.user, a_wish(dice))
    token = await world.people.confirm(world.user, quote)
    conversion = await world.people.start(world.user, quote.params, token)
    world.venue.mischief = Mischief(
        *(dice, 0.1, 0.1, 0.05, 0.05),
        hide_s=dice.choice((0.0, 2.0)),
        late_fills_s=dice.choice((0.0, 3.0)),
        repeat_fills=dice.random() < 0.5,
    )
    for number in range(60):
        wander(world, dice)
        await worker.round()
        if dice.random() < 0.1:
            worker = world.worker()
        if number == 40 and (await state_of(world, conversion)).state is ConversionState.CONVERTING:
            await world.people.cancel(world.user, conversion.number)
    world.venue.mischief = Mischief()
    await world.desk_of_people.stop(world.user, run.number)
    await world.until_stopped(worker)
    return await state_of(world, conversion)


async def state_of(world: MemoryWorld, conversion: Conversion) -> Conversion:
    return (await world.conversions.of([conversion.id]))[conversion.id]


@pytest.mark.timeout(3_600)
async def test_no_book_and_no_trouble_breaks_a_cap_or_spends_what_is_not_there() -> None:
    traded = 0
    for seed in range(BOOKS):
        world = MemoryWorld(seed, FEE_BPS)
        world.policy = replace(world.policy, conversion_patience_s=20)
        await world.person(BTC="0.02", USDT="1000")
        done = await converted(world, random.Random(seed))
        await world.check_ended(DEPOSIT)
        assert done.state is ConversionState.DONE, seed
        booked = world.fills.rows.fills.values()
        fills = [fill for fill, intent in booked if intent and intent.run_id == done.id]
        base = sum((fill.quantity for fill in fills), ZERO)
        quote = sum((fill.quote_quantity for fill in fills), ZERO)
        bought = done.side is Side.BUY
        for fill in fills:
            assert fill.price <= done.worst if bought else fill.price >= done.worst, seed
        assert done.spent == (quote if bought else base) <= done.amount, seed
        assert done.quantity == 0 or base <= done.quantity, seed
        traded += bool(fills)
    assert traded > BOOKS // 3
