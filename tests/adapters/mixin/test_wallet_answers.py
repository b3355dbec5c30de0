"""The wallet before any answer there can be: lost, cut, of another request, of another amount (WD8)."""

import asyncio
import json
from collections.abc import Coroutine, Mapping
from decimal import Decimal
from typing import Any, TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.mixin.codec import transaction as safe
from adapters.mixin.codec.ids import kernel_asset_id
from adapters.mixin.keystore import Keystore
from adapters.mixin.outcomes import REFUSED
from adapters.mixin.wallet import MixinWallet
from domain.errors import InvariantBroken, MrMarketError, OutcomeUnknown, Refused, Unavailable
from domain.ids import AssetId, UserId, request_id
from domain.ports.wallet import BuiltTransaction, Payment, SendState, SentTransaction
from domain.secrets import Secret
from tests.adapters.mixin.told import Answer, Told, clear
from tests.fakes.leases import unasked
from tests.vectors import group

BOT, ALICE = "6f0d0000-0000-4000-8000-00000000b070", UserId("0c2f7b6e-0000-4000-8000-00000000a11c")
ASSET = AssetId("4d8c508b-91c5-375b-92b0-ee702ed2dac5")
OURS = request_id("withdrawal", "w1")
KNOWN = next(v for v in group("transactions") if v["name"] == "one_input_two_outputs_memo")
HASH, RAW, SIGNED = str(KNOWN["hash"]), str(KNOWN["raw_unsigned"]), str(KNOWN["raw_signed"])
SPENT = {**KNOWN["spent_outputs"][0], "output_id": "o1", "asset_id": ASSET, "inscription_hash": ""}
TOLD = {"request_id": OURS, "transaction_hash": HASH, "state": "spent", "snapshot_id": "s", "amount": "0.1"}
CHECKED = {**TOLD, "state": "unspent", "views": KNOWN["signers"][0]["views"]}
GHOSTS = [{"mask": o["mask"], "keys": o["keys"]} for o in KNOWN["transaction"]["outputs"]]
SEED = Secret(bytes.fromhex(KNOWN["signers"][0]["spend_private_key"]))
PAYMENT = Payment(OURS, ASSET, ALICE, Decimal("0.1"), "payout:7b1c", ("o1",))

FIND = f"/safe/transactions/{OURS}"
Result = TypeVar("Result")


def wallet(answers: Mapping[str, Answer | None]) -> MixinWallet:
    keys = Keystore(BOT, BOT, Secret(bytes(32)), bytes(32), SEED)
    return MixinWallet(Told(answers, BOT), keys, unasked)  # type: ignore[arg-type]  # what it calls of the client


def outcome(doing: Coroutine[Any, Any, Result]) -> Result | MrMarketError:
    """Return what a call gives or raises: of our errors one, or the test breaks."""
    try:
        return asyncio.run(doing)
    except MrMarketError as error:
        return error


# Answers: honest ones, bent in ways that a proxy, a bug or somebody in between could.

ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-2, 2**70),
    st.text(max_size=8),
    st.sampled_from(
        ["signed", "spent", "unspent", "pending", "0.1", "0.10000001", "1e-1", "00" * 32, HASH, [], {}]
    ),
    st.lists(st.text(max_size=4), max_size=2),
)
CODES = st.one_of(st.sampled_from([*REFUSED, 401, 429, 500, 7000, 20125]), st.integers(0, 3_000_000), ODD)
ERRORS = st.one_of(st.fixed_dictionaries({"code": CODES, "description": st.text(max_size=5)}), ODD)


LIKELY: Mapping[str, list[Any]] = {
    "request_id": [request_id("withdrawal", "w2"), OURS.upper(), ""],
    "transaction_hash": ["00" * 32, HASH[:-1], ""],
    "state": ["signed", "unspent", "pending", "revoked"],
    "amount": ["0.05", "0.1", "0.10000001", "7", "1.000000001", "-1"],
    "asset_id": ["c6d0c728-2624-429b-8e0d-d9d19b6592fa"],
    "output_id": ["o2"],
    "output_index": [1, "0", -1, 70_000],
    "inscription_hash": ["ab"],
    "views": [[], ["00" * 32], CHECKED["views"] * 2],
    "keys": [[], GHOSTS[1]["keys"], GHOSTS[0]["keys"] * 2],
    "mask": [GHOSTS[1]["mask"], "00" * 32],
}
"""What somebody would say who gets one thing wrong."""


