"""What is stopped: keepers see why, and stop a person or a coin; the owner lets go on."""

import re

from bot.events import Message
from bot.filters import command
from bot.ports import Json
from bot.replies import Answer, Say
from bot.router import Router
from domain.ids import UserId
from domain.money import Coin
from domain.ports.freezes import NEW
from domain.ports.users import User
from domain.roles import Permission
from domain.services.freezes import FreezeService

router = Router("freezes")

_SCOPE = re.compile(
    r"instance|wallet|new|[0-9a-f-]{36}|transfers:[a-z0-9_.-]{1,64}|user:[0-9a-f-]{36}|coin:[A-Z0-9]{1,16}",
    re.ASCII,
)
_PERSON = re.compile(r"@?([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})", re.ASCII)
_COIN = re.compile(r"[A-Z0-9]{1,16}", re.ASCII)


@router.message(command("/freezes", "冻结列表"), permission=Permission.FREEZES_READ)
async def list_freezes(person: User, freezes: FreezeService) -> Answer:
    """List what is not paid out, and why."""
    told: list[Json] = [
        {"scope": freeze.scope, "reason": freeze.reason, "at": freeze.created_at.isoformat()}
        for freeze in await freezes.list(person.user_id)
    ]
    return Say("freezes", {"freezes": told})


@router.message(command("/freeze", "冻结"), permission=Permission.FREEZES_SET, moves_money=True)
async def freeze(message: Message, person: User, freezes: FreezeService) -> Answer:
    """Say what a freeze would stop and ask; with the token of that question, stop it."""
    typed = message.text.split()[1:]  # as typed: a token's letters are large and small
    if not 1 <= len(typed) <= 2:
        return Say("freeze_how")
    named = _PERSON.fullmatch(typed[0].lower())
    if named is None and not _COIN.fullmatch(typed[0].upper()):
        return Say("freeze_how")
    coin = NEW if typed[0].lower() == NEW else typed[0].upper()
    about = UserId(named[1]) if named else Coin(coin)
    if len(typed) == 2:
        await freezes.freeze(person.user_id, about, typed[1], message.key, person=bool(named))
        return None
    scope, token = await freezes.ask_to_freeze(person.user_id, about, person=bool(named))
    kind = "freeze_new_confirm" if scope == NEW else "freeze_confirm"
    return Say(kind, {"scope": scope, "about": about, "token": token})


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
