"""Reconciliation by chat: how every place stands beside our books, and the word for a look now."""

import re

from bot.events import Message
from bot.filters import command
from bot.ports import Json
from bot.replies import Answer, Say
from bot.router import Router
from domain.money import plain
from domain.ports.reconciliation import Standing
from domain.ports.users import User
from domain.reconciliation.model import Line
from domain.roles import Permission
from domain.services.differences import DifferenceService
from domain.services.reconciling import ReconcilingService

router = Router("reconcile")

NOW = "now"

_PLACE = re.compile(r"wallet|venue:[A-Za-z0-9._-]{1,64}", re.ASCII)
_SUBJECT = re.compile(r"[A-Z0-9]{1,20}|[0-9a-f-]{36}", re.ASCII)


@router.message(command("/reconcile", "核对"), permission=Permission.RECONCILE_READ)
async def reconcile(message: Message, person: User, reconciling: ReconcilingService) -> Answer:
    """Show how every place stands; with ``now``, have the workers look again."""
    if message.text.lower().split()[1:] == [NOW]:
        await reconciling.ask(person.user_id)
        return Say("reconcile_asked")
    standings, now = await reconciling.standings(person.user_id)
    told: list[Json] = []
    for standing in standings:
        fine_s = None if standing.fine_at is None else max(0, int((now - standing.fine_at).total_seconds()))
        age_s = max(0, int((now - standing.latest.at).total_seconds()))
        told.append({**_found(standing), "age_s": age_s, "fine_s": fine_s})
    return Say("reconcile_state", {"standings": told})


@router.message(command("/settle", "平账"), permission=Permission.RECONCILE_SETTLE, moves_money=True)
async def settle(message: Message, person: User, differences: DifferenceService) -> Answer:
    """Show what booking a difference does and ask; with the token of that question, book it."""
    typed = message.text.split()[1:]  # as typed: a token's letters are large and small
    if not 2 <= len(typed) <= 3 or not _PLACE.fullmatch(typed[0]) or not _SUBJECT.fullmatch(typed[1]):
        return Say("settle_how")
    place, subject = typed[0], typed[1]
    if len(typed) == 3:
        await differences.settle(person.user_id, place, subject, typed[2], message.key)
        return None
    found, token = await differences.ask(person.user_id, place, subject)
    line = found.line
    told: dict[str, Json] = {**_told(line), "amount": plain(abs(line.unexplained)), "place": place}
    told |= {"subject": line.subject, "kind": "short" if line.short else "surplus", "token": token}
    return Say("settle_confirm", told)


def _found(standing: Standing) -> dict[str, Json]:
    latest = standing.latest
    lines: list[Json] = [_told(line) for line in latest.lines if line.unexplained or line.difference]
    strays: list[Json] = [{"order": s.client_order_id, "reason": str(s.kind)} for s in latest.strays]
    return {"place": latest.scope, "outcome": str(latest.outcome), "lines": lines, "strays": strays}


def _told(line: Line) -> dict[str, Json]:
    explained: list[Json] = [each.id for each in line.explained]
    return {
        "coin": line.coin,
        "outside": plain(line.outside),
        "ledger": plain(line.ledger),
        "unexplained": plain(line.unexplained),
        "explained": explained,
    }
