"""Venue accounts and runs in Postgres, as ``domain.ports.runs``."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from adapters.db.store import PostgresStore
from domain.ids import RunId, UserId, VenueAccountName
from domain.market.capacity import Capacity, Place
from domain.market.model import Level, Pair, TradingRules
from domain.market.runs import ACTIVE, GOING, MarketView, Run, RunKind, RunState
from domain.money import Coin
from domain.ports.runs import AccountState, Halt

_REGISTER = """
    INSERT INTO venue_accounts AS known (name, venue, orders_per_second) VALUES ($1, $2, $3)
    ON CONFLICT (name) DO UPDATE SET orders_per_second = excluded.orders_per_second
    WHERE known.orders_per_second <> excluded.orders_per_second
"""
_FIND_ACCOUNT = """
    SELECT name, venue, opened_at IS NOT NULL AS opened, halted FROM venue_accounts WHERE name = $1
"""
_SEE = """
    INSERT INTO markets (account, base, quote, tick, lot, min_quantity, min_notional, maker_fee_bps,
                         taker_fee_bps, max_open_orders, mid, seen_at, bids, asks)
    SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::numeric[], $5::numeric[], $6::numeric[],
        $7::numeric[], $8::numeric[], $9::numeric[], $10::int[], $11::numeric[], $12::timestamptz[],
        $13::jsonb[], $14::jsonb[])
    ON CONFLICT (account, base, quote) DO UPDATE SET
        (tick, lot, min_quantity, min_notional, maker_fee_bps, taker_fee_bps, max_open_orders, mid, seen_at,
         bids, asks)
        = (excluded.tick, excluded.lot, excluded.min_quantity, excluded.min_notional, excluded.maker_fee_bps,
           excluded.taker_fee_bps, excluded.max_open_orders, excluded.mid, excluded.seen_at, excluded.bids,
           excluded.asks)
"""
_VIEWS = """
    SELECT m.* FROM markets m JOIN venue_accounts v ON v.name = m.account
    WHERE v.opened_at IS NOT NULL AND v.halted = '' ORDER BY m.account, m.base, m.quote
"""
_HALT = """
    WITH halted AS (
        UPDATE venue_accounts SET halted = CASE WHEN halted = '' THEN $2 ELSE halted END WHERE name = $1
        RETURNING name
    )
    INSERT INTO halts (account, reason) SELECT name, $2 FROM halted
    ON CONFLICT (account, reason) WHERE lifted_at IS NULL DO NOTHING
"""
_LIFT = """
    UPDATE halts SET lifted_at = $3, lifted_by = $4
    WHERE account = $1 AND lifted_at IS NULL AND id = ANY ($2::bigint[])
"""
_GOING = ", ".join(f"'{state}'" for state in sorted(GOING))
_ATTENDED = ", ".join(f"'{state}'" for state in sorted(ACTIVE - {RunState.FUNDING}))

_CHANGE = f"""
    WITH changed AS (
        UPDATE runs SET config_version = config_version + 1, preset = $3
        WHERE id = $1 AND config_version = $2 AND state IN ({_GOING})
        RETURNING id, config_version
    )
    INSERT INTO run_configs (run_id, version, config) SELECT id, config_version, $4 FROM changed
"""  # noqa: S608 - put together from constants
_RUN = """
    SELECT r.*, c.config, coalesce(s.trading_bps, 0) AS fee_bps
    FROM runs r JOIN run_configs c ON c.run_id = r.id AND c.version = r.config_version
    LEFT JOIN fee_schedules s ON s.version = r.fee_version
"""
_ADD_RUN = """
    INSERT INTO runs (id, user_id, number, account, base, quote, strategy, preset, config_version, state,
                      base_start, quote_start, started_at, fee_version, kind, leader)
    SELECT $1, $2::varchar, coalesce(nullif($13, 0), max(number) + 1, 1), $3, $4, $5, $6, $7, 1, $8, $9, $10,
           $11, $12, $14::varchar, $15
    FROM runs WHERE user_id = $2::varchar AND kind = $14::varchar
    RETURNING number
"""
_END = """
    UPDATE runs r SET base_end = $2, quote_end = $3,
        mid_end = (SELECT mid FROM markets m
                   WHERE (m.account, m.base, m.quote) = (r.account, r.base, r.quote) AND m.seen_at >= $4)
    WHERE id = $1
