"""The codecs against known answers made by other people's implementations, byte for byte."""

import hashlib
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from blake3 import blake3

from adapters.mixin.codec import addresses, frames, ids, keys, links, pin, signing
from adapters.mixin.codec import transaction as safe
from tests.vectors import group, vectors

Vector = dict[str, Any]
raw = bytes.fromhex


def label(vector: Vector) -> str:
    return str(vector.get("name", ""))


@pytest.mark.parametrize("vector", group("jwt"), ids=label)
def test_request_token_is_byte_exact(vector: Vector) -> None:
    store = vector["keystore"]
    request = signing.Request(vector["method"], vector["uri"], vector["body"].encode())
    assert request.digest == vector["sig"]
    token = signing.request_token(
        request,
        store["app_id"],
        store["session_id"],
        raw(store["session_private_key"]),
        vector["jti"],
        vector["iat"],
        vector["exp"] - vector["iat"],
    )
    assert token == vector["token"]
    signing.verify_token(token, raw(vector["session_public_key"]))
    assert signing.read_claims(token)["sig"] == vector["sig"]
    with pytest.raises(signing.BadToken):
        signing.verify_token(token, bytes(32))


@pytest.mark.parametrize("vector", group("oauth_jwt"), ids=label)
def test_oauth_token_is_byte_exact(vector: Vector) -> None:
    store = vector["keystore"]
    claims: dict[str, str | int] = {
        "iss": store["app_id"],
        "aid": store["authorization_id"],
        "iat": vector["iat"],
        "exp": vector["exp"],
        "jti": vector["jti"],
        "sig": signing.Request(vector["method"], vector["uri"], vector["body"].encode()).digest,
        "scp": store["scope"],
    }
    assert signing.sign_claims(claims, raw(store["session_private_key"])) == vector["token"]


def test_ids_are_as_other_clients_derive_them() -> None:
    for v in group("conversation_ids"):
        assert ids.conversation_id(v["user_a"], v["user_b"]) == v["conversation_id"]
        assert ids.conversation_id(v["user_b"], v["user_a"]) == v["conversation_id"]
    for v in group("group_conversation_ids"):
        assert v["conversation_id"] == ids.group_conversation_id(
            v["owner_id"], v["group_name"], v["participants"], v["random_id"]
        )
    for v in group("unique_object_ids"):
        assert ids.unique_id(*v["parts"]) == v["id"]
    for v in group("members_hashes"):
        assert ids.members_hash(v["members"]) == v["hash"]
    for v in group("kernel_asset_ids"):
        assert ids.kernel_asset_id(v["asset_id"]) == v["kernel_asset_id"]


def test_primitives_are_as_other_clients_have_them() -> None:
    for v in group("base64_raw_url"):
        assert ids.b64url(raw(v["utf8_hex"])) == v["encoded"]
        assert ids.unb64(v["encoded"]) == raw(v["utf8_hex"])
    for v in group("hashes"):
        data = v["utf8"].encode()
        assert hashlib.sha3_256(data).hexdigest() == v["sha3_256"]
        assert blake3(data).hexdigest() == v["blake3_256"]
    for v in group("uvarint"):
        assert keys.uvarint(v["value"]).hex() == v["hex"]
    for v in group("pkce"):
        assert ids.pkce_challenge(raw(v["random_hex"])) == (v["verifier"], v["challenge"])


def test_addresses_are_as_other_clients_write_them() -> None:
    for v in group("users"):
        spend, view = raw(v["spend_public_key"]), raw(v["view_public_key"])
        assert keys.public_key(raw(v["spend_private_key"])) == spend
        assert keys.base_point(raw(v["view_private_key"])) == view
        assert addresses.main_address(spend, view) == v["main_address"]
        assert addresses.main_address_keys(v["main_address"]) == (spend, view)
    for v in group("mix_addresses"):
        assert addresses.mix_payload(v["members"], v["threshold"]).hex() == v["payload_hex"]
        assert addresses.mix_address(v["members"], v["threshold"]) == v["address"]
        assert addresses.mix_address_payload(v["address"]).hex() == v["payload_hex"]
    for v in group("invoices"):
        entries = [
            addresses.InvoiceEntry(
                e["trace_id"],
                e["asset_id"],
                Decimal(e["amount"]),
                raw(e["extra_hex"]),
                tuple(e["index_references"]),
                tuple(map(raw, e["hash_references"])),
            )
            for e in v["entries"]
        ]
        assert addresses.invoice(v["recipient"], entries) == v["invoice"]


