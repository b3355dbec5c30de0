"""Unmodified ccxt moves coins in and out in both of the venue's languages."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import ccxt
import pytest

from sandbox.rails.networks import ETHEREUM, RIPPLE
from sandbox.venue.app import Options, serve
from tests.sandbox.venue.conftest import ACCOUNTS, ccxt_client, gate_client

TO = ETHEREUM.address_of("mixin")
LISTED = [{"network": "ETH", "address": TO}]
CHAIN = "ERC20"  # as ccxt calls it
ACCOUNT = {
    **ACCOUNTS[0],
    "withdrawal_key": {"api_key": "payer-key", "secret": "payer-secret"},
    "withdrawal_addresses": LISTED,
}


@asynccontextmanager
async def running(tmp_path: Path) -> AsyncIterator[dict[str, str]]:
    world = tmp_path / "world.json"
    world.write_text(json.dumps({"venue": {"accounts": [ACCOUNT, ACCOUNTS[1]]}}))
    async with serve(Options(tmp_path / "state", 0, world, seed=7)) as urls:
        yield urls


@asynccontextmanager
async def clients(urls: dict[str, str], maker: Any) -> AsyncIterator[tuple[Any, Any]]:
    """Give one client with the key that trades, and one with the key that withdraws."""
    both = maker(urls, "mm"), maker(urls, "payer")
    try:
        yield both
    finally:
        for client in both:
            await client.close()


async def control(urls: dict[str, str], path: str, **facts: Any) -> Any:
    async with aiohttp.ClientSession() as http, http.post(f"{urls['control']}/{path}", json=facts) as answer:
        return await answer.json()


async def listed(client: Any, code: str, status: str) -> Any:
    """Return the only withdrawal when it has come so far."""
    async with asyncio.timeout(10):
        while True:
            [row] = await client.fetch_withdrawals(code)
            if row["status"] == status:
                return row
            await asyncio.sleep(0.05)


LANGUAGES = pytest.mark.parametrize("maker", [ccxt_client, gate_client], ids=["binance", "gate"])


@LANGUAGES
async def test_a_whole_withdrawal_and_a_deposit(maker: Any, tmp_path: Path) -> None:
    async with running(tmp_path) as urls, clients(urls, maker) as (trader, payer):
        named = "withdrawOrderId" if maker is ccxt_client else "withdraw_order_id"
        with pytest.raises(ccxt.AuthenticationError if maker is ccxt_client else ccxt.PermissionDenied):
            await trader.withdraw("USDT", "100", TO, {"network": CHAIN})
        made = await payer.withdraw("USDT", "100", TO, {"network": CHAIN, named: "mmt1"})
        done = await listed(trader, "USDT", "ok")
        assert (done["id"], done["info"][named]) == (made["id"], "mmt1")
        assert (done["amount"], done["fee"]["cost"]) in (("96.00000000", "4.00000000"), ("96", "4.00000000"))
        assert (done["address"], done["network"]) == (TO, CHAIN)
        assert done["txid"].startswith("0x")
        balance = await trader.fetch_balance()
        assert float(balance["USDT"]["total"]) == 99_900
        address = await trader.fetch_deposit_address("USDT", {"network": CHAIN})
        assert (ETHEREUM.is_address(address["address"]), address["network"]) == (True, CHAIN)
        facts = {"chain_id": ETHEREUM.chain_id, "sender": TO, "tag": "", "units": 50 * 10**8}
        facts |= {"asset_key": "0xdac17f958d2ee523a2206206994597c13d831ec7", "address": address["address"]}
        await control(urls, "rails/mishaps", block_ms=0)
        await control(urls, "rails", crossings=[{**facts, "hash": "0xin"}])
        await asyncio.sleep(0.3)
        [deposit] = await trader.fetch_deposits("USDT")
        assert (deposit["txid"], deposit["status"], float(deposit["amount"])) == ("0xin", "ok", 50)
        assert float((await trader.fetch_balance())["USDT"]["total"]) == 99_950


@LANGUAGES
async def test_what_is_declined_is_declined_in_the_languages_words(maker: Any, tmp_path: Path) -> None:
    async with running(tmp_path) as urls, clients(urls, maker) as (trader, payer):
        with pytest.raises(ccxt.ExchangeError, match=r"-4035|whitelist"):
            await payer.withdraw("USDT", "100", ETHEREUM.address_of("thief"), {"network": CHAIN})
        with pytest.raises(ccxt.ExchangeError, match=r"-4026|BALANCE_NOT_ENOUGH"):
            await payer.withdraw("USDT", "1000000", TO, {"network": CHAIN})
        with pytest.raises(ccxt.ExchangeError, match=r"-4022|too small"):
            await payer.withdraw("USDT", "5", TO, {"network": CHAIN})
        with pytest.raises(ccxt.ExchangeError, match=r"-4007|Invalid address"):
            await payer.withdraw("USDT", "100", RIPPLE.address_of("x"), {"network": CHAIN})
        if maker is ccxt_client:  # the key that withdraws may not trade
            with pytest.raises(ccxt.AuthenticationError, match="-2015"):
                await payer.create_order("BTC/USDT", "limit", "buy", "0.001", "50000")
        assert await trader.fetch_withdrawals("USDT") == []
        tagged = await trader.fetch_deposit_address("XRP", {"network": "XRP"})
        assert (RIPPLE.is_address(tagged["address"]), tagged["tag"].isdigit()) == (True, True)


@LANGUAGES
async def test_a_window_long_ago_hides_what_is_new(maker: Any, tmp_path: Path) -> None:
    async with running(tmp_path) as urls, clients(urls, maker) as (trader, payer):
        await payer.withdraw("USDT", "100", TO, {"network": CHAIN})
        long_ago = trader.milliseconds() - 200 * 24 * 3600 * 1000
        assert await trader.fetch_withdrawals("USDT", long_ago) == []
        assert await trader.fetch_deposits("USDT", long_ago) == []
        assert len(await trader.fetch_withdrawals("USDT", trader.milliseconds() - 60_000)) == 1


async def test_what_was_promised_survives_a_restart(tmp_path: Path) -> None:
    async with running(tmp_path) as urls, clients(urls, ccxt_client) as (trader, payer):
        before = (await trader.fetch_deposit_address("USDT", {"network": "ERC20"}))["address"]
        await control(urls, "funds/habits", review=True)
        await payer.withdraw("USDT", "100", TO, {"network": "ERC20"})
    async with running(tmp_path) as urls, clients(urls, ccxt_client) as (trader, _):
        assert (await trader.fetch_deposit_address("USDT", {"network": "ERC20"}))["address"] == before
        [waiting] = await trader.fetch_withdrawals("USDT")
        assert waiting["status"] == "pending"
        assert float((await trader.fetch_balance())["USDT"]["total"]) == 99_900
        await control(urls, f"funds/withdrawals/{waiting['id']}", stage="cancelled")
        assert (await listed(trader, "USDT", "canceled"))["id"] == waiting["id"]
        assert float((await trader.fetch_balance())["USDT"]["total"]) == 100_000
        async with aiohttp.ClientSession() as http, http.get(f"{urls['control']}/books") as answer:
            assert set((await answer.json())["missing"].values()) == {"0.00000000"}
