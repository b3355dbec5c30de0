"""Who is told of what happens at the venue; and binance's way of telling it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from sandbox.venue import shapes
from sandbox.venue.engine import Engine
from sandbox.venue.faults import Faults
from sandbox.venue.hub import Hub
from sandbox.venue.model import Changes, Report, Side, Trade, text


class Teller(Protocol):
    """One language's listeners. What they are told is on disk already."""

    def traded(self, trade: Trade, number: int) -> None:
        """Tell a public trade, which has this number among its pair's."""
        ...

    def changed(self, changes: Changes) -> None:
        """Tell accounts what became of their orders and coins."""
        ...

    def moved(self, symbol: str, first: int, last: int, prices: Mapping[Side, set[int]], now_ms: int) -> None:
        """Tell the prices of a book at which something changed by these numbered updates."""
        ...


class BinanceNews:
    """Events of binance's market streams and of its accounts."""

    def __init__(self, engine: Engine, hub: Hub, faults: Faults) -> None:
        self._engine, self._hub, self._faults = engine, hub, faults

    def traded(self, trade: Trade, number: int) -> None:
        """Tell a public trade, and the same as an aggregate of one."""
        pair, stream = self._engine.pairs[trade.symbol], f"{trade.symbol.lower()}@trade"
        if self._hub.listeners(stream):
            self._hub.tell_market(stream, shapes.trade_event(pair, trade))
        stream = f"{trade.symbol.lower()}@aggTrade"
        if self._hub.listeners(stream):
            self._hub.tell_market(stream, shapes.aggregated_trade_event(pair, number, trade))

    def moved(self, symbol: str, first: int, last: int, prices: Mapping[Side, set[int]], now_ms: int) -> None:
        """Send what changed in a book since the last time, numbered without a gap."""
        streams = [f"{symbol.lower()}@depth@100ms", f"{symbol.lower()}@depth"]
        if not any(self._hub.listeners(stream) for stream in streams) or self._faults.loses_delta():
            return
        pair, market = self._engine.pairs[symbol], self._engine.markets[symbol]
        event = {"e": "depthUpdate", "E": now_ms, "s": symbol, "U": first, "u": last}
        for name, side in (("b", Side.BUY), ("a", Side.SELL)):
            changed = [(ticks, market.size_at(side, ticks)) for ticks in sorted(prices[side])]
            event[name] = shapes.levels(pair, changed)
        for stream in streams:
            self._hub.tell_market(stream, event)

    def changed(self, changes: Changes) -> None:
        """Tell each report, and after the last one of an account what it holds."""
        for report in changes.reports:
            pair = self._engine.pairs[report.order.symbol]
            self._hub.tell_account(report.order.account, shapes.execution_report(pair, report))
        latest: dict[str, Report] = {report.order.account: report for report in changes.reports}
        for account, report in latest.items():
            assets = sorted(asset for name, asset in changes.balances if name == account)
            self._hub.tell_account(account, self._position(account, assets, report.at_ms))

    def _position(self, account: str, assets: list[str], at_ms: int) -> dict[str, Any]:
        held = self._engine.accounts
        balances = [
            {"a": asset, "f": text(held.free[account, asset]), "l": text(held.locked[account, asset])}
            for asset in assets
        ]
        return {"e": "outboundAccountPosition", "E": at_ms, "u": at_ms, "B": balances}
