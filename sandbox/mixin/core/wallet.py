"""A person's wallet as a client keeps it: balances, the pay sheet, and real signed transactions."""

import uuid
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from adapters.mixin.codec import keys
from adapters.mixin.codec.links import PayLink
from adapters.mixin.codec.signing import sign_transaction
from adapters.mixin.codec.transaction import Input, Output, Transaction, encode, script
from sandbox.mixin.core import assets, ghosts, money, person, rows
from sandbox.mixin.core.calls import uuid_text
from sandbox.mixin.core.decode import read
from sandbox.mixin.core.errors import ApiError, invalid
from sandbox.mixin.core.settle import settle
from sandbox.mixin.core.world import World

MOST_INPUTS = 256
LONGEST_MEMO = 200


def balances(world: World, owner: rows.User) -> list[dict[str, str]]:
    """Return what a person can spend, and what is on its way back as change, per asset."""
    free: dict[str, int] = dict.fromkeys((asset.asset_id for asset in world.state.assets), 0)
    for output in world.state.outputs.by("spendable", owner.user_id):
        free[output.asset_id] += output.units
    waiting = _change_on_its_way(world, owner)
    return [
        person.asset_card(world, world.state.assets.get(asset_id))
        | {"amount": assets.amount_text(units), "pending": assets.amount_text(waiting.get(asset_id, 0))}
        for asset_id, units in free.items()
    ]


def _change_on_its_way(world: World, owner: rows.User) -> dict[str, int]:
    waiting: dict[str, int] = {}
    for transaction in world.state.transactions.by("state", rows.SIGNED):
        for out in read(transaction.raw).outputs:
            ghost = world.state.ghosts.find(out.mask)
            if ghost and ghost.receivers == (owner.user_id,):
                waiting[transaction.asset_id] = waiting.get(transaction.asset_id, 0) + out.units
    return waiting


def sheet(world: World, payer: rows.User, link: str) -> dict[str, Any]:
    """Return what a client shows before paying a link."""
    asked = _read(link)
    recipient = world.state.users.find(asked.destination)
    if recipient is None:
        raise ApiError(10404, "The receiver has not registered to Safe.")
    asset = assets.get_asset(world, asked.asset) if asked.asset else None
    free = _free(world, payer, asset.asset_id) if asset else 0
    return {
        "recipient": {
            "user_id": recipient.user_id,
            "name": recipient.name,
            "identity_number": recipient.identity_number,
            "is_bot": recipient.is_bot,
        },
        "asset": person.asset_card(world, asset) if asset else None,
        "amount": asked.amount,
        "memo": asked.memo,
        "trace": asked.trace,
        "paid": bool(asked.trace) and asked.trace in world.state.transactions,
        "balance": assets.amount_text(free),
        "enough": not asked.amount or free >= assets.amount_units(asked.amount),
    }


def _read(link: str) -> PayLink:
    try:
        return PayLink.parse(link)
    except ValueError as e:
        raise invalid("link", str(e)) from e


def _free(world: World, owner: rows.User, asset_id: str) -> int:
    return sum(o.units for o in world.state.outputs.by("spendable", owner.user_id) if o.asset_id == asset_id)


def pay(world: World, payer: rows.User, link: str, chosen: dict[str, Any]) -> dict[str, str]:
    """Pay a link; what it leaves open is taken from ``chosen``. A used trace is never paid again."""
    asked = _read(link)
    asset_id = asked.asset or str(chosen.get("asset_id") or "")
    amount = asked.amount or str(chosen.get("amount") or "")
    memo = asked.memo or str(chosen.get("memo") or "")
    return transfer(world, payer, asked.destination, asset_id, amount, memo, asked.trace)


def transfer(
    world: World,
    payer: rows.User,
    recipient: str,
    asset_id: str,
    amount: str,
    memo: str = "",
    trace: str = "",
) -> dict[str, str]:
    """Build, check, sign and submit a transaction as a client does; the trace is its request id."""
    request_id = uuid_text(trace, "trace") if trace else str(uuid.UUID(bytes=world.entropy(16), version=4))
    known = world.state.transactions.find(request_id)
    if known:
        return {
            "status": "already_paid",
            "request_id": request_id,
            "transaction_hash": known.transaction_hash,
        }
    order = _Order(world, payer, recipient, assets.get_asset(world, asset_id), _positive(amount), request_id)
    inputs = order.inputs()
    tx = order.transaction(inputs, memo.encode())
    [draft] = money.check_drafts(world, payer, [(request_id, encode(tx).hex())])
    views = [bytes.fromhex(view) for view in draft["views"]]
    owned = [[bytes.fromhex(key) for key in output.keys] for output in inputs]
    signed = sign_transaction(tx, views, bytes.fromhex(payer.spend_seed), owned)
    [answer] = money.submit(world, payer, [(request_id, encode(signed).hex())])
    return {"status": "paid", "request_id": request_id, "transaction_hash": answer["transaction_hash"]}


def _positive(amount: str) -> int:
    units = assets.amount_units(amount)
    if units <= 0:
        raise ApiError(20120, "The transfer amount is too small.")
    return units


@dataclass(frozen=True, slots=True)
class _Order:
    world: World
    payer: rows.User
    recipient: str
    asset: rows.Asset
    units: int
    request_id: str

    def inputs(self) -> list[rows.Output]:
        """Choose outputs, largest first; when coins are still on their way, let the network finish."""
        if _free(self.world, self.payer, self.asset.asset_id) < self.units:
            settle(self.world, at_once=True)
        chosen: list[rows.Output] = []
        mine = self.world.state.outputs.by("spendable", self.payer.user_id)
        for output in sorted(mine, key=lambda o: o.units, reverse=True):
            if sum(o.units for o in chosen) >= self.units or len(chosen) == MOST_INPUTS:
                break
            if output.asset_id == self.asset.asset_id and output.threshold == 1:
                chosen.append(output)
        if sum(o.units for o in chosen) < self.units:
            raise ApiError(20117, "Insufficient balance.")
        return chosen

    def transaction(self, inputs: list[rows.Output], memo: bytes) -> Transaction:
        """Return the unsigned transaction that pays, with the change coming back."""
        if len(memo) > LONGEST_MEMO:
            raise invalid("memo", f"at most {LONGEST_MEMO} bytes")
        change = sum(output.units for output in inputs) - self.units
        payees = [(self.recipient, self.units), *([(self.payer.user_id, change)] if change else [])]
        return Transaction(
            asset=bytes.fromhex(self.asset.kernel_asset_id),
            inputs=tuple(Input(bytes.fromhex(o.transaction_hash), o.output_index) for o in inputs),
            outputs=tuple(self._output(index, *payee) for index, payee in enumerate(payees)),
            extra=memo,
        )

    def _output(self, index: int, user_id: str, units: int) -> Output:
        ghost = ghosts.issue(self.world, (user_id,), index, keys.ghost_hint(self.request_id, index))
        one_time = tuple(bytes.fromhex(key) for key in ghost.keys)
        return Output(Decimal(assets.amount_text(units)), one_time, bytes.fromhex(ghost.mask), script(1))
