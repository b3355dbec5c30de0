"""What histories promise, on the fake and on the real thing: one's own rows, filtered and in order."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from adapters.db.history import PostgresHistory
from adapters.db.store import PostgresStore
from domain.ids import UserId
from domain.market.history import FeeRow, FillRow, OrderRow, Row, Wanted
from domain.market.model import Pair, Side
from domain.money import Coin
from domain.ports.history import HistoryStore
from tests.fakes.history import FakeHistory

ALICE, BOB = UserId("alice"), UserId("bob")
BTC, ETH = Pair(Coin("BTC"), Coin("USDT")), Pair(Coin("ETH"), Coin("USDT"))
NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)

RUNS = [  # whose, number, kind, pair
    (ALICE, 1, "strategy", BTC),
    (BOB, 1, "strategy", BTC),
    (ALICE, 2, "strategy", ETH),
    (ALICE, 1, "conversion", BTC),
]


def _at(hour: int) -> datetime:
    return NOW + timedelta(hours=hour)


def fill(seq: int, run: int, side: Side = Side.BUY, **facts: Any) -> tuple[UserId, FillRow]:
    """Return a fill of a run, by the place of the run in the list above."""
    whose, number, kind, pair = RUNS[run]
    row = FillRow(
        seq=seq,
        at=_at(seq),
        run=number,
        kind=kind,
        pair=pair,
        side=side,
        price=Decimal(60_000),
        quantity=Decimal("0.1"),
        quote_quantity=Decimal(6_000),
        fee=Decimal("0.5"),
        fee_coin="USDT",
        maker=True,
        state="booked",
        account="fake-1",
        order_id=f"o{seq}",
        trade_id=f"t{seq}",
    )
    return whose, replace(row, **facts)


def order(seq: int, run: int, state: str, side: Side = Side.BUY) -> tuple[UserId, OrderRow]:
    """Return an order of a run."""
    whose, number, kind, pair = RUNS[run]
    row = OrderRow(
        seq=seq,
        at=_at(seq),
        run=number,
        kind=kind,
        pair=pair,
        side=side,
        price=Decimal("59999.5"),
        quantity=Decimal("0.2"),
        filled=Decimal(0),
        state=state,
        post_only=True,
        account="fake-1",
        client_order_id=f"c{seq}",
        order_id=f"v{seq}",
    )
    return whose, row


FILLS = [
    fill(1, 0),
    fill(2, 1),
    fill(3, 2, Side.SELL),
    fill(4, 0, Side.SELL, fee=None),
    fill(5, 3),
    fill(6, 2, state="busted"),
    fill(7, 0, state="corrected", price=Decimal(61_000), fee=Decimal("-0.25"), fee_coin="BTC"),
]
ORDERS = [
    order(1, 0, "filled"),
    order(2, 1, "open"),
    order(3, 0, "open", Side.SELL),
    order(4, 2, "cancelled"),
]


def trading_fee(seq: int, cause: str) -> FeeRow:
    """Return what we charged for a fill of somebody's first run."""
    return FeeRow(
        seq=seq,
        at=_at(seq),
        run=1,
        kind="strategy",
        pair=BTC,
        fee="trading",
        coin="BTC",
        basis=Decimal(1),
        amount=Decimal("0.1"),
        cause=cause,
    )


FEES = [
    (ALICE, trading_fee(1, "fill:t1")),
    (BOB, trading_fee(2, "fill:t2")),
    (
        ALICE,
        FeeRow(
            seq=3,
            at=_at(3),
            run=None,
            kind="",
            pair=None,
            fee="deposit",
            coin="USDT",
            basis=Decimal(100),
            amount=Decimal(1),
            cause="deposit:d1",
        ),
    ),
]
ROWS: list[tuple[UserId, Row]] = [*FILLS, *ORDERS, *FEES]


@pytest.fixture
async def fake_history() -> HistoryStore:
    history = FakeHistory()
    for whose, row in ROWS:
        history.add(whose, row)
    return history


@pytest.fixture
async def postgres_history(store: PostgresStore, admin: Any) -> HistoryStore:
    await admin.execute("SET session_replication_role = replica")  # rows alone, without what leads to them
    for number, (whose, run, kind, pair) in enumerate(RUNS):
        await admin.execute(
            "INSERT INTO runs (id, user_id, number, account, base, quote, strategy, preset, config_version, "
            "state, base_start, quote_start, started_at, kind) "
            "VALUES ($1, $2, $3, 'fake-1', $4, $5, 's', '', 1, 'running', 0, 1, now(), $6)",
            *(f"r{number}", whose, run, pair.base, pair.quote, kind),
        )
    for whose, row in ROWS:
        await _PLANT[type(row)](admin, whose, row)
    return PostgresHistory(store)


def _run_id(whose: UserId, row: Row) -> str:
    run = row.run, row.kind
    return next((f"r{n}" for n, (who, *of, _) in enumerate(RUNS) if (who, *of) == (whose, *run)), "")