def single_faults(row: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return a row with each fact wrong in turn, and with each left out."""
    wrong = [{**row, name: value} for name in row for value in LIKELY.get(name, [])]
    return wrong + [{k: v for k, v in row.items() if k != name} for name in row]


def bent(row: Mapping[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Return a row as it is, or with one fact wrong or left out, or with odd ones."""
    odd = st.dictionaries(st.sampled_from(sorted(row)), ODD, max_size=2).map(
        lambda changes: {**row, **changes}
    )
    return st.one_of(st.just(dict(row)), st.sampled_from(single_faults(row)), odd)


def data_of(rows: list[dict[str, Any]], *, single: bool) -> st.SearchStrategy[Any]:
    """Return data as a call should have it, mostly; or in another order, twice, or of another shape."""
    listed = st.tuples(*map(bent, rows)).map(list)
    shaped = listed.map(lambda found: found[0]) if single else listed
    shapeless = st.one_of(listed, listed.map(lambda r: r[::-1]), listed.map(lambda r: [*r, *r]), ODD)
    return st.integers(0, 4).flatmap(lambda n: shaped if n else shapeless)


@st.composite
def garbled(draw: st.DrawFn, data: st.SearchStrategy[Any]) -> Answer | None:
    """Return what becomes of an answer on a bad line: lost, cut, of another status, with an error in it."""
    status = draw(st.sampled_from([200, 202, 302, 400, 401, 403, 404, 413, 429, 500, 502]))
    with_error = st.fixed_dictionaries({"error": ERRORS}, optional={"data": data})
    body = draw(st.one_of(st.fixed_dictionaries({"data": data}), with_error, data))
    written = json.dumps(body).encode()
    cut = st.integers(0, len(written)).map(lambda length: written[:length])
    return draw(
        st.one_of(st.none(), st.just(written), cut, st.binary(max_size=40)).map(
            lambda b: None if b is None else (status, b)
        )
    )


def answers(rows: list[dict[str, Any]], *, single: bool = False) -> st.SearchStrategy[Answer | None]:
    """Return answers to a call: half of them read well, whatever they say; ``None`` is one that got lost."""
    data = data_of(rows, single=single)
    return st.one_of(data.map(clear), garbled(data))


def said(answer: Answer | None) -> dict[str, Any]:
    """Return the object in an answer, read without any of our code; an empty one when there is none."""
    try:
        found = json.loads(answer[1]) if answer else {}
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def good(answer: Answer | None) -> Any:
    """Return the data of an answer that says yes, else ``None``."""
    yes = answer is not None and answer[0] < 300 and said(answer).get("error") is None
    return said(answer).get("data") if yes else None


def is_refused(answer: Answer | None) -> bool:
    """Tell whether an answer gives a definite no, in so many words; a door that is too small needs none."""
    if answer is None or answer[0] >= 500:
        return False
    error = said(answer).get("error")
    code = error.get("code") if isinstance(error, dict) else None
    return (type(code) is int and code in REFUSED) or (answer[0] == 413 and not is_object(answer[1]))


def is_ours(row: Mapping[str, Any]) -> bool:
    """Tell whether a row is about our request; letters may be large."""
    return str(row.get("request_id")).lower() == OURS


def is_object(body: bytes) -> bool:
    try:
        return isinstance(json.loads(body), dict)
    except ValueError:
        return False


# What must hold whatever is answered, and the answers.


def see_submitted(answer: Answer | None) -> None:
    """A payment is accepted only when Mixin says so of our bytes; nothing but a definite no is one."""
    sent = outcome(wallet({"/safe/transactions": answer}).submit(OURS, SIGNED))
    data = good(answer)
    first = data[0] if isinstance(data, list) and data and all(isinstance(r, dict) for r in data) else {}
    ours = is_ours(first) and first.get("transaction_hash") == HASH
    if ours and first.get("state") in ("signed", "spent"):
        assert isinstance(sent, SentTransaction)
        assert sent.state is SendState(first["state"])
    else:
        assert type(sent) is (Refused if is_refused(answer) else OutcomeUnknown)


def see_found(answer: Answer | None) -> None:
    """A request is unknown only when Mixin says so, and known only when the answer is about it."""
    found = outcome(wallet({FIND: answer}).find(OURS))
    data = good(answer)
    if found is None:
        assert said(answer)["error"]["code"] == 404
    elif isinstance(found, SentTransaction):
        assert is_ours(data)
        assert found.transaction_hash == str(data["transaction_hash"])
        assert data["state"] in ("signed", "spent", "unspent", "pending")
    else:
        assert type(found) is Unavailable
        assert data != TOLD


def see_signed(checked: Answer | None, spent: Answer | None) -> None:
    """What is signed is what was built, or nothing: signatures of the same bytes are the same each time."""
    told = {"/safe/transaction/requests": checked, "/safe/outputs/fetch": spent}
    signed = outcome(wallet(told).sign(OURS, RAW, ("o1",)))
    if isinstance(signed, str):
        assert signed == SIGNED
        first = good(checked)[0]
        assert (is_ours(first), first["transaction_hash"]) == (True, HASH)
        assert first["state"] in ("unspent", "pending")
    else:
        assert isinstance(signed, Refused | Unavailable | OutcomeUnknown | InvariantBroken)
        assert (good(checked), good(spent)) != ([CHECKED], [SPENT])


def see_built(spent: Answer | None, ghosts: Answer | None) -> None:
    """What is built pays the amount and no more, whatever Mixin tells of what we own."""
    told = {"/safe/outputs/fetch": spent, "/safe/keys": ghosts}
    built = outcome(wallet(told).build(PAYMENT))
    if isinstance(built, BuiltTransaction):
        tx = safe.decode(bytes.fromhex(built.raw))
        row = [row for row in good(spent) if row.get("output_id") == "o1"][-1]
        assert tx.asset == bytes.fromhex(kernel_asset_id(ASSET))
        assert (tx.outputs[0].amount, tx.extra) == (PAYMENT.amount, PAYMENT.memo.encode())
        assert sum(output.amount for output in tx.outputs) == Decimal(str(row["amount"]))
        assert (row["asset_id"], row.get("inscription_hash") or "") == (ASSET, "")
    else:
        assert isinstance(built, Refused | Unavailable | InvariantBroken)
        assert (good(spent), good(ghosts)) != ([SPENT], GHOSTS)


@given(answers([TOLD]))
def test_a_payment_is_accepted_only_when_mixin_says_so_of_our_bytes(answer: Answer | None) -> None:
    see_submitted(answer)


@given(answers([TOLD], single=True))
def test_a_request_is_unknown_only_when_mixin_says_so(answer: Answer | None) -> None:
    see_found(answer)


@given(answers([CHECKED]), answers([SPENT]))
def test_what_is_signed_is_what_was_built_or_nothing(checked: Answer | None, spent: Answer | None) -> None:
    see_signed(checked, spent)


@given(answers([SPENT]), answers(GHOSTS))
def test_what_is_built_pays_the_amount_whatever_mixin_tells(
    spent: Answer | None, ghosts: Answer | None
) -> None:
    see_built(spent, ghosts)


def test_one_wrong_fact_in_an_answer_is_enough() -> None:
    for row in single_faults(TOLD):
        see_submitted(clear([row]))
        see_found(clear(row))
    for row in single_faults(CHECKED):
        see_signed(clear([row]), clear([SPENT]))
    for row in single_faults(SPENT):
        see_signed(clear([CHECKED]), clear([row]))
        see_built(clear([row]), clear(GHOSTS))
    for index, ghost in enumerate(GHOSTS):
        for row in single_faults(ghost):
            see_built(clear([SPENT]), clear([*GHOSTS[:index], row, *GHOSTS[index + 1 :]]))


@pytest.mark.parametrize("state", ["signed", "spent", "unspent"])
def test_honest_answers_are_believed(state: str) -> None:
    found = outcome(wallet({FIND: clear({**TOLD, "state": state})}).find(OURS))
    assert found == SentTransaction(OURS, HASH, SendState(state), "s")
    told = {"/safe/transaction/requests": clear([CHECKED]), "/safe/outputs/fetch": clear([SPENT])}
    assert outcome(wallet(told).sign(OURS, RAW, ("o1",))) == SIGNED
    told = {"/safe/outputs/fetch": clear([SPENT]), "/safe/keys": clear(GHOSTS)}
    assert isinstance(outcome(wallet(told).build(PAYMENT)), BuiltTransaction)
