"""Stopped payouts: the owner sees why, and lets them go on."""

import re

from bot.events import Message
from bot.filters import command
from bot.ports import Json
from bot.replies import Answer, Say
from bot.router import Router
from domain.ports.users import User
from domain.roles import Permission
from domain.services.freezes import FreezeService

router = Router("freezes")

_SCOPE = re.compile(r"instance|wallet|[0-9a-f-]{36}|transfers:[a-z0-9_.-]{1,64}", re.ASCII)


@router.message(command("/freezes", "冻结"), permission=Permission.FREEZES_READ)
async def list_freezes(person: User, freezes: FreezeService) -> Answer:
    """List what is not paid out, and why."""
    told: list[Json] = [
        {"scope": freeze.scope, "reason": freeze.reason, "at": freeze.created_at.isoformat()}
        for freeze in await freezes.list(person.user_id)
    ]
    return Say("freezes", {"freezes": told})


@router.message(command("/unfreeze", "解冻"), permission=Permission.FREEZES_LIFT, moves_money=True)
async def unfreeze(message: Message, person: User, freezes: FreezeService) -> Answer:
    """Show why payouts are stopped and ask; with the token of that question, let them go on."""
    typed = message.text.split()[1:]  # as typed: a token's letters are large and small
    if not 1 <= len(typed) <= 2 or not _SCOPE.fullmatch(typed[0]):
        return Say("unfreeze_needs_scope")
    anyway = typed[1:] == ["anyway"]
    if len(typed) == 2 and not anyway:
        await freezes.lift(person.user_id, typed[0], typed[1], message.key)
        return None
    found, token = await freezes.ask(person.user_id, typed[0], anyway=anyway)
    return Say("unfreeze_confirm", {"scope": found.scope, "reason": found.reason, "token": token})
