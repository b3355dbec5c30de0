"""``mrmarket reconcile``: asks the workers, waits for them, prints what they found; the code says it too."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from adapters.build import build_name, schema_version
from adapters.cli import reconcile
from adapters.db.leases import Claimant, PostgresLeases
from adapters.db.reconciliation import PostgresReconciliations
from adapters.db.runs import PostgresVenueAccounts
from adapters.db.store import PostgresStore
from domain.ids import VenueAccountName
from domain.leases import WALLET, Scope
from domain.money import Coin
from domain.reconciliation.model import InFlight, Line, Round, Stray, StrayOrder

AT = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
MAIN = Scope("venue:main")
USDT = Coin("USDT")
AGREES = Line(USDT, Decimal("5.5"), Decimal("5.5"), "asset")


async def answered(store: PostgresStore, *found: Round, within: float = 10) -> int:
    """Run the command while workers answer with these rounds."""
    rounds = PostgresReconciliations(store)

    async def workers() -> None:
        while not await rounds.asked():
            await asyncio.sleep(0.05)
        for each in found:
            await rounds.add(replace(each, asked=await rounds.asked()))

    at_work = asyncio.create_task(workers())
    code = await reconcile.look(store, within)
    await at_work
    return code


@pytest.fixture(autouse=True)
async def held(store: PostgresStore) -> None:
    leases = PostgresLeases(store, Claimant("a", build_name(), schema_version()))
    await PostgresVenueAccounts(store).register(VenueAccountName("main"), "binance", 10)
    await leases.take([WALLET, MAIN], 60)


async def test_what_agrees_is_code_0(store: PostgresStore, capsys: pytest.CaptureFixture[str]) -> None:
    moving = InFlight("payout 7", USDT, Decimal(-1), Decimal(-1), "asset")
    explained = replace(AGREES, outside=Decimal("4.5"), explained=(moving,))
    code = await answered(
        store, Round(WALLET, AT, (explained,)), Round(MAIN, AT, (replace(AGREES, asset_id=""),))
    )
    assert code == 0
    assert capsys.readouterr().out.splitlines() == [
        "PLACE       OUTCOME  LOOKED AT (UTC)      COIN  BOOKS  THERE  UNEXPLAINED  EXPLAINED BY",
        "venue:main  good     2026-03-01 09:30:00  USDT  5.5    5.5    0",
        "wallet      good     2026-03-01 09:30:00  USDT  5.5    4.5    0            payout 7",
        "everything that was seen agrees",
    ]


@pytest.mark.parametrize(
    "found",
    [
        Round(MAIN, AT, (replace(AGREES, outside=Decimal(5)),)),
        Round(MAIN, AT, (replace(AGREES, outside=Decimal(6)),)),
        Round(MAIN, AT, (AGREES,), (StrayOrder(Stray.ORDER, "mmk1"),)),
        Round(MAIN, AT, (), moving=True),
    ],
    ids=["less", "more", "an order", "moving"],
)
async def test_any_difference_is_code_1(
    store: PostgresStore, found: Round, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await answered(store, Round(WALLET, AT, ()), found) == 1
    said = capsys.readouterr().out
    assert "1 of 2 places differ" in said
    assert ("mmk1" in said) == bool(found.strays)


async def test_workers_that_do_not_answer_are_code_1(
    store: PostgresStore, capsys: pytest.CaptureFixture[str]
) -> None:
    await PostgresReconciliations(store).add(Round(MAIN, AT, ()))  # an old round is no answer
    assert await answered(store, Round(WALLET, AT, ()), within=0.6) == 1
    assert "Nobody looked at venue:main within 1 s: are the workers running?" in capsys.readouterr().out
