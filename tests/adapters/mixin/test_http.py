"""The HTTP client against the sandbox's Mixin, and against requests other clients were seen to send."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiohttp import web

from adapters.db.ambient import AMBIENT, Ambient
from adapters.mixin.codec.signing import read_claims
from adapters.mixin.http import MixinHttp
from adapters.mixin.keystore import Keystore
from domain.errors import InvariantBroken, MrMarketError, OutcomeUnknown, Refused, Unavailable
from domain.secrets import Secret
from tests.adapters.mixin.conftest import Mixin
from tests.clocks import WallClock
from tests.vectors import group

ABSENT = "/safe/transactions/0f5ad9f3-6a3c-4b0e-9d3e-7a1d6f1c2b58"
KEYS = Keystore(
    "6f0d1d0e-52c4-4c55-9a6d-3f1f2f2b7a10",
    "2b8d0c1a-7f0e-4a57-8e0c-5d2b8a6f9c31",
    Secret(bytes(32)),
    bytes(32),
)


async def test_profile_is_read_with_a_fresh_token_each_time(mixin: Mixin) -> None:
    for _ in range(3):
        assert (await mixin.http.read("/me"))["user_id"] == mixin.keystore.app_id
    assert mixin.http.skew is not None
    assert abs(mixin.http.skew) < timedelta(seconds=5)


async def test_query_is_signed_exactly_as_sent(mixin: Mixin) -> None:
    query: dict[str, str | int] = {"limit": 5, "offset": "2024-03-01T00:00:00.123456789Z", "order": "ASC"}
    assert isinstance(await mixin.http.read("/safe/snapshots", query), list)


@pytest.mark.parametrize("odd", ["a b", "ü/ö", "50%", "a&b=c", "a+b", "#x", "%2F", "市场"])
async def test_odd_query_reaches_mixin_as_it_was_signed(mixin: Mixin, odd: str) -> None:
    path = "/external/addresses/check"
    query: dict[str, str | int] = {"asset": "43d61dcd-e413-450d-80b8-101d5e903357", "destination": odd}
    with suppress(Refused):  # an odd address is no address; a wrong signature would be Unavailable
        await mixin.http.read(path, query)


async def test_what_is_not_there_is_a_definite_no(mixin: Mixin) -> None:
    with pytest.raises(Refused, match="not_found"):
        await mixin.http.read(ABSENT)


@pytest.mark.parametrize("kind", ["500", "502", "429", "drop_reply"])
async def test_read_outlives_passing_trouble(mixin: Mixin, kind: str) -> None:
    await mixin.post("faults", kind=kind, match="GET /me", times=2)
    assert (await mixin.http.read("/me"))["user_id"] == mixin.keystore.app_id


async def test_read_gives_up_after_lasting_trouble(mixin: Mixin) -> None:
    await mixin.post("faults", kind="502", match="GET /me", times=20)
    with pytest.raises(Unavailable):
        await mixin.http.read("/me")


@pytest.mark.parametrize("kind", ["500", "502", "drop_reply"])
async def test_write_in_trouble_is_unknown_and_sent_once(mixin: Mixin, kind: str) -> None:
    await mixin.post("faults", kind=kind, match="POST /safe/transactions$", times=2)
    with pytest.raises(OutcomeUnknown):
        await mixin.http.write("/safe/transactions", [])
    faults = await mixin.get("faults")
    assert [f["times"] for f in faults["faults"]] == [1]


async def test_write_that_is_turned_away_at_the_door_did_not_happen(mixin: Mixin) -> None:
    await mixin.post("faults", kind="429", match="POST /safe/transactions$", times=1)
    with pytest.raises(Unavailable, match="mixin_busy"):
        await mixin.http.write("/safe/transactions", [])


async def test_write_to_nobody_did_not_happen() -> None:
    http = MixinHttp("http://127.0.0.1:9", KEYS, WallClock())
    with pytest.raises(Unavailable, match="mixin_unreachable"):
        await http.write("/messages", [])
    await http.close()


async def test_token_made_by_a_wrong_key_is_explained_by_the_clock_or_the_key(mixin: Mixin) -> None:
    http = MixinHttp(mixin.base, KEYS, WallClock())
    with pytest.raises(Unavailable, match=r"mixin_unauthorized.*skew_s=-?0\.\d"):
        await http.write("/messages", [])
    await http.close()


class SlowClock(WallClock):
    """A clock ten minutes behind."""

    def now(self) -> datetime:
        return super().now() - timedelta(minutes=10)


async def test_clock_that_is_wrong_is_noticed(mixin: Mixin) -> None:
    http = MixinHttp(mixin.base, mixin.keystore, SlowClock())
    with pytest.raises(Unavailable, match="mixin_unauthorized"):
        await http.read("/me")
    assert http.skew is not None
    assert http.skew > timedelta(minutes=9)
    await http.close()


async def test_nothing_leaves_while_a_transaction_is_open(mixin: Mixin) -> None:
    held = AMBIENT.set(Ambient(store=object(), connection=None, task=None))
    try:
        for call in (
            mixin.http.read("/me"),
            mixin.http.write("/x", []),
            mixin.http.put_bytes("http://x", b""),
        ):
            with pytest.raises(InvariantBroken, match="inside_transaction"):
                await call
    finally:
        AMBIENT.reset(held)


@pytest.mark.parametrize("address", ["http://127.0.0.1:1/api", "127.0.0.1:80", "https://api.mixin.one/?a=b"])
def test_address_that_no_signature_covers_is_refused(address: str) -> None:
    with pytest.raises(ValueError, match="bare address"):
        MixinHttp(address, KEYS, WallClock())


Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def serving(answer: Answer) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_route("*", "/{any:.*}", answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


def captured() -> list[Any]:
    signed = (v for v in group("captured_http") if v["headers"].get("authorization"))
    return [pytest.param(v, id=f"{v['method']} {v['path'].partition('?')[0]}") for v in signed]


@pytest.mark.parametrize("seen", captured())
async def test_requests_are_those_of_the_official_client(seen: dict[str, Any]) -> None:
    claims = read_claims(seen["headers"]["authorization"].removeprefix("Bearer "))
    store = next(v["keystore"] for v in group("jwt") if v["keystore"]["session_id"] == claims["sid"])
    keys = Keystore(
        store["app_id"], store["session_id"], Secret(bytes.fromhex(store["session_private_key"])), bytes(32)
    )
    issued, expires = int(claims["iat"]), int(claims["exp"])

    class Then(WallClock):
        def now(self) -> datetime:
            return datetime.fromtimestamp(issued, UTC)

    sent: list[dict[str, Any]] = []

    async def answer(request: web.Request) -> web.Response:
        names = ("authorization", "x-request-id", "content-type")
        headers = {name: request.headers.get(name) for name in names}
        body = (await request.read()).decode()
        sent.append({"method": request.method, "path": request.raw_path, "headers": headers, "body": body})
        return web.json_response({"data": {}})

    async with serving(answer) as base:
        life, jti = expires - issued, str(claims["jti"])
        http = MixinHttp(base, keys, Then(), token_lifetime_s=life, new_request_id=lambda: jti)
        if seen["method"] == "GET":
            path, _, query = seen["path"].partition("?")
            await http.read(path, dict(pair.split("=", 1) for pair in query.split("&")) if query else None)
        else:
            await http.write(seen["path"], json.loads(seen["body"]) if seen["body"] else None)
        await http.close()
    assert sent == [{name: seen[name] for name in ("method", "path", "headers", "body")}]


async def judged(answer: Answer, *, write: bool = True) -> Any:
    """Return what one call makes of an answer."""
    async with serving(answer) as base:
        http = MixinHttp(base, KEYS, WallClock(), timeout_s=0.3)
        try:
            return await (http.write("/x", []) if write else http.read("/x"))
        except MrMarketError as e:
            return e
        finally:
            await http.close()


async def _late(request: web.Request) -> web.Response:
    await asyncio.sleep(1)
    return web.json_response({"data": 1})


async def _endless(request: web.Request) -> web.Response:
    return web.Response(body=b" " * (6 * 1024 * 1024))


async def _of_another(request: web.Request) -> web.Response:
    return web.json_response({"data": 1}, headers={"X-Request-Id": "another"})


async def _elsewhere(request: web.Request) -> web.Response:
    raise web.HTTPFound("/y")


async def _cut(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Length": "100"})
    await response.prepare(request)
    await response.write(b'{"data"')
    assert request.transport
    request.transport.abort()
    return response


@pytest.mark.parametrize("answer", [_late, _endless, _of_another, _elsewhere, _cut])
async def test_write_without_its_answer_is_unknown(answer: Answer) -> None:
    assert isinstance(await judged(answer), OutcomeUnknown)


async def test_read_honours_how_long_a_busy_server_asks_to_wait() -> None:
    calls = 0

    async def busy(request: web.Request) -> web.Response:
        nonlocal calls
        calls += 1
        return web.Response(status=429, headers={"Retry-After": "43200"})

    assert str(await judged(busy, write=False)).startswith("mixin_busy")
    assert calls == 1
