"""Paying in."""

from datetime import datetime

from bot.desk import Desk
from bot.filters import command
from bot.replies import Answer
from bot.router import Router
from domain.ports.users import User
from domain.roles import Permission
from domain.services.admission import Admission

router = Router("deposit")


@router.message(command("/deposit", "充值", "存款"), permission=Permission.MONEY_OWN, moves_money=True)
async def deposit(person: User, desk: Desk, now: datetime, admission: Admission) -> Answer:
    """Begin to ask for coin and amount, unless nobody may pay in now."""
    await admission.check_begins()
    return await desk.begin("deposit", person.user_id, now)
