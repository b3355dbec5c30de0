"""A venue of one's own, and an unmodified ccxt client for it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import ccxt.pro
import pytest

from sandbox.venue.app import Options, serve

Client = Any
MakeClient = Callable[..., Awaitable[Client]]
ACCOUNTS = [
    {
        "name": "mm",
        "api_key": "mm-key",
        "secret": "mm-secret",
        "balances": {"USDT": "100000", "BTC": "2", "ETH": "10"},
    },
    {"name": "other", "api_key": "other-key", "secret": "other-secret", "balances": {"USDT": "1000"}},
]


def ccxt_client(urls: dict[str, str], name: str = "mm") -> Client:
    """Return ccxt's own binance, pointed at a venue by its addresses alone."""
    nowhere = "http://127.0.0.1:9/refused"
    known = ccxt.pro.binance().urls["api"]
    api: dict[str, Any] = {side: nowhere for side in known if side != "ws"}
    api |= {"public": urls["rest"], "private": urls["rest"], "sapi": urls["sapi"]}
    api["ws"] = dict.fromkeys(known["ws"], "ws://127.0.0.1:9/refused") | {
        "spot": urls["ws"],
        "ws-api": {"spot": urls["ws_api"]},
    }
    client = ccxt.pro.binance(
        {
            "apiKey": f"{name}-key",
            "secret": f"{name}-secret",
            "enableRateLimit": False,
            "urls": {"api": api},
            "options": {
                "defaultType": "spot",
                "fetchMarkets": {"types": ["spot"]},
                "fetchMargins": False,
                "fetchOpenOrders": {"warnWithoutSymbol": False},
            },
        }
    )
    client.number = str
    return client


def gate_client(urls: dict[str, str], name: str = "mm") -> Client:
    """Return ccxt's own gate, pointed at a venue by its addresses alone."""
    known = ccxt.pro.gate().urls["api"]
    api: dict[str, Any] = {side: dict.fromkeys(known[side], urls["gate"]) for side in ("public", "private")}
    api["spot"] = urls.get("gate_ws", "ws://127.0.0.1:9/refused")
    options = {"defaultType": "spot", "fetchMarkets": {"types": ["spot"]}}
    keys = {"apiKey": f"{name}-key", "secret": f"{name}-secret"}
    client = ccxt.pro.gate({**keys, "enableRateLimit": False, "urls": {"api": api}, "options": options})
    client.number = str
    return client


@pytest.fixture
def world(tmp_path: Path) -> Path:
    """Return a world file with two accounts."""
    path = tmp_path / "world.json"
    path.write_text(json.dumps({"venue": {"accounts": ACCOUNTS}}))
    return path


@pytest.fixture
async def urls(tmp_path: Path, world: Path) -> AsyncIterator[dict[str, str]]:
    """Run a live venue; return its addresses."""
    async with serve(Options(tmp_path / "state", 0, world, seed=7)) as addresses:
        yield addresses


@pytest.fixture
async def make_client(urls: dict[str, str]) -> AsyncIterator[MakeClient]:
    """Return a maker of clients that are closed at the end."""
    clients: list[Client] = []

    async def make(name: str = "mm") -> Client:
        client = ccxt_client(urls, name)
        clients.append(client)
        await client.load_markets()
        return client

    yield make
    for client in clients:
        await client.close()


@pytest.fixture
async def client(make_client: MakeClient) -> Client:
    """Return the market maker's client."""
    return await make_client()


@pytest.fixture
async def gate(urls: dict[str, str]) -> AsyncIterator[Client]:
    """Return the market maker's client in gate's language."""
    client = gate_client(urls)
    await client.load_markets()
    yield client
    await client.close()
