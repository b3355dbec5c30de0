"""The emulator as clients meet it: a process behind a port."""

import asyncio
import contextlib
import signal
import time
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from tests.sandbox.mixin.wire import Emulator, Here, WireClient
from tests.sandbox.mixin.worlds import ALICE, BOT, USDT, Client, Refused, begun, name, text_of

LINK = f"https://mixin.one/pay/{BOT['user_id']}?asset={USDT}&amount=1.5&memo=D1&trace="


@pytest.fixture
async def emulator(tmp_path: Path) -> AsyncIterator[Here]:
    async with Here(tmp_path / "mixin").running() as it:
        yield it


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.fixture
async def bot(emulator: Here, http: aiohttp.ClientSession) -> WireClient:
    return WireClient(emulator, http)


def message(text: str) -> dict[str, str]:
    return Client(begun(), BOT).message(ALICE, text)


# ---- HTTP


async def test_raw_target_and_body_are_what_is_signed(bot: WireClient) -> None:
    assert (await bot.call("GET", "/me"))["user_id"] == BOT["user_id"]
    assert await bot.call("GET", "/safe/snapshots?limit=500&order=ASC&offset=2024-03-01T00:00:00.123456789Z")
    assert await bot.call("GET", "/network/assets/search/tether%20usd") != []
    assert await bot.call("GET", "/users/%62" + BOT["user_id"][1:])  # escaped on the wire, signed escaped


