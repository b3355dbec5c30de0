"""What a person has."""

from bot.filters import command
from bot.ports import Json
from bot.replies import Answer, Say
from bot.router import Router
from domain.money import plain
from domain.ports.users import User
from domain.roles import Permission
from domain.services.user_balance import UserBalanceService

router = Router("balance")


@router.message(command("/balance", "余额"), permission=Permission.MONEY_OWN)
async def show_balance(person: User, balances: UserBalanceService) -> Answer:
    """Tell what the sender can spend, what is promised and what works in runs, one coin a line."""
    coins: list[Json] = [
        {
            "coin": balance.coin,
            "available": plain(balance.available),
            "held": plain(balance.held),
            "in_runs": plain(balance.in_runs),
            "arriving": plain(balance.arriving),
        }
        for balance in await balances.of(person.user_id)
    ]
    return Say("balance", {"coins": coins})
