"""Taking out."""

from datetime import datetime

from bot.desk import Desk
from bot.filters import command
from bot.replies import Answer
from bot.router import Router
from domain.ports.users import User
from domain.roles import Permission

router = Router("withdraw")


@router.message(command("/withdraw", "提现", "提币"), permission=Permission.MONEY_OWN, moves_money=True)
async def withdraw(person: User, desk: Desk, now: datetime) -> Answer:
    """Begin to ask for coin, amount and confirmation."""
    return await desk.begin("withdraw", person.user_id, now)
