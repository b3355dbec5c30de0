"""What a coin is worth."""

import re
from datetime import datetime

from bot.filters import command
from bot.ports import Json
from bot.replies import Answer, Say
from bot.router import Router
from domain.market.candles import Stretch
from domain.market.prices import Price, Reading
from domain.money import BPS, Coin, plain
from domain.roles import Permission
from domain.services.market_data import Market, MarketDataService

router = Router("prices")

_CODE = re.compile(r"[0-9A-Z]{1,20}", re.ASCII)


@router.message(command("/price", "价格"), permission=Permission.TALK)
async def show_price(arguments: list[str], prices: MarketDataService, now: datetime) -> Answer:
    """Tell what a coin is worth, who says so and since when, and what is offered for it here."""
    codes = " ".join(arguments).upper().replace("/", " ").split()
    if not codes:
        return Say("price_ask", {"coins": [str(coin) for coin in await prices.coins()]})
    if len(codes) > 2 or not all(map(_CODE.fullmatch, codes)):
        return Say("price_not_understood")
    price, markets = await prices.price(*map(Coin, codes))
    return Say("price", {**_priced(price, now), "markets": [_market(each, now) for each in markets]})


def _priced(price: Price, now: datetime) -> dict[str, Json]:
    return {
        "coin": price.coin,
        "currency": price.currency,
        "price": plain(price.value) if price.value is not None else "",
        "change_bps": plain(price.change * BPS) if price.change is not None else "",
        "spread_bps": price.spread_bps,
        "disputed": price.disputed,
        "fresh": [_said(reading, now) for reading in price.fresh],
        "stale": [_said(reading, now) for reading in price.stale],
    }


def _said(reading: Reading, now: datetime) -> dict[str, Json]:
    return {"source": reading.source, "price": plain(reading.price), "age_s": _age_s(reading.at, now)}


def _market(market: Market, now: datetime) -> dict[str, Json]:
    bid, ask = (plain(price) if price is not None else "" for price in market.best)
    seen = _age_s(market.view.seen_at, now)
    told: dict[str, Json] = {
        "pair": str(market.pair),
        "venue": market.venue,
        "bid": bid,
        "ask": ask,
        "age_s": seen,
    }
    return {**told, "day": _day(market.day), "traded": _traded(market, now)}


def _day(day: Stretch | None) -> dict[str, Json]:
    if day is None:
        return {}
    return {
        "low": plain(day.low),
        "high": plain(day.high),
        "change_bps": plain(round(day.change * BPS, 4)),
        "minutes": round((day.until - day.since).total_seconds() / 60),
    }


def _traded(market: Market, now: datetime) -> dict[str, Json]:
    told = market.traded
    if told is None:
        return {}
    last: dict[str, Json] = {}
    if told.last is not None:
        last = {
            "last_age_s": _age_s(told.last.at, now),
            "price": plain(told.last.price),
            "quantity": plain(told.last.quantity),
        }
    return {
        "base": market.pair.base,
        "age_s": _age_s(told.until, now),
        "span_s": round((told.until - told.since).total_seconds()),
        "count": told.count,
        "volume": plain(told.volume),
        **last,
    }


def _age_s(at: datetime, now: datetime) -> int:
    return max(0, int((now - at).total_seconds()))
