"""What a venue that tells everybody's trades promises: in memory, and over the wire of the sandbox."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from adapters.exchange.account import VenueAccount, VenueKey
from adapters.exchange.ccxt_exchange import CcxtExchange
from domain.errors import Refused
from domain.ids import VenueAccountName
from domain.market.model import Pair, Side
from domain.market.orders import LimitOrder
from domain.market.tape import Tape
from domain.ports.tape import TapeSource
from domain.secrets import Secret
from sandbox.venue.app import Options, serve
from tests.clocks import WallClock
from tests.fakes.leases import unasked
from tests.fakes.tapes import FakeTapes

PAIR = Pair.parse("BTC/USDT")
SPAN = timedelta(minutes=5)
QUANTITY = Decimal("0.00123")


@dataclass
class Scene:
    """A venue, and how somebody buys a known quantity there."""

    tapes: TapeSource
    buy: Callable[[], Awaitable[None]]


@pytest.fixture(params=["fake", "binance", "gate"])
async def scene(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Scene]:
    if request.param == "fake":
        fake = FakeTapes(WallClock())

        async def happens() -> None:
            fake.trade(PAIR, Side.BUY, str(QUANTITY), "60000")

        yield Scene(fake, happens)
        return
    world = tmp_path / "world.json"
    account = {"name": "mm", "api_key": "k", "secret": "s", "balances": {"USDT": "100000", "BTC": "2"}}
    world.write_text(json.dumps({"venue": {"accounts": [account]}}))
    async with serve(Options(tmp_path / "state", 0, world, seed=7)) as urls:
        key = VenueKey(Secret("k"), Secret("s"))
        clock = WallClock()
        exchange = CcxtExchange(
            VenueAccount(VenueAccountName("mm"), request.param, key, urls), clock, unasked
        )
        bought = 0

        async def takes() -> None:
            nonlocal bought
            bought += 1
            rules, book = await exchange.rules(PAIR), await exchange.book(PAIR)
            price = rules.price(book.asks[0].ticks * 101 // 100)
            order = LimitOrder(f"mmt{bought}", PAIR, Side.BUY, price, QUANTITY, post_only=False)
            await exchange.place(order, clock.now() + timedelta(seconds=5))

        yield Scene(exchange.tapes, takes)
        await exchange.close()


def known(tape: Tape) -> list[str]:
    return [each.trade_id for each in tape.trades]


async def test_what_somebody_trades_is_told_once_with_the_side_that_took_it(scene: Scene) -> None:
    before = await scene.tapes.tape(PAIR)
    await scene.buy()

    async def told() -> bool:
        now = await scene.tapes.tape(PAIR)
        fresh = [each for each in now.trades if each.trade_id not in known(before)]
        bought = sum(each.quantity for each in fresh if each.taker is Side.BUY)
        return bool(bought >= QUANTITY)

    async with asyncio.timeout(20):
        while not await told():
            await asyncio.sleep(0.05)
    tape = await scene.tapes.tape(PAIR)
    assert len(set(known(tape))) == len(tape.trades)
    assert list(tape.trades) == sorted(tape.trades, key=lambda each: each.order)
    assert tape.since <= tape.until


async def test_more_is_known_the_longer_one_asks(scene: Scene) -> None:
    first = await scene.tapes.tape(PAIR)
    await scene.buy()
    async with asyncio.timeout(20):
        while (later := await scene.tapes.tape(PAIR)).until <= first.until:
            await asyncio.sleep(0.05)
    assert later.traded(SPAN).until == later.until


async def test_a_pair_that_is_not_traded_is_refused(scene: Scene) -> None:
    with pytest.raises(Refused, match="pair_not_traded"):
        await scene.tapes.tape(Pair.parse("NO/USDT"))
