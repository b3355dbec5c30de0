"""CoinGecko, as far as prices go: what it tells follows from the sandbox's own markets.

`/coingecko/api/v3/…`: `ping`, `simple/price`, `simple/supported_vs_currencies`, `coins/list` and
`coins/markets`, so many a minute as the public plan bears. Faults strike where `only` names `/coingecko`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from aiohttp import web

from sandbox.venue import shapes
from sandbox.venue.binance import misbehave, struck_down
from sandbox.venue.gatekeeper import Window
from sandbox.venue.model import Side
from sandbox.venue.venue import Venue

Json = Any
ROOT = "/coingecko/api/v3"
PER_MINUTE = 30
DOLLARS = ("USDT",)  # a coin of a dollar each, in this world
_NAMES = {
    "BTC": ("bitcoin", "Bitcoin", 19_900_000),
    "ETH": ("ethereum", "Ethereum", 120_700_000),
    "USDT": ("tether", "Tether", 180_000_000_000),
    "XRP": ("ripple", "XRP", 60_000_000_000),
}


@dataclass(frozen=True, slots=True)
class Quoted:
    """A coin in dollars, and its day."""

    symbol: str
    usd: Decimal
    change: Decimal  # per cent of the day
    volume: Decimal  # dollars of the day
    high: Decimal
    low: Decimal

    @property
    def id(self) -> str:
        """Return CoinGecko's own name of the coin."""
        return _NAMES[self.symbol][0]

    @property
    def supply(self) -> int:
        """Return how many there are."""
        return _NAMES[self.symbol][2]


