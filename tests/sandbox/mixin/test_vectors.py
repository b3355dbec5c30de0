"""The emulator against known answers: requests as an independent client sent them, transactions it built."""

import base64
import json
from dataclasses import replace
from typing import Any

import pytest

from adapters.mixin.codec.frames import unpack_frame
from adapters.mixin.codec.ids import unique_id
from adapters.mixin.codec.keys import one_time_scalar
from adapters.mixin.codec.signing import sign_hash
from adapters.mixin.codec.transaction import decode, encode
from sandbox.mixin.core import api, books, genesis, identity, money, person, rows
from sandbox.mixin.core.blaze import Blaze
from sandbox.mixin.core.calls import Request
from sandbox.mixin.core.decode import read
from sandbox.mixin.core.errors import ApiError
from sandbox.mixin.core.settle import settle
from sandbox.mixin.core.world import World
from tests.sandbox.mixin.worlds import BTC, ETH, Time, asset, world
from tests.vectors import group, vectors

TRANSACTIONS = {entry["name"]: entry for entry in group("transactions")}
REQUEST_ID = "96d2ee99-05d2-4894-9a36-a2feea381c8a"
NOT_HERE = {"/oauth/token"}  # a later issue
CHAINS = {"ETH": ETH, "USDT_ERC20": ETH}
NEVER_COMPLETE = {"multisig_one_signature"}  # one of two signatures: must be refused

pytestmark = pytest.mark.skipif(
    not group("captured_http"), reason="the small vectors hold no captured requests"
)


def claims(authorization: str) -> dict[str, Any]:
    part = authorization.split(".")[1]
    told: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return told


def spender() -> dict[str, Any]:
    """Return the keystore that sent the captured requests, with the spend key it signs with."""
    keystore = group("jwt")[0]["keystore"]
    [signer] = TRANSACTIONS["one_input_two_outputs_memo"]["signers"]
    [user] = [u for u in group("users") if u["spend_private_key"] == signer["spend_private_key"]]
    return {**keystore, **user, "user_id": keystore["app_id"], "identity_number": "7000101000", "name": "Bot"}


def seeded() -> World:
    """Return a world that holds the vectors' users and assets."""
    made = world(Time(1717200000))
    genesis.add_user(made, spender(), is_bot=True)
    for number, user in enumerate(group("users")):
        extra = {
            "identity_number": str(7000 + number),
            "name": f"User {number}",
            "session_id": "",
            "session_private_key": "11" * 32,
        }
        genesis.add_user(made, user | extra, is_bot=False)
    for entry in group("kernel_asset_ids"):
        genesis.add_asset(
            made, asset(entry["asset_id"], entry["symbol"], CHAINS.get(entry["symbol"], BTC), "1")
        )
    made.state.journal.forget()
    return made


def seed(made: World, entry: dict[str, Any]) -> rows.User:
    """Put the outputs a transaction spends into its signers' wallet; return the first signer."""
    transaction = entry["transaction"]
    ids = [u["user_id"] for u in group("users")]
    keys = {u["spend_private_key"]: u["user_id"] for u in group("users")}
    signers = {signer["index"]: keys[signer["spend_private_key"]] for signer in entry["signers"]}
    count = len(entry["spent_outputs"][0]["keys"])
    free = [user_id for user_id in ids if user_id not in signers.values()]
    owners = tuple(signers.get(at) or free.pop() for at in range(count))
    asset_id = asset_of(made, transaction["asset"])
    units = [output.units for output in read(entry["raw_unsigned"]).outputs]
    spent = entry["spent_outputs"]
    amounts = [1] * (len(spent) - 1) + [sum(units) - len(spent) + 1]
    for number, (output, amount) in enumerate(zip(spent, amounts, strict=True)):
        made.state.outputs.put(output_row(output, owners, asset_id, amount, number))
    for index, output in enumerate(transaction["outputs"]):
        if output["mask"]:
            receivers = tuple(ids[: len(output["keys"])])
            made.state.ghosts.put(rows.Ghost(output["mask"], tuple(output["keys"]), receivers, index))
    for name in transaction["references"]:
        made.state.transactions.put(
            rows.Transaction(unique_id(name), owners[0], name, "", asset_id, rows.SPENT, 1, 1)
        )
    made.state.journal.forget()
    return made.state.users.get(signers[min(signers)])


