"""What the venue has promised, on disk before it is said: SQLite, one commit per action."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sandbox.venue.engine import Engine
from sandbox.venue.funds import Funds
from sandbox.venue.model import Changes, Fill, Force, Kind, Order, Side, Status, Trade

SCHEMA = """
CREATE TABLE IF NOT EXISTS notes (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS balances (
    account TEXT, asset TEXT, free INTEGER CHECK (free >= 0), locked INTEGER CHECK (locked >= 0),
    PRIMARY KEY (account, asset));
CREATE TABLE IF NOT EXISTS totals (kind TEXT, asset TEXT, units INTEGER NOT NULL, PRIMARY KEY (kind, asset));
CREATE TABLE IF NOT EXISTS orders (
    id INTEGER PRIMARY KEY, account TEXT, client_id TEXT, symbol TEXT, side TEXT, kind TEXT, force TEXT,
    price INTEGER, lots INTEGER, created_ms INTEGER, updated_ms INTEGER, filled INTEGER, value INTEGER,
    locked INTEGER, ahead INTEGER, status TEXT, cancel_id TEXT);
CREATE TABLE IF NOT EXISTS fills (
    trade_id INTEGER, symbol TEXT, price INTEGER, lots INTEGER, value INTEGER, at_ms INTEGER,
    buyer_is_maker INTEGER, recorded_id INTEGER, order_id INTEGER, account TEXT, side TEXT, is_maker INTEGER,
    commission INTEGER, commission_asset TEXT, PRIMARY KEY (trade_id, order_id));
CREATE TABLE IF NOT EXISTS funds (kind TEXT, key TEXT, body TEXT NOT NULL, PRIMARY KEY (kind, key));
"""
Moved = tuple[str, str, str | None]  # a row of funds: kind, key, body
RESERVE = 10_000  # ids are promised in blocks, so that public trades need no commit


class Store:
    """The venue's file. Integers only: SQLite holds 64 bits, which is 92 billion of anything in 1e-8."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(path, isolation_level=None)
        self._db.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;" + SCHEMA)
        self._reserved = (0, 0)

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()

    def load(self, engine: Engine, funds: Funds) -> None:
        """Put everything promised earlier back into a fresh engine and its funds."""
        for kind, key, body in self._db.execute("SELECT kind, key, body FROM funds ORDER BY rowid"):
            funds.load(kind, key, body)
        for account, asset, free, locked in self._db.execute("SELECT * FROM balances"):
            engine.accounts.free[account, asset] = free
            engine.accounts.locked[account, asset] = locked
        for kind, table in self._totals(engine).items():
            rows = self._db.execute("SELECT asset, units FROM totals WHERE kind = ?", (kind,))
            table.update(rows.fetchall())
        engine.restore(
            [_order(row) for row in self._db.execute("SELECT * FROM orders")],
            [_fill(row) for row in self._db.execute("SELECT * FROM fills")],
        )
        notes = self.notes()
        engine.numbers.order = int(notes.get("last_order", "0"))
        engine.numbers.trade = int(notes.get("last_trade", "0"))
        self._reserved = engine.numbers.order, engine.numbers.trade
        for symbol in engine.last_price:
            engine.last_price[symbol] = int(notes.get(f"price {symbol}", engine.last_price[symbol]))

    def notes(self) -> dict[str, str]:
        """Return the venue's own small facts."""
        return dict(self._db.execute("SELECT name, value FROM notes").fetchall())

    def save(
        self, engine: Engine, changes: Changes, notes: Mapping[str, str], moved: Sequence[Moved] = ()
    ) -> None:
        """Commit what an action changed; nobody may hear of it before this returns."""
        reserve = self._outgrown(engine)
        if not (changes.must_be_saved or reserve or moved):
            return
        self._db.execute("BEGIN IMMEDIATE")
        self._db.executemany(
            "INSERT INTO funds VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET body = excluded.body", moved
        )
        self._save_orders(changes)
        self._save_balances(engine, changes)
        self._save_notes(engine, notes, reserve)
        self._db.execute("COMMIT")

    def _save_orders(self, changes: Changes) -> None:
        self._db.executemany(
            "INSERT OR REPLACE INTO orders VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
            map(_order_row, changes.orders.values()),
        )
        self._db.executemany(
            "INSERT INTO fills VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?)", map(_fill_row, changes.fills)
        )

    def _save_balances(self, engine: Engine, changes: Changes) -> None:
        accounts = engine.accounts
        self._db.executemany(
            "INSERT OR REPLACE INTO balances VALUES (?, ?, ?, ?)",
            [(*key, accounts.free[key], accounts.locked[key]) for key in changes.balances],
        )
        for kind, table in self._totals(engine).items():
            self._db.executemany(
                "INSERT OR REPLACE INTO totals VALUES (?, ?, ?)", [(kind, *row) for row in table.items()]
            )

    def _save_notes(self, engine: Engine, notes: Mapping[str, str], reserve: bool) -> None:
        rows = dict(notes) | {f"price {symbol}": str(price) for symbol, price in engine.last_price.items()}
        if reserve:
            self._reserved = engine.numbers.order + RESERVE, engine.numbers.trade + RESERVE
            rows |= {"last_order": str(self._reserved[0]), "last_trade": str(self._reserved[1])}
        self._db.executemany("INSERT OR REPLACE INTO notes VALUES (?, ?)", list(rows.items()))

    def _outgrown(self, engine: Engine) -> bool:
        return engine.numbers.order >= self._reserved[0] or engine.numbers.trade >= self._reserved[1]

    @staticmethod
    def _totals(engine: Engine) -> Mapping[str, defaultdict[str, int]]:
        accounts = engine.accounts
        tables = {"brought": accounts.brought, "fees": accounts.fees}
        return tables | {"left": accounts.left, "public": accounts.public}


def _order_row(order: Order) -> tuple[str | int, ...]:
    return (
        *(order.id, order.account, order.client_id, order.symbol, order.side, order.kind, order.force),
        *(order.price, order.lots, order.created_ms, order.updated_ms, order.filled, order.value),
        *(order.locked, order.ahead, order.status, order.cancel_id),
    )


def _order(row: tuple[Any, ...]) -> Order:
    number, account, client_id, symbol, side, kind, force, *numbers, status, cancel_id = row
    texts = number, account, client_id, symbol, Side(side), Kind(kind), Force(force)
    values: tuple[Any, ...] = (*texts, *numbers, Status(status), cancel_id)
    return Order(*values)


def _fill_row(fill: Fill) -> tuple[str | int, ...]:
    trade = fill.trade
    return (
        *(trade.id, trade.symbol, trade.price, trade.lots, trade.value, trade.at_ms, trade.buyer_is_maker),
        *(trade.recorded_id, fill.order_id, fill.account, fill.side, fill.is_maker),
        *(fill.commission, fill.commission_asset),
    )


def _fill(row: tuple[Any, ...]) -> Fill:
    trade_id, symbol, price, lots, value, at_ms, buyer_is_maker, recorded_id, *rest = row
    order_id, account, side, is_maker, commission, asset = rest
    trade = Trade(trade_id, symbol, price, lots, value, at_ms, bool(buyer_is_maker), recorded_id)
    return Fill(trade, order_id, account, Side(side), bool(is_maker), commission, asset)
