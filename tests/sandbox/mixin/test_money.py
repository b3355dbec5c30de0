"""Wallets: a whole payment by the protocol, and every way it must be refused."""

import random
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

import pytest

from adapters.mixin.codec.ids import kernel_asset_id, members_hash
from adapters.mixin.codec.keys import ghost_hint
from adapters.mixin.codec.signing import sign_transaction
from adapters.mixin.codec.transaction import Destination, Input, Output, Transaction, encode, script
from sandbox.mixin.core import api, books, genesis, person, rules, wallet
from sandbox.mixin.core.assets import amount_text, amount_units
from sandbox.mixin.core.errors import ApiError
from sandbox.mixin.core.settle import settle
from sandbox.mixin.core.world import World
from tests.sandbox.mixin.worlds import ALICE, BOB, BOT, BTC, ETH, USDT, Client, Refused, begun, name


@pytest.fixture
def world() -> World:
    return begun()


@pytest.fixture
def bot(world: World) -> Client:
    return Client(world, BOT)


@dataclass
class Payment:
    """A payout of the bot's in the making, as its wallet makes one."""

    client: Client
    request_id: str
    tx: Transaction
    spent: list[dict[str, Any]]

    @property
    def raw(self) -> str:
        return encode(self.tx).hex()

    def request(self) -> dict[str, Any]:
        [told] = self.client.post("/safe/transaction/requests", [self.entry(self.raw)])
        return dict(told)

    def entry(self, raw: str) -> dict[str, str]:
        return {"request_id": self.request_id, "raw": raw}

    def sign(self, views: list[str]) -> str:
        owned = [[bytes.fromhex(key) for key in output["keys"]] for output in self.spent]
        seed = bytes.fromhex(self.client.who["spend_private_key"])
        signed = sign_transaction(self.tx, [bytes.fromhex(view) for view in views], seed, owned)
        return encode(signed).hex()

    def submit(self, raw: str) -> dict[str, Any]:
        [told] = self.client.post("/safe/transactions", [self.entry(raw)])
        return dict(told)

    def pay(self) -> dict[str, Any]:
        return self.submit(self.sign(self.request()["views"]))


def script_output(client: Client, user_id: str, index: int, amount: str, request_id: str) -> Output:
    ask = [{"receivers": [user_id], "index": index, "hint": ghost_hint(request_id, index)}]
    [ghost] = client.post("/safe/keys", ask)
    keys = tuple(bytes.fromhex(key) for key in ghost["keys"])
    return Output(Decimal(amount), keys, bytes.fromhex(ghost["mask"]), script(1))


def payment(client: Client, to: str, amount: str, memo: bytes = b"payout:1", asset_id: str = USDT) -> Payment:
    """Build a payment of one output's asset with change."""
    spent = client.get(f"/safe/outputs?asset={asset_id}&state=unspent")[:1]
    request_id, change = name(), amount_units(spent[0]["amount"]) - amount_units(amount)
    outputs = [script_output(client, to, 0, amount, request_id)]
    if change > 0:
        outputs.append(script_output(client, client.user_id, 1, amount_text(change), request_id))
    inputs = tuple(Input(bytes.fromhex(o["transaction_hash"]), o["output_index"]) for o in spent)
    tx = Transaction(bytes.fromhex(kernel_asset_id(asset_id)), inputs, tuple(outputs), memo)
    return Payment(client, request_id, tx, spent)


def refused(code: int, deed: Any, *args: Any) -> None:
    with pytest.raises(Refused) as caught:
        deed(*args)
    assert caught.value.code == code, caught.value


def total(world: World, asset_id: str = USDT) -> dict[str, str]:
    return dict(books.books(world)["totals"][asset_id])


# ---- a whole payment


def test_payment_reaches_its_payee_with_outputs_snapshots_and_notices(world: World, bot: Client) -> None:
    pay = payment(bot, ALICE["user_id"], "100.5")
    assert pay.pay()["state"] == "signed"
    settle(world, at_once=True)
    told = bot.get(f"/safe/transactions/{pay.request_id}")
    assert (told["state"], told["snapshot_hash"]) == ("spent", told["transaction_hash"])
    alice = Client(world, ALICE)
    [output] = alice.get(f"/safe/outputs?asset={USDT}&state=unspent&offset=8")
    assert (output["amount"], output["senders"], output["extra"]) == (
        "100.5",
        [bot.user_id],
        b"payout:1".hex(),
    )
    [mine] = alice.get("/safe/snapshots")
    assert (mine["amount"], mine["opponent_id"], mine["request_id"]) == ("100.5", bot.user_id, pay.request_id)
    ours = bot.get("/safe/snapshots?order=ASC")[-1]
    assert (ours["amount"], ours["opponent_id"]) == ("-100.5", ALICE["user_id"])
    assert alice.get(f"/safe/snapshots/{mine['snapshot_id']}") == mine
    [bubble] = person.history(world, person.find(world, "alice"), 0)["messages"]
    assert (bubble["category"], bubble["mine"], bubble["transfer"]["amount"]) == (
        "SYSTEM_SAFE_SNAPSHOT",
        False,
        "100.5",
    )


