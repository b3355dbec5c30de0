"""CoinGecko's prices are those of the sandbox's markets."""

from __future__ import annotations

from typing import Any

import aiohttp

from sandbox.venue.coingecko import PER_MINUTE
from tests.sandbox.venue.test_faults import control


async def ask(urls: dict[str, str], path: str, expected: int = 200, /, **params: str) -> Any:
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{urls['coingecko']}/{path}", params=params) as answer,
    ):
        assert answer.status == expected, await answer.text()
        return await answer.json()


async def test_prices_are_the_middle_of_the_books(urls: dict[str, str], client: Any) -> None:
    flags = {
        f"include_{name}": "true" for name in ("24hr_change", "24hr_vol", "market_cap", "last_updated_at")
    }
    told = await ask(
        urls, "simple/price", 200, ids="bitcoin,tether,nobody", vs_currencies="usd,btc,eur", **flags
    )
    ticker = await client.fetch_ticker("BTC/USDT")
    assert set(told) == {"bitcoin", "tether"}
    assert abs(told["bitcoin"]["usd"] / float(ticker["last"]) - 1) < 0.005
    assert (told["tether"]["usd"], told["bitcoin"]["btc"]) == (1.0, 1.0)
    assert "eur" not in told["bitcoin"]
    assert abs(told["bitcoin"]["last_updated_at"] - client.seconds()) < 5
    assert {"usd_24h_change", "usd_24h_vol", "usd_market_cap"} <= set(told["bitcoin"])
    assert set(await ask(urls, "simple/price", ids="bitcoin", vs_currencies="usd")) == {"bitcoin"}


async def test_coins_are_listed_and_ranked(urls: dict[str, str]) -> None:
    assert "gecko_says" in await ask(urls, "ping")
    named = {row["id"]: row["symbol"] for row in await ask(urls, "coins/list")}
    assert named == {"bitcoin": "btc", "ethereum": "eth", "tether": "usdt"}
    rows = await ask(urls, "coins/markets", vs_currency="usd", per_page="2")
    assert [(row["id"], row["market_cap_rank"]) for row in rows] == [("bitcoin", 1), ("ethereum", 2)]
    assert rows[0]["low_24h"] <= rows[0]["current_price"] * 1.01 <= rows[0]["high_24h"] * 1.02
    assert "usdt" in await ask(urls, "simple/supported_vs_currencies")


async def test_what_is_not_named_is_refused_and_so_is_who_asks_too_often(urls: dict[str, str]) -> None:
    await ask(urls, "simple/price", 422, ids="bitcoin")
    await ask(urls, "coins/markets", 422, vs_currency="shells")
    await control(urls, "faults", {"only": "/coingecko", "refuse_percent": 100})
    await ask(urls, "ping", 503)
    await control(urls, "faults", {})
    statuses = [await _ping(urls) for _ in range(2 * PER_MINUTE)]
    assert (statuses[0], 429 in statuses) == (200, True)


async def _ping(urls: dict[str, str]) -> int:
    async with aiohttp.ClientSession() as session, session.get(f"{urls['coingecko']}/ping") as answer:
        return answer.status
