"""One run as it stands, in Postgres: few reads of one snapshot, those that grow with its age now and then."""

import json
from collections.abc import Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any

from adapters.db.candles import PostgresCandles
from adapters.db.history import PostgresHistory, Reads
from adapters.db.pages import WebDatabase
from domain.ids import UserId
from domain.market.candles import Interval, Series
from domain.market.history import FillRow, Subject, Wanted
from domain.market.model import Pair, Side
from domain.market.orders import OrderState
from domain.market.runs import RunState
from domain.money import ZERO, Coin
from domain.ports.live_runs import LiveOrder, LiveRun, LiveTotals, RunDay

FILLS_SHOWN = 10
DAY = timedelta(days=1)
TOTALS_LAST = timedelta(seconds=10)

_RUN = """
    SELECT r.id, r.number, r.base AS base_coin, r.quote AS quote_coin, r.state, r.trouble, r.preset,
           r.base_start, r.quote_start, r.base_end, r.quote_end, r.mid_end, r.started_at, r.stopped_at,
           m.tick, m.mid, m.bids, m.asks, m.seen_at, transaction_timestamp() AS as_of
    FROM runs r LEFT JOIN markets m ON (m.account, m.base, m.quote) = (r.account, r.base, r.quote)
    WHERE r.user_id = $1 AND r.number = $2 AND r.kind = 'strategy'
"""
_MARKET = """
    SELECT v.venue, r.base, r.quote, transaction_timestamp() AS as_of
    FROM runs r JOIN venue_accounts v ON v.name = r.account
    WHERE r.user_id = $1 AND r.number = $2 AND r.kind = 'strategy'
"""
_COINS = """
    SELECT a.coin, sum(b.total) AS total FROM balances b JOIN accounts a ON a.id = b.account_id
    WHERE a.kind = 'run' AND a.owner = $1 GROUP BY a.coin
"""
_ORDERS = """
    SELECT side, price, quantity - booked AS left, state FROM order_intents
    WHERE run_id = $1 AND NOT settled AND state IN ('prepared', 'sending', 'unknown', 'open', 'partial')
    ORDER BY price DESC, seq
"""
_TOTALS = "SELECT fills, volume FROM my_runs_totals($1)"
_PAID = """
    SELECT coin, sum(amount) AS amount FROM service_fees WHERE run_id = $1
    GROUP BY coin HAVING sum(amount) <> 0 ORDER BY coin
"""


class PostgresLiveRuns:
    """Runs as the pages see them, as ``domain.ports.live_runs.LiveRunStore``."""

    def __init__(self, database: WebDatabase) -> None:
        self._database = database

    async def look(self, user_id: UserId, number: int, before: LiveTotals | None = None) -> LiveRun | None:
        """Return a person's run by its number; nothing when that person has none of it."""
        async with self._database.as_person(user_id) as reads:
            rows = await reads.fetch(_RUN, user_id, number)
            return await _with_all(reads, user_id, rows[0], before) if rows else None

    async def day(self, user_id: UserId, number: int) -> RunDay | None:
        """Return the last 24 hours of the market of a person's run; nothing when there is no such run."""
        async with self._database.as_person(user_id) as reads:
            rows = await reads.fetch(_MARKET, user_id, number)
            if not rows:
                return None
            [row] = rows
            pair, since = Pair(Coin(row["base"]), Coin(row["quote"])), row["as_of"] - DAY
            series = Series(row["venue"], pair, Interval.MINUTE)
            minutes = await PostgresCandles(reads).list(
                series, since, row["as_of"], DAY // Interval.MINUTE.lasts
            )
            return RunDay(pair, minutes, since, row["as_of"])


async def _with_all(reads: Reads, user_id: UserId, run: dict[str, Any], before: LiveTotals | None) -> LiveRun:
    coins = {row["coin"]: row["total"] for row in await reads.fetch(_COINS, run["id"])}
    orders = [_order(row) for row in await reads.fetch(_ORDERS, run["id"])]
    wanted = Wanted(Subject.FILLS, run=run["number"])
    fills = await PostgresHistory(reads).page(user_id, wanted, FILLS_SHOWN)
    state = RunState(run["state"])
    return LiveRun(
        number=run["number"],
        pair=Pair(Coin(run["base_coin"]), Coin(run["quote_coin"])),
        state=state,
        trouble=run["trouble"],
        preset=run["preset"],
        base=_held(run, "base", coins),
        quote=_held(run, "quote", coins),
        base_start=run["base_start"],
        quote_start=run["quote_start"],
        bid=_best(run, "bids"),
        ask=_best(run, "asks"),
        mid=run["mid_end"] if state is RunState.STOPPED else run["mid"],
        seen_at=run["seen_at"],
        orders=orders,
        fills=[fill for fill in fills if isinstance(fill, FillRow)],
        totals=await _totals(reads, run, before),
        started_at=run["started_at"],
        stopped_at=run["stopped_at"],
        as_of=run["as_of"],
    )


async def _totals(reads: Reads, run: dict[str, Any], before: LiveTotals | None) -> LiveTotals:
    """Return totals, the former ones while they last."""
    as_of = run["as_of"]
    if before is not None and as_of - before.as_of < TOTALS_LAST:
        return before
    [traded] = await reads.fetch(_TOTALS, run["id"])
    paid = {Coin(row["coin"]): row["amount"] for row in await reads.fetch(_PAID, run["id"])}
    return LiveTotals(traded["fills"], traded["volume"], paid, as_of)


def _held(run: dict[str, Any], asset: str, coins: Mapping[str, Decimal]) -> Decimal:
    """Return what a run has, or had at its end."""
    end: Decimal | None = run[f"{asset}_end"]
    return coins.get(run[f"{asset}_coin"], ZERO) if end is None else end


def _best(run: dict[str, Any], side: str) -> Decimal | None:
    levels: Sequence[Sequence[int]] = json.loads(run[side] or "[]")
    return run["tick"] * levels[0][0] if levels else None


def _order(row: dict[str, Any]) -> LiveOrder:
    return LiveOrder(Side(row["side"]), row["price"], row["left"], OrderState(row["state"]))