def test_registration_and_pin_are_as_the_server_wants_them() -> None:
    for v in group("safe_registration"):
        seed = raw(v["spend_private_key"])
        assert pin.safe_registration_signature(v["user_id"], seed) == v["signature_base64url"]
        body = pin.tip_body("SEQUENCER:REGISTER:", v["user_id"], v["public_key"])
        assert (body.hex(), pin.tip_signature(seed, body).hex()) == (
            v["tip_body_hex"],
            v["tip_signature_hex"],
        )
    for v in group("pin_encryption"):
        store = v["keystore"]
        key = pin.shared_key(raw(store["session_private_key"]), raw(store["server_public_key"]))
        assert key.hex() == v["shared_key_hex"]
        assert pin.decrypt_pin(key, v["encrypted_base64url"]).hex() == v["plaintext_pin_hex"]
        secret = raw(v["plaintext_pin_hex"])
        assert pin.decrypt_pin(key, pin.encrypt_pin(key, secret, 1_700_000_000, 7)) == secret


_TIP: dict[str, Callable[[Vector], tuple[str, ...]]] = {
    "address_add": lambda v: ("TIP:ADDRESS:ADD:", v["asset_id"], v["destination"], v["tag"], v["label"]),
    "address_remove": lambda v: ("TIP:ADDRESS:REMOVE:", v["address_id"]),
}


@pytest.mark.parametrize("v", group("tip_bodies"), ids=lambda v: v["kind"])
def test_tip_messages_are_signed_as_the_server_checks_them(v: Vector) -> None:
    body = raw(v["body_hex"])
    if v["kind"] in _TIP:
        assert pin.tip_body(*_TIP[v["kind"]](v)) == body
    assert pin.tip_signature(raw(v["spend_private_key"]), body).hex() == v["signature_hex"]


@pytest.mark.parametrize("v", group("ghost_keys"), ids=lambda v: f"output {v['output_index']}")
def test_one_time_keys_are_derived_alike_by_payer_server_and_receiver(v: Vector) -> None:
    users, index, mask = group("users"), v["output_index"], raw(v["mask"])
    assert keys.base_point(raw(v["r_scalar"])) == mask
    for receiver in v["receivers"]:
        user = users[receiver["user_index"]]
        seed = raw(user["spend_private_key"])
        ghost = keys.ghost_public_key(
            raw(v["r_scalar"]), raw(user["view_public_key"]), raw(user["spend_public_key"]), index
        )
        view = keys.view_of(raw(user["view_private_key"]), mask, index)
        assert (ghost.hex(), view.hex()) == (receiver["ghost_public_key"], receiver["view_scalar"])
        assert keys.scalar_of_seed(seed).hex() == receiver["spend_scalar"]
        assert keys.one_time_scalar(view, seed).hex() == receiver["one_time_private_scalar"]
        assert keys.base_point(keys.one_time_scalar(view, seed)) == ghost


def test_client_side_keys_and_hints_are_as_the_sdk_derives_them() -> None:
    for v in group("client_side_ghosts"):
        for index, (members, ghost) in enumerate(zip(v["recipients"], v["ghosts"], strict=True)):
            r = keys.client_side_r(v["trace_id"], index, raw(v["spend_private_key"]))
            assert keys.base_point(r).hex() == ghost["mask"]
            for member, expected in zip(members, ghost["keys"], strict=True):
                spend, view = addresses.main_address_keys(member)
                assert keys.ghost_public_key(r, view, spend, index).hex() == expected
    for v in group("ghost_hints"):
        assert keys.go_sdk_hint(v["trace_id"], v["output_index"]) == v["hint_go_sdk"]


def test_signature_primitive_is_byte_exact() -> None:
    for v in group("sign_hash"):
        signature = signing.sign_hash(raw(v["private_scalar"]), raw(v["message"]))
        assert signature.hex() == v["signature"]
        assert signing.verify_hash(raw(v["public_key"]), raw(v["message"]), signature)


def test_pay_links_are_as_other_clients_write_them() -> None:
    for v in group("payment_uris"):
        p = v["params"]
        members = p.get("uuidMembers")
        to = (
            addresses.mix_address(members, p["threshold"])
            if members
            else p.get("uuid") or p["mainnetAddress"]
        )
        fields = {"trace": p.get("trace", ""), "asset": p.get("asset", ""), "amount": p.get("amount", "")}
        link = links.PayLink(to, memo=p.get("memo", ""), return_to=p.get("returnTo", ""), **fields)
        assert str(link) == v["uri"]
        assert links.PayLink.parse(v["uri"]) == link