def test_change_can_be_spent_again(world: World, bot: Client) -> None:
    for _ in range(3):
        payment(bot, BOB["user_id"], "0.00000001").pay()
        settle(world, at_once=True)
    [left] = bot.get("/safe/outputs?state=unspent")
    assert left["amount"] == "4999.99999997"


def test_transaction_stays_signed_until_the_network_had_its_time(world: World, bot: Client) -> None:
    pay = payment(bot, ALICE["user_id"], "1")
    pay.pay()
    assert settle(world) == []
    assert [o["state"] for o in bot.get("/safe/outputs")] == ["signed"]
    assert total(world)["signed"] == "5000"
    world.clock.pass_by(1)  # type: ignore[attr-defined]  # the test's own clock
    assert len(settle(world)) == 1


def test_ghost_keys_are_stable_per_receiver_index_and_hint(bot: Client) -> None:
    hint = name()
    ask = [{"receivers": [ALICE["user_id"]], "index": index, "hint": hint} for index in (0, 0, 1)]
    one, again, other = bot.post("/safe/keys", ask)
    assert one == again != other


# ---- idempotency, table 4.6


def test_same_request_is_answered_alike_until_it_is_submitted(bot: Client) -> None:
    pay = payment(bot, ALICE["user_id"], "1")
    first = pay.request()
    assert pay.request()["views"] == first["views"]
    pay.submit(pay.sign(first["views"]))
    assert pay.request()["state"] == "signed"


def test_other_raw_replaces_a_draft_but_never_a_payment(bot: Client) -> None:
    one = payment(bot, ALICE["user_id"], "1")
    other = payment(bot, ALICE["user_id"], "2")
    other.request_id = one.request_id
    one.request()
    signed = other.sign(other.request()["views"])
    refused(10002, one.submit, one.sign(other.request()["views"]))
    assert other.submit(signed)["amount"] == "2"
    assert one.request()["amount"] == "2"
    refused(20125, one.submit, one.raw)


def test_same_signed_raw_again_is_the_stored_request(world: World, bot: Client) -> None:
    pay = payment(bot, ALICE["user_id"], "1")
    signed = pay.sign(pay.request()["views"])
    first = pay.submit(signed)
    assert pay.submit(signed) == first
    settle(world, at_once=True)
    assert pay.submit(signed)["state"] == "spent"
    assert len(world.state.transactions) == 2  # with the owner's first payment


def test_unknown_and_merely_checked_requests_are_404(bot: Client) -> None:
    pay = payment(bot, ALICE["user_id"], "1")
    refused(404, bot.get, f"/safe/transactions/{name()}")
    pay.request()
    refused(404, bot.get, f"/safe/transactions/{pay.request_id}")


def test_trace_that_another_paid_is_refused(world: World, bot: Client) -> None:
    pay = payment(bot, ALICE["user_id"], "1")
    pay.pay()
    theirs = payment(Client(world, BOB), ALICE["user_id"], "1")
    theirs.request_id = pay.request_id
    refused(20125, theirs.request)


# ---- double spends and strangers


def test_first_submission_wins_and_all_others_are_locked_out(world: World, bot: Client) -> None:
    one, other = payment(bot, ALICE["user_id"], "1"), payment(bot, BOB["user_id"], "2")
    late = other.sign(other.request()["views"])
    one.pay()
    refused(10105, other.submit, late)
    settle(world, at_once=True)
    refused(10105, other.submit, late)
    refused(10105, other.request)


def test_same_raw_under_another_request_id_pays_nobody_twice(bot: Client) -> None:
    one = payment(bot, ALICE["user_id"], "1")
    again = replace(one, request_id=name())
    again.request()
    signed = one.sign(one.request()["views"])
    one.submit(signed)
    refused(10105, again.submit, signed)


def test_entries_of_one_call_succeed_or_fail_together(world: World, bot: Client) -> None:
    good = payment(bot, ALICE["user_id"], "1")
    signed = good.sign(good.request()["views"])
    bad = {"request_id": name(), "raw": signed}
    refused(10105, bot.post, "/safe/transactions", [good.entry(signed), bad])
    refused(404, bot.get, f"/safe/transactions/{good.request_id}")
    assert good.submit(signed)["state"] == "signed"


