"""Stop all: the owner takes everything off the exchanges at once."""

from bot.events import Message
from bot.filters import command
from bot.replies import Answer, Say
from bot.router import Router
from domain.ports.users import User
from domain.roles import Permission
from domain.services.stopping import StopAllService

router = Router("stopping")


@router.message(command("/stopall", "全部停止"), permission=Permission.RUNS_STOP_ALL, moves_money=True)
async def stop_all(message: Message, person: User, stopping: StopAllService) -> Answer:
    """Say how much would stop and ask; with the token of that question, stop it."""
    typed = message.text.split()[1:]  # as typed: a token's letters are large and small
    if len(typed) > 1:
        return Say("stop_all_how")
    if typed:
        stopped = await stopping.stop(person.user_id, typed[0], message.key)
        return Say("stopped_all", {"runs": stopped.runs, "conversions": stopped.conversions})
    going, token = await stopping.ask(person.user_id)
    return Say("stop_all_confirm", {"runs": going.runs, "conversions": going.conversions, "token": token})