async def _plant_fill(admin: Any, whose: UserId, row: FillRow) -> None:
    pair = row.pair or BTC
    now = (row.price, row.quantity, row.quote_quantity, row.fee or Decimal(0), row.fee_coin)
    first = now if row.state == "booked" else (Decimal(1), Decimal(2), Decimal(3), Decimal(4), "BNB")
    await admin.execute(
        "INSERT INTO fills (account, base, quote, trade_id, intent_id, run_id, order_id, side, price, "
        "quantity, quote_quantity, fee, fee_coin, maker, at, fee_known, seq) OVERRIDING SYSTEM VALUE "
        "VALUES ($1, $2, $3, $4, 'i', $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)",
        *(row.account, pair.base, pair.quote, row.trade_id, _run_id(whose, row), row.order_id, row.side),
        *(*first, row.maker, row.at, row.fee is not None, row.seq),
    )
    for version, kind in enumerate({"booked": (), "corrected": ("trade",)}.get(row.state, ("trade", "bust"))):
        await admin.execute(
            "INSERT INTO fill_versions VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, true, 0)",
            *(row.account, pair.base, pair.quote, row.trade_id, version + 2, kind, *now),
        )


async def _plant_order(admin: Any, whose: UserId, row: OrderRow) -> None:
    pair = row.pair or BTC
    await admin.execute(
        "INSERT INTO order_intents (id, client_order_id, run_id, account, epoch, base, quote, side, price, "
        "quantity, filled, post_only, not_after, state, order_id, created_at, seq) OVERRIDING SYSTEM VALUE "
        "VALUES ($1, $2, $3, $4, 1, $5, $6, $7, $8, $9, $10, $11, now(), $12, $13, $14, $15)",
        *(f"i{row.seq}", row.client_order_id, _run_id(whose, row), row.account, pair.base, pair.quote),
        *(row.side, row.price, row.quantity, row.filled, row.post_only, row.state, row.order_id),
        *(row.at, row.seq),
    )


async def _plant_fee(admin: Any, whose: UserId, row: FeeRow) -> None:
    kind, _, cause = row.cause.partition(":")
    await admin.execute(
        "INSERT INTO service_fees (fee, kind, cause, version, user_id, run_id, coin, basis, amount, "
        "noted_at, seq) OVERRIDING SYSTEM VALUE VALUES ($1, $2, $3, 1, $4, $5, $6, $7, $8, $9, $10)",
        *(row.fee, kind, cause, whose, _run_id(whose, row), row.coin, row.basis, row.amount, row.at),
        row.seq,
    )


_PLANT: dict[type[Row], Callable[..., Awaitable[None]]] = {
    FillRow: _plant_fill,
    OrderRow: _plant_order,
    FeeRow: _plant_fee,
}

WANTED = [
    ({}, [7, 6, 5, 4, 3, 1]),
    ({"run": "1"}, [7, 4, 1]),  # and not the conversion that has this number too
    ({"run": "9"}, []),
    ({"pair": "eth/usdt"}, [6, 3]),
    ({"side": "sell"}, [4, 3]),
    ({"state": "booked"}, [5, 4, 3, 1]),
    ({"state": "corrected"}, [7]),
    ({"state": "busted", "pair": "BTC/USDT"}, []),
    ({"from": _at(4).isoformat()}, [7, 6, 5, 4]),
    ({"to": _at(4).isoformat()}, [3, 1]),
    ({"from": "2026-11-28"}, []),
    ({"to": "2026-11-27"}, [7, 6, 5, 4, 3, 1]),
    ({"before": "5"}, [4, 3, 1]),
    ({"before": "4", "run": "1"}, [1]),
    ({"subject": "orders"}, [4, 3, 1]),
    ({"subject": "orders", "state": "open"}, [3]),
    ({"subject": "orders", "side": "buy", "run": "1", "from": _at(1).isoformat()}, [1]),
    ({"subject": "fees"}, [3, 1]),
    ({"subject": "fees", "run": "1"}, [1]),
    ({"subject": "fees", "pair": "BTC/USDT", "to": _at(2).isoformat()}, [1]),
    ({"subject": "fees", "before": "3"}, [1]),
]


@pytest.fixture(params=["fake", "postgres"])
def history(request: pytest.FixtureRequest) -> HistoryStore:
    made: HistoryStore = request.getfixturevalue(f"{request.param}_history")
    return made


async def test_one_sees_the_own_rows_that_are_wanted_the_newest_first(history: HistoryStore) -> None:
    for typed, seqs in WANTED:
        wanted = Wanted.read(typed)
        rows = await history.page(ALICE, wanted, 100)
        assert [row.seq for row in rows] == seqs, typed
        assert all((ALICE, row) in ROWS for row in rows), typed
        assert list(await history.page(ALICE, wanted, 2)) == list(rows[:2]), typed
        assert list(await history.page(UserId("nobody"), wanted, 2)) == []
    assert [row.seq for row in await history.page(BOB, Wanted(), 100)] == [2]
