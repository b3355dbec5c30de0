"""Withdrawals to chains and deposits from them, by the protocol and without a socket."""

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

import pytest

from adapters.mixin.codec.ids import kernel_asset_id, members_hash, unique_id
from adapters.mixin.codec.transaction import Destination, Input, Output, Transaction, transaction_hash
from sandbox.mixin.core import crossings, genesis, rules
from sandbox.mixin.core.assets import amount_text, amount_units
from sandbox.mixin.core.settle import settle
from sandbox.mixin.core.world import World
from sandbox.rails.crossing import BROADCAST, CREDITED, STRAY, Crossing
from sandbox.rails.networks import ETHEREUM, RIPPLE
from tests.sandbox.mixin.test_money import Payment, refused, script_output
from tests.sandbox.mixin.worlds import BOT, ETH, USDT, Client, Time, asset, begun, name

XRP = RIPPLE.chain_id
OUTSIDE = ETHEREUM.address_of("a venue")


@pytest.fixture
def world() -> World:
    world = begun()
    genesis.add_asset(world, asset(XRP, "XRP", XRP, "2", withdrawal_memo_possibility="positive"))
    for asset_id in (ETH, XRP):
        genesis.mint(world, world.bot(), asset_id, amount_units("5"))
    return world


@pytest.fixture
def bot(world: World) -> Client:
    return Client(world, BOT)


def time_of(world: World) -> Time:
    assert isinstance(world.clock, Time)
    return world.clock


def sends(bot: Client, to: Destination, amount: str = "1", asset_id: str = ETH, fee: str = "") -> Payment:
    """Return a withdrawal with its change, and its fee where that is of the same coin."""
    [spent] = bot.get(f"/safe/outputs?asset={asset_id}&state=unspent")
    request_id = name()
    rest = amount_units(spent["amount"]) - amount_units(amount) - amount_units(fee or "0")
    payees = [*([(rules.FEE_USER, fee)] if fee else []), (bot.user_id, amount_text(rest))]
    outputs = [Output(Decimal(amount), withdrawal=to)]
    outputs += [script_output(bot, who, at, some, request_id) for at, (who, some) in enumerate(payees, 1)]
    return Payment(bot, request_id, made_of(asset_id, spent, outputs), [spent])


def made_of(asset_id: str, spent: dict[str, Any], outputs: list[Output], *references: bytes) -> Transaction:
    spends = (Input(bytes.fromhex(spent["transaction_hash"]), spent["output_index"]),)
    kernel = bytes.fromhex(kernel_asset_id(asset_id))
    return Transaction(kernel, spends, tuple(outputs), b"t", tuple(references))


@dataclass
class Pair:
    """A withdrawal of USDT, and the transaction that pays its fee in ETH."""

    bot: Client
    main: Payment
    fee: Payment

    def entries(self, raws: list[str]) -> list[dict[str, str]]:
        return [each.entry(raw) for each, raw in zip((self.main, self.fee), raws, strict=True)]

    def signed(self) -> list[dict[str, str]]:
        told = self.bot.post(
            "/safe/transaction/requests", self.entries([each.raw for each in (self.main, self.fee)])
        )
        pairs = zip((self.main, self.fee), told, strict=True)
        return self.entries([each.sign(row["views"]) for each, row in pairs])


def pair(bot: Client, amount: str = "10", fee: str = "0.0021") -> Pair:
    main = sends(bot, Destination(OUTSIDE, ""), amount, USDT)
    [spent] = bot.get(f"/safe/outputs?asset={ETH}&state=unspent")
    request_id = unique_id(main.request_id, "FEE")
    rest = amount_text(amount_units(spent["amount"]) - amount_units(fee))
    payees = [(rules.FEE_USER, fee), (bot.user_id, rest)]
    outputs = [script_output(bot, who, at, some, request_id) for at, (who, some) in enumerate(payees)]
    tx = made_of(ETH, spent, outputs, bytes.fromhex(transaction_hash(main.tx)))
    return Pair(bot, main, Payment(bot, request_id, tx, [spent]))


def finish(world: World) -> list[Any]:
    """Let the network settle and the chain broadcast; return what the other side has yet to see."""
    settle(world, at_once=True)
    time_of(world).pass_by(1)
    return list(crossings.cross(world))


def arrives(bot: Client, amount: str = "2", **changes: Any) -> Crossing:
    """Let a chain show a payment of Ether to the bot."""
    [entry] = bot.post(
        "/safe/deposit/entries",
        {"members": [bot.user_id], "threshold": 1, "chain_id": changes.pop("on", ETH)},
    )
    facts = {
        "chain_id": entry["chain_id"],
        "asset_key": "",
        "sender": OUTSIDE,
        "address": entry["destination"],
    }
    crossing = Crossing(
        **{"hash": f"0x{name()}", "units": amount_units(amount), "tag": entry["tag"], **facts, **changes}
    )
    crossings.see(bot.world, crossing)
    return crossing