"""
_UNTOLD = f"""
    {_RUN} WHERE r.account = $1 AND r.state <> 'stopped' AND r.told_at < $2
        AND (r.kind = 'strategy' OR r.preset = 'resting')
        AND EXISTS (SELECT FROM fills f WHERE f.run_id = r.id AND f.seq > r.told_seq)
    ORDER BY r.id
"""
_MARK_TOLD = """
    UPDATE runs SET told_at = $2, told_seq = coalesce((SELECT max(seq) FROM fills WHERE run_id = $1), 0)
    WHERE id = $1
"""


class PostgresVenueAccounts:
    """Venue accounts, and what their workers see."""

    def __init__(self, store: PostgresStore) -> None:
        self._store = store

    async def register(self, name: VenueAccountName, venue: str, orders_per_second: int) -> None:
        """Have the account be known, and how many orders it may send in a second."""
        await self._store.execute(_REGISTER, name, venue, orders_per_second)

    async def capacity(self, name: VenueAccountName) -> Capacity:
        """Return what the account takes, by the last word of its workers."""
        known = await self._store.fetch("SELECT orders_per_second FROM venue_accounts WHERE name = $1", name)
        markets = await self._store.fetch("SELECT * FROM markets WHERE account = $1", name)
        places = {view.pair: Place.of(view.rules, view.mid) for view in map(_view, markets)}
        return Capacity(known[0]["orders_per_second"] if known else 0, places)

    async def alone(self, name: VenueAccountName) -> None:
        """Be the one who counts and takes room there, until the transaction ends."""
        lock = "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))"
        await self._store.fetch(lock, f"room:{name}", writes=True)

    async def find(self, name: VenueAccountName) -> AccountState | None:
        """Return an account's state."""
        rows = await self._store.fetch(_FIND_ACCOUNT, name)
        return AccountState(**rows[0]) if rows else None

    async def mark_opened(self, name: VenueAccountName) -> None:
        """Note that the opening balances are booked."""
        await self._store.execute(
            "UPDATE venue_accounts SET opened_at = coalesce(opened_at, now()) WHERE name = $1", name
        )

    async def halt(self, name: VenueAccountName, reason: str) -> bool:
        """Let nobody place orders from this account; return whether it was not halted for this before."""
        return await self._store.execute(_HALT, name, reason) == 1

    async def looked_at(self, name: VenueAccountName, reason: str) -> bool:
        """Tell whether a person has lifted a halt of this account for this very reason before."""
        lifted = "SELECT FROM halts WHERE account = $1 AND reason = $2 AND lifted_at IS NOT NULL LIMIT 1"
        return bool(await self._store.fetch(lifted, name, reason))

    async def halts(self) -> Sequence[Halt]:
        """Return every halt that nobody has lifted."""
        rows = await self._store.fetch(
            "SELECT id, account, reason, halted_at FROM halts WHERE lifted_at IS NULL ORDER BY account, id"
        )
        return [Halt(**row) for row in rows]

    async def lift(self, halts: Sequence[Halt], by: UserId, at: datetime) -> bool:
        """Lift an account's halts and let it trade; return whether these were all of them."""
        account, ids = halts[0].account, [halt.id for halt in halts]
        async with self._store.transaction():
            # whoever halts the account now waits for this lock, and then finds it trading
            await self._store.fetch(
                "SELECT FROM venue_accounts WHERE name = $1 FOR NO KEY UPDATE", account, writes=True
            )
            there = await self._store.fetch(
                "SELECT id FROM halts WHERE account = $1 AND lifted_at IS NULL", account
            )
            if {row["id"] for row in there} != set(ids):
                return False
            await self._store.execute(_LIFT, account, ids, at, by)
            await self._store.execute("UPDATE venue_accounts SET halted = '' WHERE name = $1", account)
        return True

    async def want(self, name: VenueAccountName, coin: Coin, amount: Decimal, at: datetime) -> None:
        """Note that somebody wanted a run to work with so much there, and there was less."""
        await self._store.execute(
            """
            INSERT INTO float_wants AS w (account, coin, amount, wanted_at) VALUES ($1, $2, $3, $4)
            ON CONFLICT (account, coin) DO UPDATE
            SET amount = greatest(w.amount, excluded.amount), wanted_at = excluded.wanted_at
            """,
            name,
            coin,
            amount,
            at,
        )

    async def wants(self, since: datetime) -> Mapping[tuple[VenueAccountName, Coin], Decimal]:
        """Return what was wanted and not there since an instant, by account and coin."""
        rows = await self._store.fetch(
            "SELECT account, coin, amount FROM float_wants WHERE wanted_at >= $1", since
        )
        return {(VenueAccountName(row["account"]), Coin(row["coin"])): row["amount"] for row in rows}

    async def sent_for(self, name: VenueAccountName, coin: Coin) -> None:
        """Forget what was wanted: it is on its way."""
        await self._store.execute("DELETE FROM float_wants WHERE account = $1 AND coin = $2", name, coin)

    async def see(self, views: Sequence[MarketView]) -> None:
        """Store what the worker sees of its pairs."""
        if not views:
            return
        columns = zip(*(_view_row(view) for view in views), strict=True)
        await self._store.execute(_SEE, *map(list, columns))

    async def views(self) -> list[MarketView]:
        """Return the newest view of every pair on every opened account that is not halted."""
        return [_view(row) for row in await self._store.fetch(_VIEWS)]


