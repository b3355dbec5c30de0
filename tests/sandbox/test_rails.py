"""Both far sides at once: what one sends to a chain, the other sees arrive, whoever is down meanwhile."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from adapters.exchange.account import VenueAccount, VenueKey
from adapters.exchange.funds import CcxtVenueFunds
from domain.errors import Refused
from domain.ids import AssetId, VenueAccountName, request_id
from domain.money import Coin
from domain.payouts.onward import ChainAddress
from domain.ports.chain_wallet import ChainPayment
from domain.ports.venue_funds import DepositStage, WithdrawalOrder, WithdrawalStage
from domain.secrets import Secret
from sandbox.venue.app import Options, serve
from sandbox.world import ETH, USDT, create_world
from tests.adapters.mixin.conftest import Mixin, running
from tests.clocks import WallClock
from tests.fakes.leases import unasked

COIN = Coin("USDT")


@dataclass
class Rails:
    """A Mixin and a venue of one world, the product's adapters on both, and the venue's control surface."""

    mixin: Mixin
    funds: CcxtVenueFunds
    control: str

    async def post(self, path: str, **facts: Any) -> Any:
        async with self.mixin.control.post(f"{self.control}/{path}", json=facts) as answer:
            return await answer.json()

    async def until(self, ask: Callable[[], Awaitable[Any]]) -> Any:
        """Ask until the answer is something."""
        async with asyncio.timeout(15):
            while not (found := await ask()):
                await asyncio.sleep(0.05)
        return found

    async def pay_the_venue(self, amount: str, name: str = "t1") -> ChainPayment:
        """Send from the bot's wallet to its account at the venue."""
        said = await self.funds.deposit_address(COIN, "ETH")
        to, asset_id = ChainAddress(ETH, said.address, said.tag), AssetId(USDT)
        [fee] = await self.mixin.wallet.network_fees(asset_id, to)
        free = [o for o in await self.mixin.wallet.outputs_from(0) if not o.spent]
        inputs, apart = (
            tuple(o.output_id for o in free if o.asset_id == wanted) for wanted in (USDT, fee.asset_id)
        )
        payment = ChainPayment(request_id("t", name), asset_id, to, Decimal(amount), fee, "t", inputs, apart)
        built = await self.mixin.wallet.build_onward(payment)
        raw = await self.mixin.wallet.sign(payment.request_id, built.raw, (*inputs, *apart))
        await self.mixin.wallet.submit(payment.request_id, raw)
        return payment

    async def deposits(self) -> list[Any]:
        return list(await self.funds.deposits_since(COIN, WallClock().now() - timedelta(minutes=5)))

    async def credited(self) -> list[Any]:
        return [each for each in await self.deposits() if each.stage is DepositStage.CREDITED]


@asynccontextmanager
async def joined(tmp_path: Path) -> AsyncIterator[Rails]:
    facts = create_world()
    (tmp_path / "world.json").write_text(json.dumps(facts))
    [account] = facts["venue"]["accounts"]
    own = account["withdrawal_key"]
    key = VenueKey(
        Secret(account["api_key"]),
        Secret(account["secret"]),
        VenueKey(Secret(own["api_key"]), Secret(own["secret"])),
    )
    async with running(tmp_path, facts=facts) as mixin:
        rails = f"{mixin.base}/sandbox/rails"
        options = Options(tmp_path / "venue", 0, tmp_path / "world.json", rails=rails)
        async with serve(options) as urls:
            named = VenueAccount(VenueAccountName("main"), "binance", key, urls)
            both = Rails(mixin, CcxtVenueFunds(named, WallClock(), unasked), urls["control"])
            await mixin.post("rails/other", url=urls["rails"])
            for post in (mixin.post, both.post):
                await post("rails/mishaps", send_after_ms=0, block_ms=10)
            yield both
            await both.funds.close()


@pytest.fixture
async def rails(tmp_path: Path) -> AsyncIterator[Rails]:
    async with joined(tmp_path) as both:
        yield both


async def test_coins_go_to_the_venue_and_come_back_under_one_hash_each(rails: Rails) -> None:
    had = (await rails.funds.holdings(COIN)).total
    payment = await rails.pay_the_venue("250.5")
    [deposit] = await rails.until(rails.credited)
    sent = await rails.mixin.wallet.find(payment.request_id)
    assert sent
    assert (deposit.amount, deposit.chain_hash) == (Decimal("250.5"), sent.chain_hash)
    assert (await rails.funds.holdings(COIN)).total == had + Decimal("250.5")

    home = await rails.mixin.wallet.deposit_address(AssetId(USDT), ETH)
    order = WithdrawalOrder("mmt1", COIN, ChainAddress("ETH", home.address, home.tag), Decimal("100.0417"))
    now = WallClock().now()
    await rails.funds.withdraw(order, now + timedelta(minutes=1))

    async def arrived() -> list[Any]:
        return [o for o in await rails.mixin.wallet.outputs_from(0) if o.deposit_hash]

    [output] = await rails.until(arrived)
    [listed] = await rails.funds.withdrawals_since(COIN, now)
    assert (listed.stage, listed.chain_hash) == (WithdrawalStage.DONE, output.deposit_hash)
    assert (listed.asked, listed.arrives, output.amount) == (order.amount, output.amount, Decimal("96.0417"))


async def test_what_is_sent_while_the_other_side_is_down_arrives_later_and_once(rails: Rails) -> None:
    await rails.mixin.post("rails/other", url="http://127.0.0.1:9/down")
    await rails.pay_the_venue("50")
    await rails.mixin.settled()
    await asyncio.sleep(0.3)
    assert await rails.deposits() == []
    await rails.mixin.post("rails/other", url=f"{rails.control}/rails")
    [deposit] = await rails.until(rails.credited)
    crossing = (await rails.mixin.get("rails"))["departures"][0]
    told = {
        name: crossing[name]
        for name in ("hash", "chain_id", "asset_key", "units", "sender", "address", "tag")
    }
    await rails.post("rails", crossings=[told])
    assert await rails.deposits() == [deposit]


async def test_the_key_withdraws_to_the_bot_and_nowhere_else(rails: Rails) -> None:
    order = WithdrawalOrder("mmt2", COIN, ChainAddress("ETH", "0x" + "ab" * 20), Decimal(100))
    with pytest.raises(Refused, match="address_not_listed"):
        await rails.funds.withdraw(order, WallClock().now() + timedelta(minutes=1))


async def test_nonsense_from_the_other_side_is_refused_whole(rails: Rails) -> None:
    for nonsense in ({"crossings": [{"hash": "0x"}]}, {"crossings": 7}, {}):
        assert "error" in await rails.post("rails", **nonsense)
    with pytest.raises(AssertionError, match="no payment on a chain"):
        await rails.mixin.post("rails", crossings=[{"hash": "0x"}])
    assert await rails.deposits() == []
