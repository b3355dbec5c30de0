"""The venue as a whole: every action is matched, written down, and only then told to anybody."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, TypeVar

from sandbox.rails.crossing import Departure
from sandbox.venue.engine import Engine
from sandbox.venue.faults import Faults
from sandbox.venue.funds import Declined, Funds
from sandbox.venue.hub import Hub
from sandbox.venue.model import FEES, Changes, Fill, units
from sandbox.venue.news import BinanceNews, Teller
from sandbox.venue.store import Store
from sandbox.venue.tape import Tape

T = TypeVar("T")


class Clock(Protocol):
    """The venue's two times: the market's, which may stand still, and the one on the wall."""

    def now_ms(self) -> int:
        """Return the time that orders and trades bear."""
        ...

    def wall_ms(self) -> int:
        """Return the time that signatures are checked against."""
        ...


class Venue:
    """One engine with its file, its listeners and its clock."""

    def __init__(self, engine: Engine, store: Store, hub: Hub, faults: Faults, clock: Clock) -> None:
        self.engine, self.store, self.hub, self.faults = engine, store, hub, faults
        self.funds = Funds(engine.accounts)
        store.load(engine, self.funds)
        self.now_ms, self._wall_ms = clock.now_ms, clock.wall_ms
        self.countdowns: dict[tuple[str, str], int] = {}  # by account and symbol, or all: when it strikes
        self.tapes = {symbol: Tape() for symbol in engine.pairs}
        self.tellers: list[Teller] = [BinanceNews(engine, hub, faults)]
        self._told = {symbol: market.changed.update_id for symbol, market in engine.markets.items()}
        self.before_saving: Callable[[Changes], Mapping[str, str]] = lambda changes: {}
        self.catch_up: Callable[[], None] = lambda: None

    def wall_ms(self) -> int:
        """Return the time that signatures are checked against, wrong by as much as the faults say."""
        return self._wall_ms() + self.faults.settings.skew_ms

    def true_ms(self) -> int:
        """Return the time that chains go by."""
        return self._wall_ms()

    def open_accounts(self, accounts: list[dict[str, Any]], market: str) -> None:
        """Credit the accounts of the world file that this venue does not know yet."""
        known = self.store.notes()
        opened = {"market": market}
        for account in accounts:
            note = f"account {account['name']}"
            if note not in known:
                for asset, amount in account.get("balances", {}).items():
                    self.engine.accounts.bring(account["name"], asset, units(amount))
                opened[note] = "opened"
            if profile := account.get("fees"):
                self.engine.own_fees[account["name"]] = FEES[profile]
            if (listed := account.get("withdrawal_addresses")) is not None:
                allowed = [(row["network"], row["address"], row.get("tag", "")) for row in listed]
                self.funds.allowed[account["name"]] = allowed
        self.publish(opened)

    def listed_fills(self, account: str, symbol: str) -> list[Fill]:
        """Return what lists show of an account's trades, oldest first: the faults may hide the latest."""
        fills, hidden_ms = self.engine.fills.get((account, symbol), []), self.faults.settings.hide_fills_ms
        if not hidden_ms:
            return fills
        return [fill for fill in fills if fill.trade.at_ms <= self.now_ms() - hidden_ms]

    def act(self, action: Callable[[int], T]) -> T:
        """Carry out an action now; what it changed is on disk when this returns."""
        self.catch_up()
        try:
            return action(self.now_ms())
        finally:
            self.publish()

    def move(self, action: Callable[[int], T]) -> T:
        """Carry out what concerns coins that come and go; chains know no other time than the wall's."""
        try:
            return action(self.true_ms())
        except Declined:
            self.funds.journal.undo()
            raise
        finally:
            if self.funds.journal.mark():
                self.publish()

    def delivered(self, departures: Sequence[Departure]) -> None:
        """Remember what the other side of the chains has seen."""
        for departure in departures:
            self.funds.delivered(departure)
        self.publish()

    def publish(self, notes: Mapping[str, str] | None = None) -> None:
        """Write down what changed, then tell the listeners."""
        changes = self.engine.drain()
        kept = self.before_saving(changes)
        self.store.save(self.engine, changes, {**kept, **(notes or {})}, self.funds.journal.written())
        self.funds.journal.forget()
        for trade in changes.prints:
            self.tapes[trade.symbol].add(trade)
            for teller in self.tellers:
                teller.traded(trade, self.tapes[trade.symbol].number)
        for teller in self.tellers:
            teller.changed(changes)

    def tell_depth(self) -> None:
        """Tell what changed in each book since the last time, numbered without a gap."""
        for symbol, market in self.engine.markets.items():
            first, last = self._told[symbol] + 1, market.changed.update_id
            if last < first:
                continue
            self._told[symbol] = last
            prices = market.changed.drain()
            for teller in self.tellers:
                teller.moved(symbol, first, last, prices, self.now_ms())