class CoinGecko:
    """Answers from the books of one venue."""

    def __init__(self, venue: Venue) -> None:
        self._venue = venue
        self._asked = Window(60_000, PER_MINUTE)

    def add_to(self, app: web.Application) -> None:
        """Serve the addresses."""
        calls: Mapping[str, Callable[[Mapping[str, str]], Json]] = {
            "ping": lambda _: {"gecko_says": "(V3) To the Moon!"},
            "simple/price": self.prices,
            "simple/supported_vs_currencies": lambda _: sorted(self._currencies()),
            "coins/list": self.coins,
            "coins/markets": self.markets,
        }
        for path, call in calls.items():
            app.router.add_get(f"{ROOT}/{path}", self._answering(call))

    def prices(self, params: Mapping[str, str]) -> Json:
        """Tell the coins asked for in the currencies asked for; unknown ones are left out.

        Raises:
            ValueError: something must be named.
        """
        ids, wanted = _listed(params, "ids"), _listed(params, "vs_currencies")
        rates, at = self._currencies(), self._venue.true_ms() // 1000
        told = {}
        for coin in self.quoted():
            if coin.id not in ids:
                continue
            row: dict[str, float | int] = {}
            for name in (name for name in wanted if name in rates):
                row[name] = _float(coin.usd / rates[name])
                if _on(params, "include_market_cap"):
                    row[f"{name}_market_cap"] = _float(coin.usd * coin.supply / rates[name])
                if _on(params, "include_24hr_vol"):
                    row[f"{name}_24h_vol"] = _float(coin.volume / rates[name])
                if _on(params, "include_24hr_change"):
                    row[f"{name}_24h_change"] = float(coin.change)
            told[coin.id] = row | ({"last_updated_at": at} if _on(params, "include_last_updated_at") else {})
        return told

    def coins(self, params: Mapping[str, str]) -> Json:
        """List the coins."""
        return [{"id": c.id, "symbol": c.symbol.lower(), "name": _NAMES[c.symbol][1]} for c in self.quoted()]

    def markets(self, params: Mapping[str, str]) -> Json:
        """Tell a page of coins with their day, the largest first.

        Raises:
            ValueError: no currency is named, or one that is not known.
        """
        [name, *_], rates = _listed(params, "vs_currency"), self._currencies()
        if name not in rates:
            raise ValueError("invalid vs_currency")
        ids, rate = params.get("ids", ""), rates[name]
        chosen = [c for c in self.quoted() if not ids or c.id in ids.split(",")]
        ranked = sorted(chosen, key=lambda c: c.usd * c.supply, reverse=True)
        most, page = int(params.get("per_page", "100")), int(params.get("page", "1"))
        rows = list(enumerate(ranked, start=1))[(page - 1) * most : page * most]
        at = datetime.fromtimestamp(self._venue.true_ms() / 1000, UTC).isoformat(timespec="milliseconds")
        return [
            _market(coin, rank, rate) | {"last_updated": at.replace("+00:00", "Z")} for rank, coin in rows
        ]

    def quoted(self) -> list[Quoted]:
        """Return every coin that has a market against dollars, and the dollars."""
        one, none = Decimal(1), Decimal(0)
        found = [Quoted(name, one, none, none, one, one) for name in DOLLARS]
        for pair in self._venue.engine.pairs.values():
            if pair.quote not in DOLLARS or pair.base not in _NAMES:
                continue
            market, last = self._venue.engine.markets[pair.symbol], self._venue.engine.last_price[pair.symbol]
            bid, ask = (next(iter(market.levels(side, 1)), (last, 0)) for side in (Side.BUY, Side.SELL))
            tape = self._venue.tapes[pair.symbol]
            day = shapes.day_ticker(pair, tape, last, bid, ask, self._venue.now_ms())
            figures = (day[name] for name in ("priceChangePercent", "quoteVolume", "highPrice", "lowPrice"))
            found.append(Quoted(pair.base, (bid[0] + ask[0]) * pair.tick / 2, *map(Decimal, figures)))
        return found

    def _currencies(self) -> dict[str, Decimal]:
        """Return what one of each currency is worth in dollars."""
        return {"usd": Decimal(1)} | {coin.symbol.lower(): coin.usd for coin in self.quoted() if coin.usd}

    def _answering(self, call: Callable[[Mapping[str, str]], Json]) -> Any:
        async def answer(request: web.Request) -> web.Response:
            faults = self._venue.faults
            struck = "/coingecko" in faults.settings.only
            if not self._asked.add(1, self._venue.true_ms()):
                return _refused(429, "You've exceeded the Rate Limit.")
            if struck and (status := struck_down(faults)):
                return _refused(status, "Service unavailable.")
            try:
                told = call(request.query)
            except ValueError as e:
                return web.json_response({"error": str(e)}, status=422)
            if struck:
                await misbehave(faults, request, told, "")
            return web.json_response(told)

        return answer


def _market(coin: Quoted, rank: int, rate: Decimal) -> dict[str, Any]:
    before = coin.usd / (1 + coin.change / 100)
    facts = {
        "current_price": coin.usd,
        "market_cap": coin.usd * coin.supply,
        "fully_diluted_valuation": coin.usd * coin.supply,
        "total_volume": coin.volume,
        "high_24h": coin.high,
        "low_24h": coin.low,
        "price_change_24h": coin.usd - before,
    }
    return {
        "id": coin.id,
        "symbol": coin.symbol.lower(),
        "name": _NAMES[coin.symbol][1],
        "image": "",
        "market_cap_rank": rank,
        **{name: _float(value / rate) for name, value in facts.items()},
        "price_change_percentage_24h": float(coin.change),
        "circulating_supply": coin.supply,
        "total_supply": coin.supply,
    }


def _refused(status: int, message: str) -> web.Response:
    body = {"status": {"error_code": status, "error_message": message}}
    return web.json_response(body, status=status, headers={"Retry-After": "60"} if status == 429 else {})


def _listed(params: Mapping[str, str], name: str) -> list[str]:
    if not params.get(name):
        raise ValueError(f"Missing parameter {name}")
    return [each.strip().lower() for each in params[name].split(",")]


def _on(params: Mapping[str, str], name: str) -> bool:
    return params.get(name) == "true"


def _float(value: Decimal) -> float:
    """Return a number as CoinGecko writes it."""
    return float(round(value, 8))
