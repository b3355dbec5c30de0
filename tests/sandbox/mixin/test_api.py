"""Identity, assets and the rest of the API, as clients read them."""

import json
from typing import Any

import pytest

from adapters.mixin.codec.ids import kernel_asset_id
from sandbox.mixin.core import api, files, person, wallet
from sandbox.mixin.core.calls import Request
from sandbox.mixin.core.errors import ApiError
from sandbox.mixin.core.settle import settle
from sandbox.mixin.core.world import SECOND, World
from tests.sandbox.mixin.test_money import refused
from tests.sandbox.mixin.worlds import ALICE, BOB, BOT, BTC, ETH, USDT, Client, begun, name, token


@pytest.fixture
def world() -> World:
    return begun()


@pytest.fixture
def bot(world: World) -> Client:
    return Client(world, BOT)


def test_profiles_are_found_by_id_and_number(bot: Client) -> None:
    assert bot.get("/safe/me")["has_safe"] is True
    alice = bot.get(f"/users/{ALICE['user_id']}")
    assert alice == bot.get(f"/search/{ALICE['identity_number']}")
    assert (alice["full_name"], "app" in alice) == ("Alice", False)
    assert bot.get(f"/users/{BOT['user_id']}")["app"]["app_id"] == BOT["user_id"]
    refused(404, bot.get, f"/users/{name()}")
    assert [u["full_name"] for u in bot.post("/users/fetch", [BOB["user_id"], name()])] == ["Bob"]
    [session] = bot.post("/sessions/fetch", [ALICE["user_id"]])
    assert (session["session_id"], session["platform"]) == (ALICE["session_id"], "Android")


def test_assets_are_named_by_uuid_or_kernel_id(bot: Client) -> None:
    usdt = bot.get(f"/safe/assets/{USDT}")
    assert usdt["kernel_asset_id"] == kernel_asset_id(USDT)
    assert bot.post("/safe/assets/fetch", [kernel_asset_id(USDT), name()])[0]["asset_id"] == USDT
    assert [a["symbol"] for a in bot.get("/network/assets/top?kind=NORMAL")] == ["BTC", "ETH", "USDT"]
    assert [a["asset_id"] for a in bot.get("/network/assets/search/tether")] == [USDT]
    refused(404, bot.get, f"/safe/assets/{name()}")


def test_chains_prices_and_rates(bot: Client) -> None:
    assert [c["name"] for c in bot.get("/network/chains")] == ["Bitcoin", "Ethereum"]
    assert bot.get(f"/network/chains/{ETH}")["is_synchronized"]
    refused(404, bot.get, f"/network/chains/{USDT}")
    assert len(bot.get("/network")["assets"]) == 3
    assert bot.get(f"/network/ticker?asset={BTC}")["price_usd"] == "60000"
    assert bot.get(f"/network/ticker?asset={BTC}&offset=2024-03-01T00:00:00Z")["price_usd"] == "0"
    assert bot.get(f"/network/ticker?asset={name()}")["price_usd"] == "0"
    refused(10002, bot.get, f"/network/ticker?asset={BTC}&offset=yesterday")
    refused(10002, bot.get, f"/network/ticker?asset={BTC}&offset=2024-13-01T00:00:00Z")
    assert {f["code"] for f in bot.get("/external/fiats")} >= {"USD", "EUR", "CNY"}


def test_fees_and_addresses(bot: Client) -> None:
    address = "0x86fa049857e0209aa7d9e616f7eb3b3b78ecfdb0"
    [fee] = bot.get(f"/safe/assets/{USDT}/fees?destination={address}")
    assert (fee["asset_id"], fee["amount"]) == (ETH, "0.0021")
    assert bot.get(f"/safe/assets/{BTC}/fees?destination={address}") == []
    refused(10002, bot.get, f"/safe/assets/{BTC}/fees")
    assert bot.get(f"/external/addresses/check?asset={ETH}&destination={address}")["destination"] == address
    refused(30102, bot.get, f"/external/addresses/check?asset={ETH}&destination=nowhere")