def asset_of(made: World, kernel: str) -> str:
    found = made.state.assets.by("kernel", kernel)
    if found:
        return found[0].asset_id
    other = unique_id(kernel)  # an asset the vectors name only by its kernel id
    row = genesis.add_asset(made, asset(other, "OTHER", other, "1"))  # on a chain of its own
    return made.state.assets.change(row, kernel_asset_id=kernel).asset_id


def output_row(
    spent: dict[str, Any], owners: tuple[str, ...], asset_id: str, units: int, number: int
) -> rows.Output:
    name, index = spent["transaction_hash"], spent["output_index"]
    return rows.Output(
        output_id=unique_id(f"{name}:{index}"),
        transaction_hash=name,
        output_index=index,
        asset_id=asset_id,
        units=units,
        mask=spent["mask"],
        keys=tuple(spent["keys"]),
        receivers=owners,
        threshold=min(2, len(owners)),
        senders=(),
        senders_threshold=0,
        extra="",
        request_id="",
        sequence=number + 1,
        state=rows.UNSPENT,
        signed_by="",
        signed_at=0,
        spent_at=0,
        created_at=1,
    )


def drafted(made: World, entry: dict[str, Any]) -> rows.User:
    """Seed and check a transaction; return who may submit it."""
    user = seed(made, entry)
    [draft] = money.check_drafts(made, user, [(REQUEST_ID, entry["raw_unsigned"])])
    assert draft["transaction_hash"] == entry["hash"]
    assert draft["views"] == min(entry["signers"], key=lambda signer: signer["index"])["views"]
    return user


def submit(made: World, user: rows.User, raw: str) -> dict[str, Any]:
    """Submit as the shell would: whole or not at all."""
    mark = made.state.journal.mark()
    try:
        [answer] = money.submit(made, user, [(REQUEST_ID, raw)])
    except ApiError:
        made.state.journal.undo(mark)
        raise
    return answer


@pytest.mark.parametrize(
    "request_", group("captured_http"), ids=lambda r: f"{r['method']} {r['path'].split('?')[0]}"
)
def test_captured_request_is_authentic_and_has_a_route(request_: dict[str, Any]) -> None:
    made = seeded()
    made.clock = Time(claims(request_["headers"]["authorization"])["iat"])
    headers = {name: value for name, value in request_["headers"].items() if value}
    request = Request(request_["method"], request_["path"], headers, request_["body"].encode())
    assert identity.authenticate(made, request).user_id == spender()["user_id"]
    answer = api.answer(seeded_at(made.clock), request)
    assert answer.unknown is (request.path in NOT_HERE)
    assert answer.headers["X-Request-Id"] == headers["x-request-id"]
    told = json.loads(answer.body)
    assert told.get("error", {}).get("code") != 401


def seeded_at(clock: Any) -> World:
    made = seeded()
    made.clock = clock
    return made


@pytest.mark.parametrize("part", ["method", "path", "body", "late", "early", "twice", "request id"])
def test_captured_request_changed_in_one_part_is_refused(part: str) -> None:
    [captured] = [r for r in group("captured_http") if r["path"] == "/safe/keys"]
    iat = claims(captured["headers"]["authorization"])["iat"]
    clock = Time(iat + {"late": 301, "early": -301}.get(part, 0))
    headers = {name: value for name, value in captured["headers"].items() if value}
    if part == "request id":
        headers["x-request-id"] = REQUEST_ID
    request = Request(
        "PUT" if part == "method" else captured["method"],
        captured["path"] + ("?" if part == "path" else ""),
        headers,
        captured["body"].encode() + (b" " if part == "body" else b""),
    )
    made = seeded_at(clock)
    if part == "twice":
        identity.authenticate(made, request)
    with pytest.raises(ApiError, match="401"):
        identity.authenticate(made, request)


def test_captured_payment_runs_through_and_settles() -> None:
    """The requests of the captured payout, in order, each with its own token, end in a spent transaction."""
    made = seeded()
    entry = TRANSACTIONS["one_input_two_outputs_memo"]
    seed(made, entry)
    [output] = list(made.state.outputs)
    made.state.outputs.change(output, receivers=(spender()["user_id"],))
    states = []
    for captured in group("captured_http"):
        if "/safe/transaction" not in captured["path"]:
            continue
        made.clock = Time(claims(captured["headers"]["authorization"])["iat"])
        settle(made)
        headers = {name: value for name, value in captured["headers"].items() if value}
        request = Request(captured["method"], captured["path"], headers, captured["body"].encode())
        told = json.loads(api.answer(made, request).body)["data"]
        states.append((told[0] if isinstance(told, list) else told)["state"])
    assert states == ["unspent", "signed", "spent"]