def deposits(bot: Client, asset_id: str = ETH) -> list[tuple[str, str]]:
    """Return amount and chain hash of the outputs that came from a chain."""
    rows = bot.get(f"/safe/snapshots?asset={asset_id}&order=ASC")
    return [(row["amount"], row["deposit"]["deposit_hash"]) for row in rows if "deposit" in row]


def test_a_withdrawal_shows_its_chain_hash_when_it_is_broadcast(world: World, bot: Client) -> None:
    pay = sends(bot, Destination(OUTSIDE, ""), fee="0.0016")
    sent = pay.pay()
    settle(world, at_once=True)
    assert crossings.cross(world) == []  # promised, and not due
    assert bot.get(f"/safe/transactions/{pay.request_id}")["receivers"][0]["withdrawal_hash"] == ""
    [gone] = finish(world)
    assert (gone.state, gone.address, gone.units) == (BROADCAST, OUTSIDE, amount_units("1"))
    receiver, fee = bot.get(f"/safe/transactions/{sent['transaction_hash']}")["receivers"]
    assert (receiver["destination"], receiver["withdrawal_hash"]) == (OUTSIDE, gone.hash)
    assert fee["withdrawal_hash"] == ""
    assert bot.get(f"/safe/snapshots?asset={ETH}")[0]["withdrawal"]["withdrawal_hash"] == gone.hash
    crossings.delivered(world, gone)
    assert crossings.cross(world) == []


@pytest.mark.parametrize(
    ("asset_id", "to", "amount", "code"),
    [
        (ETH, Destination(OUTSIDE[:-1], ""), "1", 30102),
        (ETH, Destination(RIPPLE.address_of("x"), ""), "1", 30102),
        (ETH, Destination(OUTSIDE, "7"), "1", 20131),
        (XRP, Destination(RIPPLE.address_of("x"), ""), "1", 20131),
        (ETH, Destination(OUTSIDE, ""), "0.00009999", 20127),
    ],
)
def test_a_withdrawal_that_would_not_arrive_is_refused(
    bot: Client, asset_id: str, to: Destination, amount: str, code: int
) -> None:
    refused(code, sends(bot, to, amount, asset_id, "0.0016").request)


def test_a_suspended_chain_takes_nothing(world: World, bot: Client) -> None:
    row = world.state.assets.get(ETH)
    world.state.assets.change(row, details={**row.details, "suspended": 1})
    refused(20137, sends(bot, Destination(OUTSIDE, ""), fee="0.0016").request)


def test_an_address_is_checked_before_anything_is_built(bot: Client) -> None:
    ask = "/external/addresses/check?asset={}&destination={}&tag={}"
    told = bot.get(ask.format(XRP, RIPPLE.address_of("x"), "12"))
    assert (told["destination"], told["tag"]) == (RIPPLE.address_of("x"), "12")
    refused(20131, bot.get, ask.format(XRP, RIPPLE.address_of("x"), ""))
    refused(30102, bot.get, ask.format(ETH, RIPPLE.address_of("x"), ""))


def test_a_fee_in_the_chains_coin_travels_in_a_transaction_that_names_the_main_one(
    world: World, bot: Client
) -> None:
    both = pair(bot)
    refused(20124, both.main.request)
    told = bot.post("/safe/transactions", both.signed())
    assert [row["state"] for row in told] == ["signed", "signed"]
    assert [gone.asset_key for gone in finish(world)] == [USDT]


def test_a_fee_that_rose_is_too_small_before_anything_is_taken(world: World, bot: Client) -> None:
    both = pair(bot)
    signed = both.signed()
    world.state.assets.change(world.state.assets.get(USDT), fee_amount="0.003")
    refused(20135, bot.post, "/safe/transactions", signed)
    refused(404, bot.get, f"/safe/transactions/{both.main.request_id}")
    refused(404, bot.get, f"/safe/transactions/{both.fee.request_id}")


def test_half_a_pair_is_completed_by_the_same_bytes(world: World, bot: Client) -> None:
    both = pair(bot)
    signed, world.halve_pairs = both.signed(), 1
    assert len(bot.post("/safe/transactions", signed)) == 1
    refused(404, bot.get, f"/safe/transactions/{both.fee.request_id}")
    assert [row["state"] for row in bot.post("/safe/transactions", signed)] == ["signed", "signed"]
    assert len(finish(world)) == 1


