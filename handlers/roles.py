"""Who is who here: the first owner's code, admins, and the audit of what they did."""

import re
from collections.abc import Sequence

from bot.events import Message
from bot.filters import command, payload
from bot.ports import Json
from bot.replies import Answer, Say
from bot.router import Router
from domain.ids import UserId
from domain.ports.users import User
from domain.roles import Permission, Role
from domain.services.auth import AuthService
from domain.services.ownership import OwnershipService
from domain.services.roles import RoleOrder, RoleService

router = Router("roles")

AFTER = {"grant": Role.ADMIN, "revoke": Role.USER}

_PERSON = re.compile(r"@?([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})", re.ASCII)


def order_in(arguments: Sequence[str]) -> RoleOrder | None:
    """Return what ``grant @ID admin`` asks for, ``None`` when it is something else."""
    if len(arguments) != 3 or arguments[0] not in AFTER or arguments[2] != Role.ADMIN:
        return None
    person = _PERSON.fullmatch(arguments[1])
    return RoleOrder(UserId(person[1]), AFTER[arguments[0]]) if person else None


@router.message(command("/whoami", "我是谁"), permission=Permission.TALK)
async def who_am_i(person: User, auth: AuthService) -> Answer:
    """Tell the sender their id and their role."""
    role = await auth.role_of(person.user_id)
    return Say("whoami", {"user_id": person.user_id, "role": role.value})


@router.message(payload("/claim"), permission=Permission.OWNER_CLAIM, moves_money=True)
async def claim(message: Message, person: User, payload: str, ownership: OwnershipService) -> Answer:
    """Make the sender of the right code the owner."""
    claimed = await ownership.claim(person.user_id, payload, message.key)
    if claimed.accepted:
        return Say("owner_now")
    return Say("owner_code_wrong", {"left": claimed.tries_left})


@router.message(command("/claim", "认领"), permission=Permission.OWNER_CLAIM)
async def how_to_claim() -> Answer:
    """Say where the code is found."""
    return Say("owner_code_how")


@router.message(command("/roles", "角色列表"), permission=Permission.ROLES_READ)
async def list_roles(person: User, roles: RoleService) -> Answer:
    """List owner and admins."""
    people: list[Json] = [
        {"user_id": user_id, "role": role.value}
        for user_id, role in (await roles.list(person.user_id)).items()
    ]
    return Say("roles", {"people": people})


@router.message(command("/role", "角色"), permission=Permission.ROLES_CHANGE, moves_money=True)
async def change_role(message: Message, person: User, arguments: list[str], roles: RoleService) -> Answer:
    """Show what would change; with the token of what was shown, change it."""
    order = order_in(arguments[:3])
    if order is None or len(arguments) > 4:
        return Say("role_how")
    facts: dict[str, Json] = {"user_id": order.user_id, "order": arguments[0]}
    if len(arguments) == 3:
        return Say("role_confirm", {**facts, "token": await roles.prepare(person.user_id, order)})
    token = message.text.split()[-1]  # as it was sent: arguments are folded
    await roles.change(person.user_id, order, token, message.key)
    return Say("role_changed", facts)


@router.message(command("/audit", "审计"), permission=Permission.AUDIT_READ)
async def show_audit(person: User, auth: AuthService) -> Answer:
    """List the latest privileged acts."""
    acts: list[Json] = [
        {
            "at": act.at.isoformat(),
            "who": act.who,
            "action": act.action,
            "params": ", ".join(f"{name}={' '.join(value.split())}" for name, value in act.params.items()),
        }
        for act in await auth.latest(person.user_id)
    ]
    return Say("audit", {"acts": acts})
