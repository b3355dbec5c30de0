"""The end of the instance: the owner announces it, everybody is paid, and keepers see how far that is."""

from bot.events import Message
from bot.filters import command
from bot.ports import Json
from bot.replies import Answer, Say
from bot.router import Router
from domain.money import plain
from domain.ports.closings import Left
from domain.ports.users import User
from domain.roles import Permission
from domain.services.closing import ClosingService

router = Router("closing")


@router.message(command("/close", "关闭"), permission=Permission.CLOSING_SET, moves_money=True)
async def close(message: Message, person: User, closing: ClosingService) -> Answer:
    """Say what would be wound up and ask; with the token of that question, announce it; ``off`` calls off."""
    typed = message.text.split()[1:]  # as typed: a token's letters are large and small
    if len(typed) > 1:
        return Say("closing_how")
    if typed and typed[0].lower() in ("off", "取消"):
        await closing.call_off(person.user_id, message.key)
        return None
    if typed:
        await closing.announce(person.user_id, typed[0], message.key)
        return None
    left, notice, token = await closing.ask(person.user_id)
    hours = str(int(notice.total_seconds() // 3600))
    return Say("closing_confirm", {**_told(left), "hours": hours, "token": token})


@router.message(command("/closing", "关闭进度"), permission=Permission.CLOSING_READ)
async def show_closing(person: User, closing: ClosingService) -> Answer:
    """Say how far the closing is, and what people have."""
    current, left = await closing.status(person.user_id)
    begins = current.begins_at.isoformat() if current else ""
    state = str(current.state) if current else ""
    return Say("closing_status", {**_told(left), "state": state, "begins_at": begins})


def _told(left: Left) -> dict[str, Json]:
    coins: list[Json] = [
        {
            "coin": each.coin,
            "people": str(each.people),
            "amount": plain(each.owed),
            "dust": plain(each.dust) if each.dust else "",
        }
        for each in left.coins
    ]
    counts = {
        "runs": str(left.runs),
        "payouts": str(left.payouts),
        "stuck": str(left.stuck),
        "kept": str(left.kept),
    }
    return {"coins": coins, **counts}
