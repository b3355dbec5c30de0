"""The treasury: where the instance's own money is on its way, and what only people decide about it."""

import re

from bot.events import Message
from bot.filters import command
from bot.ports import Json
from bot.replies import Answer, Say
from bot.router import Router
from domain.ids import TransferId
from domain.money import plain
from domain.ports.users import User
from domain.roles import Permission
from domain.services.addresses import AddressService
from domain.services.transfer_decisions import TransferDecisions
from domain.treasury.addresses import AddressEntry
from domain.treasury.model import Decision, TreasuryTransfer

router = Router("transfers")

_ID = re.compile(r"[0-9a-z-]{1,36}", re.ASCII)
_DECISIONS = {decision.value for decision in Decision if decision is not Decision.DONE_BY_HAND}


@router.message(command("/transfers", "调拨"), permission=Permission.TRANSFERS_READ)
async def list_transfers(person: User, moves: TransferDecisions) -> Answer:
    """List what is on its way between the wallet and exchanges, and what ended last."""
    return Say("transfers", {"transfers": [_transfer(one) for one in await moves.list(person.user_id)]})


@router.message(command("/move", "处置"), permission=Permission.TRANSFERS_DECIDE, moves_money=True)
async def move(message: Message, person: User, moves: TransferDecisions) -> Answer:
    """Show what a decision about a transfer means and ask; with the token of that question, make it."""
    typed = message.text.split()[1:]  # as typed: a token's letters are large and small
    if not 2 <= len(typed) <= 3 or typed[0] not in _DECISIONS or not _ID.fullmatch(typed[1]):
        return Say("move_how")
    return await _decide(Decision(typed[0]), typed[1:], message, person, moves)


@router.message(command("/moved", "已提取"), permission=Permission.TRANSFERS_CONFIRM, moves_money=True)
async def moved(message: Message, person: User, moves: TransferDecisions) -> Answer:
    """Ask whether somebody has withdrawn what they were asked to; with that question's token, note it."""
    typed = message.text.split()[1:]
    if not 1 <= len(typed) <= 2 or not _ID.fullmatch(typed[0]):
        return Say("move_how")
    return await _decide(Decision.DONE_BY_HAND, typed, message, person, moves)


async def _decide(
    decision: Decision, typed: list[str], message: Message, person: User, moves: TransferDecisions
) -> Answer:
    transfer_id = TransferId(typed[0])
    if len(typed) == 2:
        decided = await moves.decide(person.user_id, transfer_id, decision, typed[1], message.key)
        return Say("move_decided", _transfer(decided))
    found, token = await moves.ask(person.user_id, transfer_id, decision)
    return Say("move_confirm", {**_transfer(found), "decision": decision, "token": token})


@router.message(command("/addresses", "地址簿"), permission=Permission.ADDRESSES_READ)
async def list_addresses(person: User, addresses: AddressService) -> Answer:
    """List where the instance's own money may go, and what waits for the owner's word."""
    found = await addresses.list(person.user_id)
    return Say("addresses", {"addresses": [{**_entry(one), "state": one.state} for one in found]})


@router.message(command("/approve", "批准"), permission=Permission.ADDRESSES_APPROVE, moves_money=True)
async def approve(message: Message, person: User, addresses: AddressService) -> Answer:
    """Show an address in full and ask; with the token of that question, let money go there."""
    typed = message.text.split()[1:]
    if not 1 <= len(typed) <= 2 or not _ID.fullmatch(typed[0]):
        return Say("approve_how")
    if len(typed) == 2:
        approved = await addresses.approve(person.user_id, typed[0], typed[1], message.key)
        return Say("address_approved", _entry(approved))
    found, token = await addresses.ask(person.user_id, typed[0])
    return Say("approve_confirm", {**_entry(found), "token": token})


def _transfer(one: TreasuryTransfer) -> dict[str, Json]:
    return {
        "id": one.id,
        "direction": one.direction,
        "account": one.account,
        "coin": one.token.coin,
        "network": one.token.network,
        "amount": plain(one.amount),
        "missing": plain(one.short),
        "state": one.state,
        "reason": one.reason,
        "at": one.created_at.isoformat(),
        "open_to": [decision.value for decision in sorted(one.open_to)],
    }


def _entry(one: AddressEntry) -> dict[str, Json]:
    return {**one.params}