def test_strangers_see_and_spend_nothing_of_others(world: World, bot: Client) -> None:
    alice = Client(world, ALICE)
    mine = bot.get("/safe/outputs")[0]
    assert alice.get(f"/safe/outputs?members={members_hash([bot.user_id])}&threshold=1") == []
    refused(404, alice.get, f"/safe/outputs/{mine['output_id']}")
    refused(404, alice.get, f"/safe/snapshots/{bot.get('/safe/snapshots')[0]['snapshot_id']}")
    stolen = payment(bot, ALICE["user_id"], "1")
    stolen.client = alice
    refused(10106, stolen.request)


def test_signature_by_another_key_is_refused(world: World, bot: Client) -> None:
    pay = payment(bot, ALICE["user_id"], "1")
    views = pay.request()["views"]
    forged = encode(replace(pay.tx, signatures=(((0, bytes(64)),),))).hex()
    refused(2000003, pay.submit, forged)
    refused(10002, pay.submit, pay.raw)  # no signature at all
    assert pay.submit(pay.sign(views))["state"] == "signed"


# ---- what a transaction must be


def changed(pay: Payment, **parts: Any) -> Payment:
    return replace(pay, tx=replace(pay.tx, **parts))


def test_sums_must_be_equal(bot: Client) -> None:
    pay = payment(bot, ALICE["user_id"], "1")
    more = replace(pay.tx.outputs[0], amount=Decimal("1.00000001"))
    refused(10002, changed(pay, outputs=(more, pay.tx.outputs[1])).request)


def test_keys_must_be_issued_for_this_index(bot: Client) -> None:
    pay = payment(bot, ALICE["user_id"], "1")
    refused(10002, changed(pay, outputs=pay.tx.outputs[::-1]).request)


def test_keys_must_be_issued_at_all(bot: Client) -> None:
    pay = payment(bot, ALICE["user_id"], "1")
    first, second = pay.tx.outputs
    refused(10002, changed(pay, outputs=(replace(first, keys=second.keys), second)).request)
    refused(10002, changed(pay, outputs=(replace(first, mask=second.mask), second)).request)


def test_keys_are_used_once_only(world: World, bot: Client) -> None:
    pay = payment(bot, ALICE["user_id"], "1")
    pay.pay()
    settle(world, at_once=True)
    again = payment(bot, ALICE["user_id"], "1")
    outputs = (pay.tx.outputs[0], again.tx.outputs[1])
    refused(10002, changed(again, outputs=outputs).request)


def test_raw_must_be_canonical_hex_of_version_five(bot: Client) -> None:
    pay = payment(bot, ALICE["user_id"], "1")
    for raw in (
        pay.raw + "00",
        pay.raw[:-2],
        pay.raw.upper(),
        "zz",
        "",
        pay.raw.replace("77770005", "77770004", 1),
    ):
        refused(10002, bot.post, "/safe/transaction/requests", [pay.entry(raw)])


@pytest.mark.parametrize("threshold", [0, 2, 65])
def test_threshold_must_fit_the_keys(bot: Client, threshold: int) -> None:
    pay = payment(bot, ALICE["user_id"], "1")
    outputs = (replace(pay.tx.outputs[0], script=script(threshold)), pay.tx.outputs[1])
    refused(10002, changed(pay, outputs=outputs).request)


def test_memo_of_257_bytes_is_refused(bot: Client) -> None:
    refused(10002, payment(bot, ALICE["user_id"], "1", b"x" * 257).request)
    assert payment(bot, ALICE["user_id"], "1", b"x" * 256).request()["state"] == "unspent"


def test_asset_inputs_and_references_must_be_known(bot: Client) -> None:
    pay = payment(bot, ALICE["user_id"], "1")
    refused(10002, changed(pay, asset=bytes.fromhex(kernel_asset_id(BTC))).request)
    refused(10106, changed(pay, inputs=(Input(bytes(32), 0),)).request)
    refused(10002, changed(pay, inputs=pay.tx.inputs * 2).request)
    refused(10002, changed(pay, references=(bytes(32),)).request)


def test_unregistered_and_unsorted_receivers_get_no_keys(bot: Client) -> None:
    def ask(*receivers: str, index: int = 0) -> Any:
        return bot.post("/safe/keys", [{"receivers": list(receivers), "index": index, "hint": name()}])

    pair = sorted((ALICE["user_id"], BOB["user_id"]))
    refused(10404, ask, name())
    refused(20150, ask, *reversed(pair))
    refused(20150, ask, pair[0], pair[0])
    refused(10002, lambda: ask(pair[0], index=1025))
    assert len(ask(*pair)[0]["keys"]) == 2


# ---- withdrawals out of the network