def test_blaze_handshake_and_frames_are_understood() -> None:
    blaze = vectors()["blaze"]
    handshake = blaze["handshake"]
    made = seeded_at(Time(claims(handshake["authorization"])["iat"]))
    request = Request("GET", handshake["path"], {"authorization": handshake["authorization"]})
    user = identity.authenticate(made, request, handshake=True)
    line = Blaze(made, user.user_id)
    for frame in blaze["frames"]:
        unpacked = unpack_frame(bytes.fromhex(frame["gzip_hex"]))
        assert unpacked == frame["json"]
        if frame["direction"] == "client_to_server":
            assert "error" not in line.receive(unpacked)


def test_pushed_message_has_the_fields_of_the_captured_one() -> None:
    [captured] = [f["json"] for f in vectors()["blaze"]["frames"] if f["direction"] == "server_to_client"]
    made = seeded()
    sender = made.state.users.get(captured["data"]["user_id"])
    person.say(
        made, sender, {"data_base64": captured["data"]["data"], "message_id": captured["data"]["message_id"]}
    )
    line = Blaze(made, spender()["user_id"])
    line.receive({"id": "1", "action": "LIST_PENDING_MESSAGES"})
    [push] = line.due()
    assert push["action"] == captured["action"]
    assert push["data"].keys() == captured["data"].keys()
    for same in ("type", "user_id", "message_id", "category", "data", "data_base64", "status", "source"):
        assert push["data"][same] == captured["data"][same]


@pytest.mark.parametrize("name", [name for name in TRANSACTIONS if name not in NEVER_COMPLETE])
def test_known_transaction_is_accepted_and_settles(name: str) -> None:
    made, entry = seeded(), TRANSACTIONS[name]
    user = drafted(made, entry)
    assert submit(made, user, entry["raw_signed"])["state"] == "signed"
    settle(made, at_once=True)
    assert made.state.transactions.get(REQUEST_ID).state == "spent"
    in_ = sum(o.units for o in made.state.outputs if o.state == "spent")
    out = sum(o.units for o in made.state.outputs if o.state == "unspent")
    assert in_ == out + books.withdrawn(made.state.transactions.get(REQUEST_ID))


@pytest.mark.parametrize("name", sorted(NEVER_COMPLETE & TRANSACTIONS.keys()))
def test_incomplete_multisig_is_refused(name: str) -> None:
    made, entry = seeded(), TRANSACTIONS[name]
    user = drafted(made, entry)
    with pytest.raises(ApiError, match="too few signatures"):
        submit(made, user, entry["raw_signed"])


@pytest.mark.parametrize("name", ["one_input_two_outputs_memo", "built_by_high_level_helper"])
def test_submission_with_any_byte_flipped_is_refused(name: str) -> None:
    made, entry = seeded(), TRANSACTIONS[name]
    user = drafted(made, entry)
    made.state.journal.forget()
    raw = bytes.fromhex(entry["raw_signed"])
    for at in range(len(raw)):
        flipped = raw[:at] + bytes([raw[at] ^ 0x01]) + raw[at + 1 :]
        with pytest.raises(ApiError):
            submit(made, user, flipped.hex())
    assert not made.state.journal.written()
    submit(made, user, entry["raw_signed"])


def test_submission_signed_with_two_views_swapped_is_refused() -> None:
    made, entry = seeded(), TRANSACTIONS["many_inputs_17"]
    user = drafted(made, entry)
    [signer] = entry["signers"]
    views = [bytes.fromhex(view) for view in signer["views"]]
    views[3], views[11] = views[11], views[3]
    tx = decode(bytes.fromhex(entry["raw_unsigned"]))
    wrong = [
        (
            0,
            sign_hash(
                one_time_scalar(v, bytes.fromhex(signer["spend_private_key"])), bytes.fromhex(entry["hash"])
            ),
        )
        for v in views
    ]
    signed = replace(tx, signatures=tuple((each,) for each in wrong))
    with pytest.raises(ApiError, match="2000003"):
        submit(made, user, encode(signed).hex())
