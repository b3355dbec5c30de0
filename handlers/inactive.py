"""Who has coins here and has not been seen for long, for those who look after the instance."""

from bot.filters import command
from bot.ports import Json
from bot.replies import Answer, Say
from bot.router import Router
from domain.money import plain
from domain.ports.users import User
from domain.roles import Permission
from domain.services.inactivity import InactivityService

router = Router("inactive")


@router.message(command("/inactive", "久未活动"), permission=Permission.INACTIVE_READ)
async def list_inactive(person: User, inactivity: InactivityService) -> Answer:
    """List whom nobody has heard of for long, and what is theirs."""
    people: list[Json] = [
        {
            "who": each.user_id,
            "since": each.since.isoformat(),
            "coins": ", ".join(f"{plain(total)} {coin}" for coin, total in each.coins.items()),
        }
        for each in await inactivity.list(person.user_id)
    ]
    return Say("inactive", {"people": people, "days": str(inactivity.days)})