class PostgresRuns:
    """Runs and the versions of their configs."""

    def __init__(self, store: PostgresStore) -> None:
        self._store = store

    async def add(self, run: Run) -> Run:
        """Store a new run with its config as version 1; return it with the person's next number."""
        async with self._store.transaction():
            # one new run of a person at a time: numbers have no gaps
            await self._store.fetch(
                "SELECT FROM users WHERE user_id = $1 FOR NO KEY UPDATE", run.user_id, writes=True
            )
            rows = await self._store.fetch(
                _ADD_RUN,
                run.id,
                run.user_id,
                run.account,
                run.pair.base,
                run.pair.quote,
                run.strategy,
                run.preset,
                run.state,
                run.base_start,
                run.quote_start,
                run.started_at,
                run.fee_version,
                run.number,
                run.kind,
                run.leader,
            )
            await self._store.execute(
                "INSERT INTO run_configs (run_id, version, config) VALUES ($1, 1, $2)",
                run.id,
                json.dumps(dict(run.config)),
            )
        return replace(run, number=rows[0]["number"], config_version=1)

    async def find(self, user_id: UserId, number: int) -> Run | None:
        """Return a person's run by its number."""
        if not 0 < number < 2**31:
            return None
        runs = await self._runs(
            "WHERE r.user_id = $1 AND r.number = $2 AND r.kind = 'strategy'", user_id, number
        )
        return runs[0] if runs else None

    async def get(self, run_id: RunId) -> Run:
        """Return a run by its id."""
        return (await self._runs("WHERE r.id = $1", run_id))[0]

    async def change(self, run: Run, preset: str, config: Mapping[str, str]) -> bool:
        """Give a run a new config as its next version; return whether it was still as given."""
        text = json.dumps(dict(config))
        return await self._store.execute(_CHANGE, run.id, run.config_version, preset, text) == 1

    async def list(self, user_id: UserId) -> Sequence[Run]:
        """Return a person's runs, active ones first, then the newest first."""
        return await self._runs(
            "WHERE r.user_id = $1 AND r.kind = 'strategy' ORDER BY r.state = 'stopped', r.number DESC",
            user_id,
        )

    async def active(self, account: VenueAccountName) -> Sequence[Run]:
        """Return the runs of an account that have begun there and not stopped, oldest first."""
        return await self._runs(
            f"WHERE r.account = $1 AND r.state IN ({_ATTENDED}) ORDER BY r.started_at, r.id", account
        )

    async def going(self) -> Sequence[Run]:
        """Return the runs of strategies of all people that go on, by id."""
        return await self._runs(f"WHERE r.kind = 'strategy' AND r.state IN ({_GOING}) ORDER BY r.id")

    async def anchor(self, run_id: RunId, at: datetime) -> None:
        """Set the instant from which the run's ticks count, unless it is set."""
        await self._store.execute(
            "UPDATE runs SET anchored_at = $2 WHERE id = $1 AND anchored_at IS NULL", run_id, at
        )

    async def move(self, run_id: RunId, was: RunState, to: RunState, at: datetime) -> bool:
        """Change the state if it is still ``was``; return whether it was."""
        moved = """
            UPDATE runs SET state = $3::varchar, trouble = '',
                stopped_at = CASE WHEN $3::varchar = 'stopped' THEN $4::timestamptz END
            WHERE id = $1 AND state = $2
        """
        return await self._store.execute(moved, run_id, was, to, at) == 1

    async def stop(self, run_id: RunId) -> bool:
        """Tell a run to stop, whatever state it is in by then; return whether nobody had."""
        told = f"UPDATE runs SET state = 'stopping', trouble = '' WHERE id = $1 AND state IN ({_GOING})"  # noqa: S608 - constants
        return await self._store.execute(told, run_id) == 1

    async def end(self, run_id: RunId, base: Decimal, quote: Decimal, seen_since: datetime) -> None:
        """Note with how much of each asset a run ended, and at which mid, if that is fresh."""
        await self._store.execute(_END, run_id, base, quote, seen_since)

    async def trouble(self, run_ids: Sequence[RunId], reason: str) -> Sequence[Run]:
        """Set what keeps runs from trading; return those for whom this is new."""
        changed = await self._store.fetch(
            "UPDATE runs SET trouble = $2 WHERE id = ANY($1::text[]) AND trouble <> $2 RETURNING id",
            list(run_ids),
            reason,
        )
        return await self._runs("WHERE r.id = ANY($1::text[]) ORDER BY r.id", [row["id"] for row in changed])

    async def untold_fills(self, account: VenueAccountName, told_before: datetime) -> Sequence[Run]:
        """Return runs that have filled since they were last told, and were last told before the instant."""
        return [_run(row) for row in await self._store.fetch(_UNTOLD, account, told_before)]

    async def mark_told(self, run_id: RunId, at: datetime) -> None:
        """Note that the person has been told of all fills so far."""
        await self._store.execute(_MARK_TOLD, run_id, at)

    async def _runs(self, where: str, *args: object) -> Sequence[Run]:
        return [_run(row) for row in await self._store.fetch(f"{_RUN} {where}", *args)]


