"""What is charged, and how the owner changes it."""

import re
from datetime import datetime

from bot.events import Message
from bot.filters import command
from bot.ports import Json
from bot.replies import Answer, Say
from bot.router import Router
from domain.fees import FeeKind, Schedule
from domain.money import plain
from domain.ports.users import User
from domain.roles import Permission
from domain.services.fees import FeeService

router = Router("fees")

KINDS = {
    **{str(kind): kind for kind in FeeKind},
    "充值": FeeKind.DEPOSIT,
    "提现": FeeKind.WITHDRAWAL,
    "交易": FeeKind.TRADING,
}
_BPS = re.compile(r"[0-9]{1,4}", re.ASCII)


def rates_of(schedule: Schedule) -> dict[str, Json]:
    """Return a version as facts to say."""
    rates: dict[str, Json] = {f"{kind}_bps": schedule.bps(kind) for kind in FeeKind}
    return {**rates, "effective_at": schedule.effective_at.isoformat()}


@router.message(command("/fees", "费率", "手续费"), permission=Permission.MONEY_OWN)
async def show_fees(person: User, fees: FeeService) -> Answer:
    """Tell what is charged now, what will be, and what the sender has paid."""
    table = await fees.table(person.user_id)
    coming: list[Json] = [rates_of(schedule) for schedule in table.coming]
    paid: list[Json] = [
        {"fee": str(one.kind), "coin": one.coin, "amount": plain(one.amount)} for one in table.paid
    ]
    return Say("fees", {**rates_of(table.now), "coming": coming, "paid": paid})


@router.message(command("/setfees", "设置费率"), permission=Permission.FEES_SET, moves_money=True)
async def set_fees(message: Message, person: User, fees: FeeService) -> Answer:
    """Show what a rate would become and when; with the token of that question, announce it."""
    typed = message.text.split()[1:]  # as typed: a token's letters are large and small
    kind = KINDS.get(typed[0].lower()) if typed else None
    if kind is None or len(typed) not in (2, 4):
        table = await fees.table(person.user_id)
        most: dict[str, Json] = {f"{each}_most": fees.most(each) for each in FeeKind}
        return Say("set_fees_how", {**rates_of(table.latest), **most})
    if not _BPS.fullmatch(typed[1]):
        return Say("not_basis_points")
    bps = int(typed[1])
    if len(typed) == 2:
        schedule, token = await fees.ask(person.user_id, kind, bps)
        facts: dict[str, Json] = {"fee": str(kind), "bps": bps, "token": token}
        return Say("set_fees_confirm", {**rates_of(schedule), **facts})
    effective_at = _instant(typed[2])
    if effective_at is None:
        return Say("confirmation_unknown")
    schedule = await fees.change(person.user_id, kind, bps, effective_at, typed[3], message.key)
    return Say("set_fees_announced", rates_of(schedule))


def _instant(typed: str) -> datetime | None:
    """Return the instant in a button of ours; nothing when somebody typed another thing."""
    try:
        instant = datetime.fromisoformat(typed)
    except ValueError:
        return None
    return instant if instant.tzinfo else None
