"""Exchange accounts as owner and admins see them by chat."""

from dataclasses import replace
from decimal import Decimal

import pytest

from domain.ids import RunId, VenueAccountName
from domain.leases import Scope
from domain.market.model import Pair
from domain.market.runs import Run, RunState
from domain.ports.account_looks import AccountLook, DeadManState, KeyPower
from domain.reconciliation.model import Round
from domain.roles import Role
from domain.strategies.base import show
from domain.strategies.pure_market_making import BALANCED
from tests.fakes.runs import ACCOUNT
from tests.handlers.world import OWNER, Person, World

MAIN = VenueAccountName("main")


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def owner(world: World) -> Person:
    world.roles.plant(OWNER, Role.OWNER)
    return world.person(OWNER)


async def test_the_owner_sees_how_every_account_is(world: World, owner: Person) -> None:
    assert "No exchange account was looked at yet" in await owner.says("/accounts")
    look = AccountLook(MAIN, "kraken", world.clock.now(), frozenset({KeyPower.READ, KeyPower.TRADE}), -12)
    await world.looks.note(replace(look, open_orders=12))
    await world.rounds.add(Round(Scope("venue:main"), world.clock.now(), ()))
    world.clock.advance(seconds=40)
    said = await owner.says("/accounts")
    assert "main at kraken, looked at 40 s ago" in said
    assert "its key may read, trade" in said
    assert "WARNING" not in said
    assert "-12 ms" in said
    assert "fullest pair: 12" in said
    assert "dead-man's switch: none" in said
    assert "compared with the books 40 s ago" in said


async def test_the_owner_sees_how_much_of_an_account_runs_claim(world: World, owner: Person) -> None:
    world.views.see("BTC/USDT", "60000", world.clock.now())
    world.views.per_second = 10
    await world.looks.note(AccountLook(ACCOUNT, "binance", world.clock.now()))
    config = show(BALANCED)
    run = Run(RunId("r1"), 1, OWNER, ACCOUNT, Pair.parse("BTC/USDT"), "pure_market_making", "", config, 1,
              RunState.RUNNING, *(Decimal(1), Decimal(1)), world.clock.now())  # fmt: skip
    await world.runs.add(run)
    said = await owner.says("/accounts")
    assert "BTC/USDT: market makers claim 6 of 190 open orders" in said
    assert "claim 720 of 32,400 orders an hour" in said


async def test_a_key_that_may_withdraw_is_warned_of(world: World, owner: Person) -> None:
    await world.looks.note(AccountLook(MAIN, "okx", world.clock.now(), frozenset({KeyPower.WITHDRAW})))
    said = await owner.says("/accounts")
    assert "WARNING: a key that trades should not be able to withdraw" in said


async def test_what_nobody_told_is_said_to_be_unknown(world: World, owner: Person) -> None:
    look = AccountLook(MAIN, "xt", world.clock.now(), dead_man=DeadManState.PROVEN)
    await world.looks.note(look)
    said = await owner.says("/accounts")
    for part in ("not told by the exchange", "could not be measured", "never compared", "switch: proven"):
        assert part in said


@pytest.mark.parametrize(
    ("reason", "english", "chinese"),
    [
        ("venue_unsupported", "we do not know this exchange", "我们不支持这个交易所"),
        ("no_lookup", "neither looks orders up by our id nor lists", "既不能按我们的编号查询订单"),
        ("no_trades", "does not tell what was traded", "不提供成交记录"),
        ("id_misfit", "our order ids do not fit", "不符合该交易所的规则"),
        ("venue_passphrase_missing", "wants a passphrase", "还需要口令"),
        ("venue_has_no_rehearsal", "no testnet and no demo", "没有测试网"),
    ],
)
async def test_a_refused_account_says_why_in_both_languages(
    world: World, owner: Person, reason: str, english: str, chinese: str
) -> None:
    await world.looks.note(AccountLook(MAIN, "weak", world.clock.now(), refusal=reason))
    assert english in await owner.says("/accounts")
    await owner.says("/language 中文")
    assert chinese in await owner.says("/账户")


async def test_an_admin_sees_it_and_others_do_not(world: World) -> None:
    world.roles.plant("ada", Role.ADMIN)
    assert "No exchange account" in await world.person("ada").says("/accounts")
    assert "You may not do that" in await world.person("alice").says("/accounts")