def as_transaction(v: Vector) -> safe.Transaction:
    t = v["transaction"]
    return safe.Transaction(
        asset=raw(t["asset"]),
        inputs=tuple(safe.Input(raw(i["hash"]), i["index"]) for i in t["inputs"]),
        outputs=tuple(
            safe.Output(
                Decimal(o["amount"]),
                tuple(map(raw, o["keys"])),
                raw(o["mask"]) if o["mask"] else bytes(32),
                raw(o["script"]),
                safe.Destination(**o["withdrawal"]) if o["withdrawal"] else None,
            )
            for o in t["outputs"]
        ),
        extra=raw(t["extra_hex"]),
        references=tuple(map(raw, t["references"])),
    )


@pytest.mark.parametrize("v", group("transactions"), ids=label)
def test_transaction_is_encoded_hashed_and_signed_byte_for_byte(v: Vector) -> None:
    if v["name"] == "amount_extra_digits_floor":  # SDKs cut the digits away; we refuse them
        with pytest.raises(safe.BadTransaction, match="places"):
            safe.encode(as_transaction(v))
        tx = safe.decode(raw(v["raw_unsigned"]))
    else:
        tx = as_transaction(v)
    assert safe.encode(tx).hex() == v["raw_unsigned"]
    assert safe.transaction_hash(tx) == v["hash"]
    signed = safe.decode(raw(v["raw_signed"]))
    assert signed.unsigned == tx
    assert safe.encode(signed).hex() == v["raw_signed"]
    spent = [tuple(map(raw, output["keys"])) for output in v["spent_outputs"]]
    for signer in v["signers"]:
        views, seed = [raw(view) for view in signer["views"]], raw(signer["spend_private_key"])
        ours = signing.sign_transaction(tx, views, seed, spent)
        expected = [next(s for s in of if s["index"] == signer["index"]) for of in v["signatures"]]
        assert [s.hex() for ((_, s),) in ours.signatures] == [e["signature"] for e in expected]
        assert [at for ((at, _),) in ours.signatures] == [e["index"] for e in expected]
    for of_input, spent_keys in zip(signed.signatures, spent, strict=True):
        for at, signature in of_input:
            assert signing.verify_hash(spent_keys[at], raw(v["hash"]), signature)


def test_swapped_views_do_not_sign() -> None:
    v = next(v for v in group("transactions") if len(v["spent_outputs"]) > 1 and len(v["signers"]) == 1)
    views = [raw(view) for view in v["signers"][0]["views"]]
    spent = [tuple(map(raw, output["keys"])) for output in v["spent_outputs"]]
    with pytest.raises(signing.WrongKey):
        signing.sign_transaction(
            as_transaction(v),
            [views[1], views[0], *views[2:]],
            raw(v["signers"][0]["spend_private_key"]),
            spent,
        )


def test_any_flipped_byte_of_a_signed_transaction_is_noticed() -> None:
    v = next(v for v in group("transactions") if v["name"] == "one_input_two_outputs_memo")
    good = raw(v["raw_signed"])
    spent = [tuple(map(raw, output["keys"])) for output in v["spent_outputs"]]
    for position in range(len(good)):
        changed = bytearray(good)
        changed[position] ^= 0x01
        assert not _accepted(bytes(changed), spent), f"byte {position}"


def _accepted(data: bytes, spent: list[tuple[bytes, ...]]) -> bool:
    try:
        tx = safe.decode(data)
    except safe.BadTransaction:
        return False
    message = raw(safe.transaction_hash(tx))
    if len(tx.signatures) != len(spent):
        return False
    return all(
        signed and at < len(listed) and signing.verify_hash(listed[at], message, signature)
        for signed, listed in zip(tx.signatures, spent, strict=True)
        for at, signature in signed or ((99, b""),)
    )


def test_blaze_frames_read_and_write() -> None:
    for frame in vectors().get("blaze", {}).get("frames", []):
        assert frames.unpack_frame(raw(frame["gzip_hex"])) == frame["json"]
        assert frames.unpack_frame(frames.pack_frame(frame["json"])) == frame["json"]


@pytest.mark.parametrize("frame", [b"", b"text", b"\x1f\x8b", frames.pack_frame({"a": "b"})[:-4]])
def test_bad_frame_is_refused(frame: bytes) -> None:
    with pytest.raises(ValueError, match=r"frame|JSON|Expecting"):
        frames.unpack_frame(frame)


def test_captured_requests_verify_over_path_and_body() -> None:
    sessions = {v["keystore"]["session_id"]: raw(v["session_public_key"]) for v in group("jwt")}
    for captured in group("captured_http"):
        token = captured["headers"].get("authorization", "").removeprefix("Bearer ")
        if not token:
            continue
        claims = signing.read_claims(token)
        request = signing.Request(captured["method"], captured["path"], (captured["body"] or "").encode())
        assert claims["sig"] == request.digest
        if claims.get("sid") in sessions:
            signing.verify_token(token, sessions[str(claims["sid"])])