def test_a_deposit_is_pending_until_its_chain_confirmed_it(world: World, bot: Client) -> None:
    crossing = arrives(bot)
    time_of(world).pass_by(1)
    crossings.cross(world)
    [shown] = bot.get(f"/safe/deposits?asset={ETH}&destination={crossing.address}")
    assert (shown["transaction_hash"], shown["amount"]) == (crossing.hash, "2")
    assert (shown["confirmations"], shown["threshold"]) == (4, 16)
    assert deposits(bot) == []
    time_of(world).pass_by(3)
    crossings.cross(world)
    assert bot.get(f"/safe/deposits?asset={ETH}") == []
    assert deposits(bot) == [("2", crossing.hash)]
    output = bot.get(f"/safe/outputs?asset={ETH}&order=DESC")[0]
    assert (output["amount"], output["senders"], output["state"]) == ("2", [], "unspent")
    told = bot.get(f"/safe/outputs/{output['output_id']}/deposit")
    assert told == {"chain": ETH, "deposit_hash": crossing.hash, "deposit_index": 0}


def test_what_came_from_a_chain_can_be_spent(world: World, bot: Client) -> None:
    crossing = arrives(bot, "8", on=XRP)
    time_of(world).pass_by(9)
    crossings.cross(world)
    [_, came] = bot.get(f"/safe/outputs?asset={XRP}&state=unspent")
    request_id, to = name(), RIPPLE.address_of("x")
    change = script_output(bot, bot.user_id, 1, "5", request_id)
    tx = made_of(XRP, came, [Output(Decimal(3), withdrawal=Destination(to, "5")), change])
    Payment(bot, request_id, tx, [came]).pay()
    assert crossing.tag == RIPPLE.tag_of(f"mixin {members_hash([bot.user_id])}")
    assert [(gone.address, gone.tag) for gone in finish(world)] == [(to, "5")]


def test_a_payment_told_twice_is_one(world: World, bot: Client) -> None:
    crossing = arrives(bot)
    for _ in range(2):
        time_of(world).pass_by(9)
        crossings.cross(world)
        crossings.see(world, crossing)
    assert deposits(bot) == [("2", crossing.hash)]


@pytest.mark.parametrize(
    "changes",
    [{"address": OUTSIDE}, {"asset_key": "0xlookalike"}, {"tag": "1"}, {"units": 9_999}],
    ids=["nobody's address", "unknown coin", "unknown tag", "less than dust"],
)
def test_what_belongs_to_nobody_is_kept_in_view_and_credited_to_nobody(
    world: World, bot: Client, changes: dict[str, Any]
) -> None:
    crossing = arrives(bot, on=XRP, **changes)
    time_of(world).pass_by(9)
    crossings.cross(world)
    assert deposits(bot, XRP) == []
    assert world.state.arrivals.get(crossing.hash).state == STRAY


def test_a_withdrawal_to_a_wallet_of_this_network_comes_back_in(world: World, bot: Client) -> None:
    [entry] = bot.post("/safe/deposit/entries", {"chain_id": ETH})
    sends(bot, Destination(entry["destination"], ""), fee="0.0016").pay()
    assert finish(world) == []
    time_of(world).pass_by(9)
    crossings.cross(world)
    [arrival] = world.state.arrivals
    assert arrival.state == CREDITED
    assert deposits(bot) == [("1", arrival.hash)]


def test_mishaps_hold_shorten_and_lose_what_is_sent(world: World, bot: Client) -> None:
    world.mishaps.change({"hold": True})
    sends(bot, Destination(OUTSIDE, ""), fee="0.0016").pay()
    assert finish(world) == []
    world.mishaps.change({"short_units": 5})
    [gone] = finish(world)
    assert gone.units == amount_units("1") - 5
    world.mishaps.change({"vanish": True})
    both = pair(bot)
    bot.post("/safe/transactions", both.signed())
    assert finish(world) == [gone]
    receiver = bot.get(f"/safe/transactions/{both.main.request_id}")["receivers"][0]
    assert receiver["withdrawal_hash"].startswith("0x")


def test_a_tag_may_get_lost_or_change_on_the_way(world: World, bot: Client) -> None:
    to = Destination(RIPPLE.address_of("x"), "12")
    for mishap, tag in (("drop_tag", ""), ("change_tag", "120")):
        world.mishaps.change({mishap: True})
        sends(bot, to, "1", XRP).pay()
        assert finish(world)[-1].tag == tag


def test_an_unknown_mishap_is_refused_and_changes_nothing(world: World) -> None:
    world.mishaps.change({"hold": True})
    with pytest.raises(ValueError, match="no mishap"):
        world.mishaps.change({"hold": "yes"})
    assert replace(world.mishaps).hold is True