async def test_unknown_route_is_answered_404_logged_loudly_and_remembered(
    bot: WireClient, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(Refused, match="404"):
        await bot.call("GET", "/safe/nothing")
    assert "UNKNOWN ROUTE GET /safe/nothing" in caplog.text
    assert (await bot.control("GET", "/books"))["unknown_routes"] == ["GET /safe/nothing"]


async def test_attachment_travels_there_and_back(bot: WireClient, http: aiohttp.ClientSession) -> None:
    place = await bot.call("POST", "/attachments")
    headers = {"x-amz-acl": "public-read", "Content-Type": "application/octet-stream"}
    picture = b"\x89PNG\r\n\x1a\n and so on"
    async with http.put(
        place["upload_url"].replace("key=", "key=0"), data=picture, headers=headers
    ) as refused:
        assert refused.status == 403
    async with http.get(place["view_url"]) as early:
        assert early.status == 404
    async with http.put(place["upload_url"], data=picture, headers=headers) as put:
        assert put.status == 200
    async with http.get(
        (await bot.call("GET", f"/attachments/{place['attachment_id']}"))["view_url"]
    ) as view:
        assert (await view.read(), view.content_type) == (picture, "image/png")


async def test_page_is_ours_alone(emulator: Here, http: aiohttp.ClientSession) -> None:
    async with http.get(emulator.urls["chat"]) as page:
        assert page.status == 200
        assert page.headers["Content-Security-Policy"].startswith("default-src 'self';")
        assert "http" not in (await page.text()).replace("http://www.w3.org", "")
    for path in ("/chat/../store.py", "/chat/%2e%2e/store.py", "/chat/__init__.py", "/chat/none.js"):
        async with http.get(emulator.urls["api"] + path) as stolen:
            assert stolen.status in {202, 404}
    async with http.get(emulator.urls["api"], headers={"Accept": "text/html"}) as home:
        assert home.url.path == "/chat"


# ---- Blaze


async def test_blaze_needs_a_token_for_the_root(emulator: Here, http: aiohttp.ClientSession) -> None:
    for headers in ({}, {"Authorization": "Bearer a.b.c"}):
        with pytest.raises(aiohttp.WSServerHandshakeError, match="401"):
            await http.ws_connect(emulator.urls["blaze"], protocols=["Mixin-Blaze-1"], headers=headers)


async def test_message_goes_by_blaze_both_ways_with_receipts(bot: WireClient) -> None:
    async with bot.blaze() as line:
        assert line.socket.protocol == "Mixin-Blaze-1"
        listed = await line.send("LIST_PENDING_MESSAGES")
        assert (await line.hear())["id"] == listed
        await bot.control("POST", "/people/alice/say", {"text": "hi"})
        push = await line.hear_text("hi")
        read = {"message_id": push["data"]["message_id"], "status": "READ"}
        await line.send("ACKNOWLEDGE_MESSAGE_RECEIPT", read)
        reply = message("hello")
        await line.send("CREATE_MESSAGE", reply)
        while (await line.hear()).get("data", {}).get("message_id") != reply["message_id"]:
            pass
        await bot.control("POST", "/people/alice/read", {})
        receipt = await line.hear()
        assert receipt["data"] | {"type": ""} == {
            "type": "",
            "message_id": reply["message_id"],
            "conversation_id": reply["conversation_id"],
            "status": "READ",
            "source": "ACKNOWLEDGE_MESSAGE_RECEIPT",
        }


async def test_newer_connection_ends_the_older(bot: WireClient) -> None:
    async with bot.blaze() as old, bot.blaze() as new:
        await new.send("LIST_PENDING_MESSAGES")
        assert (await new.hear())["action"] == "LIST_PENDING_MESSAGES"
        assert (await old.socket.receive(timeout=2)).type in {
            aiohttp.WSMsgType.CLOSED,
            aiohttp.WSMsgType.ERROR,
        }


async def test_thousand_dials_a_second_do_not_hurt(bot: WireClient, emulator: Here) -> None:
    async def dial() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", emulator.port)
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n")
        assert b"401" in await reader.readline()
        writer.close()

    started = time.monotonic()
    for _ in range(5):
        await asyncio.gather(*(dial() for _ in range(200)))
    assert (await bot.call("GET", "/me"))["user_id"] == BOT["user_id"]
    assert time.monotonic() - started < 10


# ---- paying


async def test_link_is_paid_once(bot: WireClient) -> None:
    link = LINK + name()
    sheet = await bot.control("GET", f"/people/alice/pay?link={link.replace('&', '%26')}")
    assert (sheet["amount"], sheet["paid"], sheet["enough"]) == ("1.5", False, True)
    first = await bot.control("POST", "/people/alice/pay", {"link": link})
    assert first["status"] == "paid"
    again = await bot.control("POST", "/people/bob/pay", {"link": link})
    assert again == first | {"status": "already_paid"}
    told = await bot.call("GET", f"/safe/transactions/{first['request_id']}")
    assert told["user_id"] == ALICE["user_id"]


async def test_foreign_page_cannot_act(bot: WireClient, emulator: Here, http: aiohttp.ClientSession) -> None:
    url = f"{emulator.urls['api']}/sandbox/people/alice/say"
    async with http.post(url, json={"text": "x"}, headers={"Origin": "https://evil.example"}) as answer:
        assert (await answer.json())["error"]["code"] == 403
    async with http.post(url, json={"text": "x"}, headers={"Origin": emulator.urls["api"]}) as answer:
        assert "message_id" in await answer.json()


# ---- faults


async def test_dropped_reply_was_executed_and_can_be_found(bot: WireClient) -> None:
    await bot.control("POST", "/people/alice/say", {"text": "hi"})
    await bot.control("POST", "/faults", {"kind": "drop_reply", "match": "^POST /messages", "times": 2})
    reply = message("only once")
    for _ in range(2):
        with pytest.raises(aiohttp.ClientError):
            await bot.call("POST", "/messages", [reply])
    await bot.call("POST", "/messages", [reply])
    shown = (await bot.control("GET", "/people/alice/messages"))["messages"]
    assert [m["text"] for m in shown] == ["hi", "only once"]
    assert (await bot.control("GET", "/faults"))["faults"] == []


@pytest.mark.parametrize(("kind", "status"), [("500", 500), ("502", 502), ("429", 429)])
async def test_failing_server_did_not_execute(bot: WireClient, kind: str, status: int) -> None:
    await bot.control("POST", "/people/alice/say", {"text": "hi"})
    await bot.control("POST", "/faults", {"kind": kind, "match": "/messages"})
    reply = message("late")
    with pytest.raises(Refused, match=str(status)):
        await bot.call("POST", "/messages", [reply])
    assert len((await bot.control("GET", "/people/alice/messages"))["messages"]) == 1
    await bot.control("POST", "/faults", {"kind": kind, "match": "/messages", "executed": True})
    with pytest.raises(Refused, match=str(status)):
        await bot.call("POST", "/messages", [reply])
    assert len((await bot.control("GET", "/people/alice/messages"))["messages"]) == 2


async def test_delay_unknown_fault_and_clearing(bot: WireClient) -> None:
    await bot.control("POST", "/faults", {"kind": "delay", "match": "GET /me", "ms": 300, "times": 9})
    started = time.monotonic()
    await bot.call("GET", "/me")
    assert time.monotonic() - started >= 0.3
    await bot.control("DELETE", "/faults")
    assert (await bot.control("GET", "/faults"))["faults"] == []
    for wrong in ({"kind": "earthquake"}, {"kind": "delay", "match": "("}, {"kind": "delay", "when": "now"}):
        with pytest.raises(Refused, match="400"):
            await bot.control("POST", "/faults", wrong)


async def test_pushes_can_be_doubled_and_sockets_cut(bot: WireClient) -> None:
    await bot.control("POST", "/faults", {"kind": "duplicate_push", "times": 5})
    await bot.control("POST", "/people/alice/say", {"text": "twice"})
    async with bot.blaze() as line:
        await line.send("LIST_PENDING_MESSAGES")
        first, second = await line.hear_text("twice"), await line.hear_text("twice")
        assert first["data"] == second["data"]
        assert await bot.control("POST", "/cut", {}) == {"cut": 1}
        while (await line.socket.receive(timeout=2)).type is aiohttp.WSMsgType.BINARY:
            pass
        assert line.socket.closed
    async with bot.blaze() as line:
        await line.send("LIST_PENDING_MESSAGES")
        await line.hear_text("twice")


# ---- restart


async def test_kill_in_the_middle_of_load_loses_nothing_that_was_answered(
    tmp_path: Path, http: aiohttp.ClientSession
) -> None:
    """Three times: payments and messages in flight, SIGKILL, start again; every answer given still holds."""
    emulator = Emulator(tmp_path / "mixin")
    bot = WireClient(emulator, http)
    paid: list[str] = []
    said: list[str] = []

    async def pay() -> None:
        while True:
            link = LINK + name()
            told = await bot.control("POST", "/people/alice/pay", {"link": link})
            paid.append(told["request_id"])

    async def talk() -> None:
        while True:
            words = f"message {len(said)}"
            told = await bot.control("POST", "/people/bob/say", {"text": words})
            said.append(told["message_id"])

    for _ in range(3):
        await emulator.start()
        load = [asyncio.create_task(deed()) for deed in (pay, talk)]
        await asyncio.sleep(0.7)
        await emulator.end(signal.SIGKILL)
        outcomes = await asyncio.gather(*load, return_exceptions=True)
        assert all(isinstance(outcome, aiohttp.ClientError) for outcome in outcomes), outcomes
    await emulator.start()
    await asyncio.sleep(0.3)
    books = await bot.control("GET", "/books")
    spent = {t["request_id"]: t["state"] for t in books["transactions"]}
    assert len(paid) > 20
    assert all(spent[request_id] == "spent" for request_id in paid)
    assert len(spent) <= 1 + len(paid) + 3, "at most the ones whose answer was lost"
    totals = books["totals"][USDT]
    assert totals["unspent"] == totals["issued"]
    ids = [m["message_id"] for m in (await bot.control("GET", "/messages"))["messages"]]
    assert set(said) <= set(ids)
    assert len(ids) == len(set(ids))
    assert await emulator.end() == 0


async def test_stop_is_clean_and_people_begin_only_once(tmp_path: Path, http: aiohttp.ClientSession) -> None:
    emulator = Emulator(tmp_path / "mixin")
    bot = WireClient(emulator, http)
    wallets = []
    for _ in range(2):
        await emulator.start()
        wallets.append(await bot.control("GET", "/people/owner/wallet"))
        async with bot.blaze() as line:
            await line.send("LIST_PENDING_MESSAGES")
            await line.hear()
            assert await emulator.end() == 0
    assert wallets[0] == wallets[1]
    assert wallets[0]["balances"][2]["amount"] == "45000"


async def test_pending_messages_survive_a_restart_and_end_with_read(
    tmp_path: Path, http: aiohttp.ClientSession
) -> None:
    emulator = Emulator(tmp_path / "mixin")
    bot = WireClient(emulator, http)
    await emulator.start()
    await bot.control("POST", "/people/alice/say", {"text": "remember me"})
    await emulator.end(signal.SIGKILL)
    await emulator.start()
    async with bot.blaze() as line:
        await line.send("LIST_PENDING_MESSAGES")
        push = await line.hear_text("remember me")
        await bot.call(
            "POST", "/acknowledgements", [{"message_id": push["data"]["message_id"], "status": "READ"}]
        )
    await emulator.end(signal.SIGKILL)
    await emulator.start()
    async with bot.blaze() as line:
        await line.send("LIST_PENDING_MESSAGES")
        told = [(await line.hear())["action"]]
        with contextlib.suppress(TimeoutError):
            while True:
                told.append(text_of((await line.hear(1))["data"]))
        assert "remember me" not in told
    await emulator.end()