def _run(row: dict[str, Any]) -> Run:
    return Run(
        id=RunId(row["id"]),
        number=row["number"],
        user_id=UserId(row["user_id"]),
        account=VenueAccountName(row["account"]),
        pair=Pair(Coin(row["base"]), Coin(row["quote"])),
        strategy=row["strategy"],
        preset=row["preset"],
        config=json.loads(row["config"]),
        config_version=row["config_version"],
        state=RunState(row["state"]),
        base_start=row["base_start"],
        quote_start=row["quote_start"],
        started_at=row["started_at"],
        anchored_at=row["anchored_at"],
        stopped_at=row["stopped_at"],
        trouble=row["trouble"],
        base_end=row["base_end"],
        quote_end=row["quote_end"],
        mid_end=row["mid_end"],
        fee_version=row["fee_version"],
        fee_bps=row["fee_bps"],
        kind=RunKind(row["kind"]),
        leader=row["leader"] and RunId(row["leader"]),
    )


def _view_row(view: MarketView) -> tuple[object, ...]:
    rules = view.rules
    return (
        *(view.account, view.pair.base, view.pair.quote),
        *(rules.tick, rules.lot, rules.min_quantity, rules.min_notional),
        *(rules.maker_fee_bps, rules.taker_fee_bps, rules.max_open_orders),
        *(view.mid, view.seen_at, _levels_row(view.bids), _levels_row(view.asks)),
    )


def _levels_row(levels: tuple[Level, ...]) -> str:
    return json.dumps([[level.ticks, level.lots] for level in levels])


def _levels(text: str) -> tuple[Level, ...]:
    return tuple(Level(ticks, lots) for ticks, lots in json.loads(text))


def _view(row: dict[str, Any]) -> MarketView:
    rules = TradingRules(
        tick=row["tick"],
        lot=row["lot"],
        min_quantity=row["min_quantity"],
        min_notional=row["min_notional"],
        maker_fee_bps=row["maker_fee_bps"],
        taker_fee_bps=row["taker_fee_bps"],
        max_open_orders=row["max_open_orders"],
    )
    pair = Pair(Coin(row["base"]), Coin(row["quote"]))
    bids, asks = _levels(row["bids"]), _levels(row["asks"])
    return MarketView(VenueAccountName(row["account"]), pair, rules, row["mid"], row["seen_at"], bids, asks)