def test_public_routes_need_no_token_and_others_do(world: World) -> None:
    for path, code in (("/external/fiats", None), (f"/safe/transactions/{name()}", 404), ("/me", 401)):
        told = json.loads(api.answer(world, Request("GET", path, {})).body)
        assert told.get("error", {}).get("code") == code
    told = json.loads(api.answer(world, Request("POST", "/safe/transactions/fetch", {}, b"[]")).body)
    assert told["error"]["code"] == 401


@pytest.mark.parametrize(
    "bearer",
    [
        "",
        "Bearer",
        "Bearer a.b",
        "Bearer a.b.c",
        "Bearer e30.e30.e30",
        "Bearer W10.W10.W10",
        "Basic x.y.z",
        "Bearer é.b.c",
    ],
)
def test_nonsense_for_a_token_is_refused(world: World, bearer: str) -> None:
    told = json.loads(api.answer(world, Request("GET", "/me", {"authorization": bearer})).body)
    assert told["error"]["code"] == 401


def test_token_of_another_session_key_is_refused(world: World) -> None:
    thief = BOT | {"session_private_key": ALICE["session_private_key"]}
    refused(401, Client(world, thief).get, "/me")
    refused(401, Client(world, BOT | {"session_id": name()}).get, "/me")


def test_used_tokens_are_forgotten_after_they_could_not_be_used_any_more(world: World, bot: Client) -> None:
    for _ in range(5):
        bot.get("/me")
    world.clock.pass_by(3600)  # type: ignore[attr-defined]  # the test's own clock
    for _ in range(5):
        bot.get("/me")
    assert len(world.state.tokens) == 5


def test_expired_token_is_refused(world: World) -> None:
    request_id, now = name(), world.clock() // SECOND
    bearer = token(BOT, now - 200, "GET", "/me", b"", request_id)
    headers = {"authorization": f"Bearer {bearer}", "x-request-id": request_id}
    assert api.answer(world, Request("GET", "/me", headers)).status == 200
    world.clock.pass_by(500)  # type: ignore[attr-defined]  # the test's own clock
    assert b'"code":401' in api.answer(world, Request("GET", "/me", headers)).body


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/messages", "5"),
        ("/messages", "[]"),
        ("/messages", "[1]"),
        ("/users/fetch", "{}"),
        ("/users/fetch", "[1]"),
        ("/conversations", "[]"),
        ("/safe/keys", "null"),
    ],
)
def test_body_of_another_shape_is_400(bot: Client, path: str, body: str) -> None:
    told = json.loads(bot.raw("POST", path, body.encode()).body)
    assert told["error"]["code"] == 400


def test_lists_refuse_strange_queries(bot: Client) -> None:
    for query in ("limit=x", "offset=-1", "state=lost"):
        refused(10002, bot.get, f"/safe/outputs?{query}")
    refused(10002, bot.get, "/safe/snapshots?offset=1")
    assert bot.get("/safe/outputs?order=DESC")[0]["amount"] == "5000"
    assert bot.get(f"/safe/outputs?asset={name()}") == []
    output = bot.get("/safe/outputs")[0]
    assert bot.post("/safe/outputs/fetch", [output["output_id"]]) == [output]
    assert bot.get(f"/safe/outputs/{output['transaction_hash']}:0") == output
    assert bot.get(f"/safe/snapshots?opponent={name()}") == []
    done = bot.get("/safe/snapshots")[0]
    assert (
        bot.post("/safe/transactions/fetch", [done["request_id"], name()])[0]["request_id"]
        == done["request_id"]
    )


def test_conversation_must_be_the_pairs_own(bot: Client) -> None:
    ask: dict[str, Any] = {
        "category": "CONTACT",
        "conversation_id": name(),
        "participants": [{"user_id": BOB["user_id"]}],
    }
    refused(10002, bot.post, "/conversations", ask)
    refused(10002, bot.post, "/conversations", ask | {"category": "GROUP"})
    refused(10002, bot.post, "/conversations", ask | {"participants": [{"user_id": name()}]})