def withdrawal(bot: Client, fee: str | None, asset_id: str = ETH) -> Payment:
    pay = payment(bot, rules.FEE_USER, "1", asset_id=asset_id)
    have = amount_units(pay.spent[0]["amount"])
    paid = [(rules.FEE_USER, fee)] if fee else []
    rest = amount_text(have - amount_units("1") - amount_units(fee or "0"))
    outputs = [Output(Decimal(1), withdrawal=Destination("0x86fa049857e0209aa7d9e616f7eb3b3b78ecfdb0", ""))]
    payees = [*paid, (bot.user_id, rest)]
    outputs += [
        script_output(bot, who, at, amount, pay.request_id) for at, (who, amount) in enumerate(payees, 1)
    ]
    return changed(pay, outputs=tuple(outputs))


@pytest.mark.parametrize(("fee", "code"), [(None, 20124), ("0.0015", 20135)])
def test_withdrawal_without_enough_fee_is_refused(world: World, bot: Client, fee: str, code: int) -> None:
    genesis.mint(world, world.bot(), ETH, amount_units("5"))
    refused(code, withdrawal(bot, fee).request)


def test_withdrawal_with_its_fee_leaves_the_network(world: World, bot: Client) -> None:
    genesis.mint(world, world.bot(), ETH, amount_units("5"))
    [quote] = bot.get(f"/safe/assets/{ETH}/fees?destination=0x86fa049857e0209aa7d9e616f7eb3b3b78ecfdb0")
    pay = withdrawal(bot, quote["amount"])
    pay.pay()
    settle(world, at_once=True)
    assert total(world, ETH) == {
        "symbol": "ETH",
        "issued": "5",
        "unspent": "4",
        "signed": "0",
        "withdrawn": "1",
    }
    assert bot.get(f"/safe/snapshots?asset={ETH}")[0]["withdrawal"]["receiver"].startswith("0x86fa")


# ---- lists


def test_outputs_are_paged_by_an_inclusive_sequence(world: World, bot: Client) -> None:
    for number in range(7):
        wallet.transfer(world, person.find(world, "bob"), bot.user_id, USDT, f"{number + 1}")
        settle(world, at_once=True)
    seen: dict[str, str] = {}
    offset = 0
    while True:
        page = bot.get(f"/safe/outputs?asset={USDT}&limit=3&order=ASC&offset={offset}")
        seen |= {o["output_id"]: o["amount"] for o in page}
        if len(page) < 3 or page[-1]["sequence"] == offset:
            break
        offset = page[-1]["sequence"]
    assert list(seen.values()) == ["5000", "1", "2", "3", "4", "5", "6", "7"]


def test_snapshots_are_paged_by_an_inclusive_time(world: World, bot: Client) -> None:
    for number in range(4):
        wallet.transfer(world, person.find(world, "bob"), bot.user_id, USDT, f"{number + 1}")
        settle(world, at_once=True)
    every = bot.get("/safe/snapshots?order=ASC&limit=500")
    assert [s["amount"] for s in every] == ["5000", "1", "2", "3", "4"]
    later = bot.get(f"/safe/snapshots?limit=500&order=ASC&offset={every[2]['created_at']}")
    assert later == every[2:]
    assert [s["amount"] for s in bot.get("/safe/snapshots?limit=2")] == ["4", "3"]
    refused(10002, bot.get, f"/safe/snapshots?asset={USDT}&opponent={BOB['user_id']}")


# ---- laws


def test_coins_are_conserved_whatever_people_do() -> None:
    dice, world = random.Random(5), begun()
    before = {asset: row["issued"] for asset, row in books.books(world)["totals"].items()}
    everybody = [*person.everybody(world), world.bot()]
    for _ in range(60):
        payer, payee = dice.choice(everybody[:-1]), dice.choice(everybody)
        amount = amount_text(dice.randrange(1, 10**11))
        mark = world.state.journal.mark()
        try:
            wallet.transfer(world, payer, payee.user_id, dice.choice([BTC, USDT]), amount)
        except ApiError:  # more than they have
            world.state.journal.undo(mark)
        if dice.random() < 0.3:
            settle(world, at_once=True)
        for asset_id, row in books.books(world)["totals"].items():
            held = amount_units(row["unspent"]) + amount_units(row["signed"])
            assert amount_text(held) == row["issued"] == before[asset_id]


def test_every_refusal_leaves_no_trace(world: World, bot: Client) -> None:
    pay = payment(bot, ALICE["user_id"], "1")
    world.state.journal.forget()
    answer = bot.raw("POST", "/safe/transaction/requests", b"[{}]")
    assert isinstance(answer, api.Answer)
    assert answer.status == 202
    assert {table for table, _, _ in world.state.journal.written()} == {"Token"}
    assert pay.request()["state"] == "unspent"
