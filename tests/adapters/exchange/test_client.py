"""The client: nothing leaves without a gate, nothing is repeated, nothing goes elsewhere."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from ccxt.async_support.base.ws.cache import ArrayCache

from adapters.exchange.account import VenueAccount, VenueKey, limits_from
from adapters.exchange.client import make_client, writing
from adapters.exchange.trade_watch import MOST_AT_ONCE
from domain.errors import InvariantBroken, Refused
from domain.ids import VenueAccountName
from domain.leases import WALLET, Grip, LeaseTiming
from domain.secrets import Secret
from tests.fakes.clock import FakeClock

KEY = VenueKey(Secret("key"), Secret("planted-secret"))


def account(urls: dict[str, str], venue: str = "binance") -> VenueAccount:
    return VenueAccount(VenueAccountName("one"), venue, KEY, urls, request_expiry_ms=700)


@pytest.fixture
async def silent_venue() -> AsyncIterator[tuple[Any, list[web.Request]]]:
    """Give a client of a venue that answers every request with 500, and the requests it got."""
    seen: list[web.Request] = []

    async def answer(request: web.Request) -> web.Response:
        seen.append(request)
        return web.Response(status=500, text="<html>busy</html>")

    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", answer)
    async with TestServer(app) as server:
        base = f"http://127.0.0.1:{server.port}"
        urls = {
            "rest": f"{base}/api/v3",
            "sapi": f"{base}/sapi/v1",
            "ws": "ws://127.0.0.1:9/stream/ws",
            "ws_api": "ws://127.0.0.1:9/x",
        }
        client = make_client(account(urls))
        yield client, seen
        await client.close()


async def test_write_without_a_gate_never_leaves(silent_venue: tuple[Any, list[web.Request]]) -> None:
    client, seen = silent_venue
    with pytest.raises(InvariantBroken, match="write_without_gate"):
        await client.private_post_order({"symbol": "BTCUSDT"})
    assert seen == []


async def test_gate_that_refuses_keeps_the_bytes_back(silent_venue: tuple[Any, list[web.Request]]) -> None:
    client, seen = silent_venue

    def shut() -> None:
        raise Refused("limit_notional")

    with pytest.raises(Refused), writing(shut):
        await client.private_post_order({"symbol": "BTCUSDT"})
    assert seen == []


async def test_second_write_under_one_pass_never_leaves(
    silent_venue: tuple[Any, list[web.Request]],
) -> None:
    """A library that sends something of its own along with our order is stopped."""
    client, seen = silent_venue
    import ccxt

    with writing(lambda: None):
        with pytest.raises(ccxt.BaseError):
            await client.private_post_order({"symbol": "BTCUSDT"})
        with pytest.raises(InvariantBroken, match="write_without_gate"):
            await client.private_post_order({"symbol": "BTCUSDT"})
    assert len(seen) == 1


@pytest.mark.parametrize("verb", ["post", "delete"])
async def test_failed_write_is_sent_once_and_carries_its_expiry(
    silent_venue: tuple[Any, list[web.Request]], verb: str
) -> None:
    client, seen = silent_venue
    import ccxt

    with pytest.raises(ccxt.BaseError), writing(lambda: None):
        await getattr(client, f"private_{verb}_order")({"symbol": "BTCUSDT"})
    assert len(seen) == 1
    sent = seen[0].query_string or client.last_request_body
    assert "recvWindow=700" in sent


def test_addresses_we_do_not_use_lead_nowhere(silent_venue: tuple[Any, list[web.Request]]) -> None:
    client, _ = silent_venue

    def leaves(urls: Any) -> list[str]:
        return [
            leaf for part in urls.values() for leaf in (leaves(part) if isinstance(part, dict) else [part])
        ]

    assert all("127.0.0.1" in address for address in leaves(client.urls["api"]))


def test_numbers_come_as_text_and_writes_are_not_retried(silent_venue: tuple[Any, list[web.Request]]) -> None:
    client, _ = silent_venue
    assert client.number is str
    assert client.options["maxRetriesOnFailure"] == 0


def test_trades_that_the_library_has_thrown_away_are_told_by_how_many_are_left(
    silent_venue: tuple[Any, list[web.Request]],
) -> None:
    client, _ = silent_venue
    kept = ArrayCache(client.options["tradesLimit"])
    for number in range(MOST_AT_ONCE + 1):
        kept.append({"symbol": "BTC/USDT", "timestamp": number, "id": str(number)})
    fresh = kept.getLimit("BTC/USDT", None)
    told = client.filter_by_since_limit(kept, None, fresh, "timestamp", True)
    assert len(told) == MOST_AT_ONCE, "one is lost, and a watch takes as many for a hole"


def test_venue_without_a_contract_row_is_refused() -> None:
    with pytest.raises(Refused, match="venue_unsupported"):
        make_client(account({}, venue="indodax"))


def test_secret_does_not_show_in_the_account() -> None:
    assert "planted-secret" not in repr(account({}))


def test_written_limits_replace_the_defaults_and_nonsense_is_refused() -> None:
    assert limits_from({"orders_per_second": 3, "max_notional": "1000"}).orders_per_second == 3
    for caps in ({"orders": 3}, {"burst": 0}, {"max_notional": "-1"}):
        with pytest.raises(ValueError, match="limit"):
            limits_from(caps)


async def test_no_order_leaves_at_the_deadline_of_the_lease_and_one_does_before(
    silent_venue: tuple[Any, list[web.Request]],
) -> None:
    """D4: the lease is looked at in the last function before the socket."""
    client, seen = silent_venue
    clock = FakeClock()
    grip = Grip(WALLET, clock.monotonic)
    grip.tighten(1, clock.monotonic(), LeaseTiming())
    clock.advance(8)
    with pytest.raises(Refused, match="lease_lost"), writing(grip.require):
        await client.private_post_order({"symbol": "BTCUSDT"})
    assert seen == []
    clock.advance(-0.001)
    with pytest.raises(Exception, match="500"), writing(grip.require):
        await client.private_post_order({"symbol": "BTCUSDT"})
    assert len(seen) == 1


async def test_the_client_never_prints_what_it_sends() -> None:
    client = make_client(account({}))
    try:
        assert client.verbose is False
        assert "planted-secret" not in repr(client)
    finally:
        await client.close()
