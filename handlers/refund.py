"""What was kept aside: its sender sees it and has it back, the owner sees all of it and sends it back."""

import re

from bot.events import Message
from bot.filters import command
from bot.ports import Json
from bot.replies import Answer, Say
from bot.router import Router
from domain.ids import AssetId
from domain.money import ZERO, plain
from domain.ports.kept import KeptGroup
from domain.ports.users import User
from domain.roles import Permission
from domain.services.refunds import RefundService

router = Router("refund")

_ASSET = re.compile(r"[0-9a-f-]{36}", re.ASCII)


@router.message(command("/refund", "退款"), permission=Permission.MONEY_OWN, moves_money=True)
async def refund(message: Message, person: User, refunds: RefundService) -> Answer:
    """List what is kept; with an asset ask, and with the token of that question send it back."""
    typed = message.text.split()[1:]  # as typed: a token's letters are large and small
    if not typed:
        return Say("refunds", {"kept": [_told(g, refunds) for g in await refunds.list(person.user_id)]})
    if len(typed) > 2 or not _ASSET.fullmatch(typed[0].lower()):
        return Say("refund_needs_asset")
    asset_id = AssetId(typed[0].lower())
    if len(typed) == 2:
        payout = await refunds.request(person.user_id, asset_id, typed[1])
        return Say("refund_requested", {"coin": refunds.name(asset_id), "amount": plain(payout.amount)})
    group, token = await refunds.ask(person.user_id, asset_id)
    return Say("refund_confirm", {**_told(group, refunds), "token": token})


@router.message(command("/suspense", "暂存"), permission=Permission.SUSPENSE_READ)
async def list_suspense(person: User, refunds: RefundService) -> Answer:
    """List what is kept aside of anybody."""
    kept: list[Json] = [
        {**_told(group, refunds), "sender": group.sender or ""}
        for group in await refunds.suspense(person.user_id)
    ]
    return Say("suspense", {"kept": kept})


@router.message(command("/sendback", "退还"), permission=Permission.SUSPENSE_RETURN, moves_money=True)
async def send_back(message: Message, person: User, refunds: RefundService) -> Answer:
    """Show who would get back what of an asset and ask; with the token of that question, send it to each."""
    typed = message.text.split()[1:]  # as typed: a token's letters are large and small
    if not 1 <= len(typed) <= 2 or not _ASSET.fullmatch(typed[0].lower()):
        return Say("sendback_needs_asset")
    asset_id, token = AssetId(typed[0].lower()), ""
    if len(typed) == 2:
        groups = await refunds.return_all(person.user_id, asset_id, typed[1], message.key)
    else:
        groups, token = await refunds.ask_for_all(person.user_id, asset_id)
    each: list[Json] = [{**_told(group, refunds), "sender": group.sender or ""} for group in groups]
    told: dict[str, Json] = {
        "asset_id": asset_id,
        "coin": refunds.name(asset_id),
        "amount": plain(sum((group.amount for group in groups), ZERO)),
        "kept": each,
    }
    return Say("sendback_confirm", {**told, "token": token}) if token else Say("sendback_requested", told)


def _told(group: KeptGroup, refunds: RefundService) -> dict[str, Json]:
    return {
        "asset_id": group.asset_id,
        "coin": refunds.name(group.asset_id),
        "amount": plain(group.amount),
        "count": str(group.count),
        "reason": group.reason,
    }
