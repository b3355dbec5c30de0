"""CoinGecko's prices over HTTP, asked no more often than its free plan bears.

One request for all coins every five minutes is 8,640 a month, of the 10,000 that a free key may make.
"""

import json
import re
from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import aiohttp

from adapters.db.ambient import assert_outside_transaction
from domain.errors import Unavailable
from domain.market.prices import Reading
from domain.money import Coin
from domain.ports.clock import Clock
from domain.secrets import Secret

NAME = "CoinGecko"

EVERY_S = 300.0
LASTS = timedelta(minutes=15)  # the free plan's own data are minutes old

IDS: Mapping[str, str] = {
    "ADA": "cardano",
    "AVAX": "avalanche-2",
    "BCH": "bitcoin-cash",
    "BNB": "binancecoin",
    "BTC": "bitcoin",
    "DAI": "dai",
    "DOGE": "dogecoin",
    "DOT": "polkadot",
    "ETC": "ethereum-classic",
    "ETH": "ethereum",
    "HMT": "human-protocol",
    "LINK": "chainlink",
    "LTC": "litecoin",
    "SOL": "solana",
    "TON": "the-open-network",
    "TRX": "tron",
    "USDC": "usd-coin",
    "USDT": "tether",
    "XIN": "mixin",
    "XRP": "ripple",
}
"""CoinGecko's own names: a symbol is anybody's, and many worthless coins call themselves USDT."""

_TIMEOUT_S, _LARGEST, _LONGEST_PAUSE_S = 10.0, 256 * 1024, 3_600.0
_NUMBER = re.compile(r"-?[0-9]{1,20}(\.[0-9]{1,40})?([eE][+-]?[0-9]{1,2})?", re.ASCII)
_HIGHEST, _STEEPEST = Decimal(10) ** 15, Decimal(10) ** 9


class CoinGecko:
    """Prices in US dollars, as ``domain.ports.prices.PriceSource``."""

    name = NAME

    def __init__(self, url: str, clock: Clock, key: Secret[str] | None = None) -> None:
        self._url = url.rstrip("/")
        self._clock = clock
        self._key = key
        self._session: aiohttp.ClientSession | None = None
        self._said: dict[Coin, Reading] = {}
        self._not_before_s = float("-inf")
        self._failed = 0

    async def readings(self, coins: Collection[Coin]) -> Mapping[Coin, Reading]:
        """Return what each coin is worth in US dollars, from memory unless it is time to ask again.

        Raises:
            Unavailable: ``prices_silent``: the question that was due had no answer that can be read.
        """
        named = {IDS[coin]: coin for coin in coins if coin in IDS}
        now_s = self._clock.monotonic()
        if named and now_s >= self._not_before_s:
            self._not_before_s = now_s + EVERY_S  # also when what follows fails
            rows = await self._ask(sorted(named))
            self._said = {coin: said for name, coin in named.items() if (said := self._reading(rows, name))}
        return dict(self._said)

    async def close(self) -> None:
        """Let go of the connection."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _ask(self, names: Collection[str]) -> Mapping[str, Any]:
        assert_outside_transaction()
        query = {
            "ids": ",".join(names),
            "vs_currencies": "usd",
            "include_24hr_change": "true",
            "include_last_updated_at": "true",
            "precision": "full",
        }
        try:
            async with self._open().get(
                f"{self._url}/simple/price", params=query, headers=self._headers(), allow_redirects=False
            ) as answer:
                if answer.status != 200:
                    self._wait_longer(answer.headers.get("Retry-After", ""))
                    raise Unavailable("prices_silent", source=NAME, status=answer.status)
                body = await _body(answer)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            self._wait_longer("")
            raise Unavailable("prices_silent", source=NAME, error=type(error).__name__) from error
        self._failed = 0
        return _as_rows(body)

    def _headers(self) -> dict[str, str]:
        return {"x-cg-demo-api-key": self._key.reveal()} if self._key else {}

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            timeout = aiohttp.ClientTimeout(total=_TIMEOUT_S)
            self._session = aiohttp.ClientSession(timeout=timeout, cookie_jar=aiohttp.DummyCookieJar())
        return self._session

    def _wait_longer(self, asked: str) -> None:
        """Ask again after what the far side asks for, or after twice as long each time."""
        self._failed += 1
        pause_s = EVERY_S * 2 ** min(self._failed - 1, 10)
        if asked.isascii() and asked.isdigit():
            pause_s = max(EVERY_S, float(asked[:6]))
        self._not_before_s = self._clock.monotonic() + min(pause_s, _LONGEST_PAUSE_S)

    def _reading(self, rows: Mapping[str, Any], name: str) -> Reading | None:
        """Return what a row says; one that makes no sense says nothing."""
        row = rows.get(name)
        if not isinstance(row, dict):
            return None
        price, change = _number(row.get("usd")), _number(row.get("usd_24h_change"))
        at = _as_time(row.get("last_updated_at"))
        if price is None or at is None or not 0 < price < _HIGHEST:
            return None
        return Reading(NAME, price, at, LASTS, _as_fraction(change))


async def _body(answer: aiohttp.ClientResponse) -> bytes:
    """Return the answer, or what is too much of it."""
    body = bytearray()
    async for part in answer.content.iter_any():
        body += part
        if len(body) > _LARGEST:
            break
    return bytes(body)


def _as_rows(body: bytes) -> Mapping[str, Any]:
    """Return the answer with its numbers as texts: no float is made of a price.

    Raises:
        Unavailable: ``prices_silent``: it is no answer.
    """
    try:
        rows = json.loads(body, parse_float=str, parse_int=str) if len(body) <= _LARGEST else None
    except (ValueError, RecursionError) as error:
        raise Unavailable("prices_silent", source=NAME, error=type(error).__name__) from error
    if not isinstance(rows, dict):
        raise Unavailable("prices_silent", source=NAME, error="not an object")
    return rows


def _number(text: object) -> Decimal | None:
    return Decimal(text) if isinstance(text, str) and _NUMBER.fullmatch(text) else None


def _as_fraction(percent: Decimal | None) -> Decimal | None:
    """Return per cent as a fraction; what nobody believes is not told."""
    return None if percent is None or abs(percent) > _STEEPEST else round(percent.scaleb(-2), 6)


def _as_time(text: object) -> datetime | None:
    if not (isinstance(text, str) and text.isascii() and text.isdigit() and len(text) <= 11):
        return None
    return datetime.fromtimestamp(int(text), UTC)