def test_attachment_takes_its_bytes_once(world: World, bot: Client) -> None:
    place = bot.post("/attachments", None)
    key = place["upload_url"].partition("key=")[2]
    for given, acl in ((key, "private"), ("0" * 32, "public-read")):
        with pytest.raises(ApiError, match="403"):
            files.upload(world, place["attachment_id"], given, acl, b"x")
    with pytest.raises(ApiError, match="10002"):
        files.upload(world, place["attachment_id"], key, "public-read", b"")
    files.upload(world, place["attachment_id"], key, "public-read", b"<html>")
    with pytest.raises(ApiError, match="403"):
        files.upload(world, place["attachment_id"], key, "public-read", b"again")
    assert files.view(world, place["attachment_id"]) == ("application/octet-stream", b"<html>")
    image = {
        "attachment_id": place["attachment_id"],
        "mime_type": "image/png",
        "width": 2,
        "height": 1,
        "size": 6,
    }
    bot.meet(ALICE)
    bot.post("/messages", [bot.message(ALICE, json.dumps(image), "PLAIN_IMAGE")])
    bot.post("/messages", [bot.message(ALICE, json.dumps(image), "PLAIN_DATA")])
    bot.post("/messages", [bot.message(ALICE, json.dumps({"user_id": BOB["user_id"]}), "PLAIN_CONTACT")])
    shown = person.history(world, person.find(world, "alice"), 0)["messages"]
    assert shown[0]["image"]["view_url"] == shown[1]["file"]["view_url"] == f"/files/{place['attachment_id']}"
    assert BOB["user_id"] in shown[2]["content"]
    refused(404, bot.get, f"/attachments/{name()}")


# ---- a person's wallet


def link(**query: str) -> str:
    return f"https://mixin.one/pay/{BOT['user_id']}?" + "&".join(f"{k}={v}" for k, v in query.items())


def test_sheet_shows_what_a_link_asks_and_whether_it_can_be_paid(world: World) -> None:
    alice = person.find(world, ALICE["user_id"])
    ready = wallet.sheet(world, alice, link(asset=USDT, amount="10000.00000001", memo="D1", trace=name()))
    assert (ready["asset"]["symbol"], ready["memo"], ready["enough"], ready["paid"]) == (
        "USDT",
        "D1",
        False,
        False,
    )
    free = wallet.sheet(world, alice, link(trace=name()))
    assert (free["asset"], free["amount"]) == (None, "")
    for wrong in ("https://example.com/pay/1", link(amount="-1"), "nonsense"):
        with pytest.raises(ApiError, match="10002"):
            wallet.sheet(world, alice, wrong)
    with pytest.raises(ApiError, match="10404"):
        wallet.sheet(world, alice, f"https://mixin.one/pay/{name()}")


@pytest.mark.parametrize(
    ("amount", "code"),
    [
        ("0", 20120),
        ("1e3", 10002),
        ("1.123456789", 10002),
        ("-1", 10002),
        ("", 10002),
        ("NaN", 10002),
        ("99999", 20117),
    ],
)
def test_amount_that_no_client_would_send_is_refused(world: World, amount: str, code: int) -> None:
    with pytest.raises(ApiError, match=str(code)):
        wallet.transfer(world, person.find(world, "alice"), BOT["user_id"], USDT, amount)


def test_change_on_its_way_is_shown_and_can_be_paid_with(world: World) -> None:
    alice = person.find(world, "alice")
    wallet.pay(world, alice, link(), {"asset_id": USDT, "amount": "1", "memo": "x"})
    balance = next(b for b in wallet.balances(world, alice) if b["asset_id"] == USDT)
    assert (balance["amount"], balance["pending"]) == ("0", "9999")
    wallet.transfer(world, alice, BOB["user_id"], USDT, "9999")
    settle(world, at_once=True)
    balance = next(b for b in wallet.balances(world, alice) if b["asset_id"] == USDT)
    assert (balance["amount"], balance["pending"]) == ("0", "0")
    with pytest.raises(ApiError, match="at most 200"):
        wallet.transfer(world, alice, BOB["user_id"], BTC, "0.1", "x" * 201)


def test_unknown_person_is_404(world: World) -> None:
    with pytest.raises(ApiError, match="404"):
        person.find(world, "mallory")
