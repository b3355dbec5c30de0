"""Halted exchange accounts: the owner sees why, and lets them trade again."""

import re

from bot.events import Message
from bot.filters import command
from bot.ports import Json
from bot.replies import Answer, Say
from bot.router import Router
from domain.ids import VenueAccountName
from domain.ports.users import User
from domain.roles import Permission
from domain.services.halts import HaltService

router = Router("halts")

_ACCOUNT = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)


@router.message(command("/halts", "停用"), permission=Permission.HALTS_READ)
async def list_halts(person: User, halts: HaltService) -> Answer:
    """List what is halted, and why."""
    found = await halts.list(person.user_id)
    told: list[Json] = [
        {"account": halt.account, "reason": halt.reason, "at": halt.halted_at.isoformat()} for halt in found
    ]
    return Say("halts", {"halts": told})


@router.message(command("/unhalt", "恢复"), permission=Permission.HALTS_LIFT, moves_money=True)
async def unhalt(message: Message, person: User, halts: HaltService) -> Answer:
    """Show why an account is halted and ask; with the token of that question, let it trade again."""
    typed = message.text.split()[1:]  # as typed: a token's letters are large and small
    if not 1 <= len(typed) <= 2 or not _ACCOUNT.fullmatch(typed[0]):
        return Say("unhalt_needs_account")
    account, anyway = VenueAccountName(typed[0]), typed[1:] == ["anyway"]
    if len(typed) == 2 and not anyway:
        await halts.lift(person.user_id, account, typed[1], message.key)
        return None
    found, token = await halts.ask(person.user_id, account, anyway=anyway)
    return Say(
        "unhalt_confirm",
        {"account": account, "reasons": [halt.reason for halt in found], "token": token},
    )
