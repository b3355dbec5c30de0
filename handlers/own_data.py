"""A person's own data: what is kept of them, and how it is erased."""

from bot.events import Message
from bot.filters import command
from bot.replies import Answer, Say
from bot.router import Router
from domain.ports.users import User
from domain.roles import Permission
from domain.services.forgetting import ForgettingService

router = Router("own_data")


@router.message(command("/mydata", "我的数据"), permission=Permission.TALK)
async def show_own_data(person: User, forgetting: ForgettingService) -> Answer:
    """Say what is kept of the person, and let the owner know that they ask for it."""
    asked = await forgetting.ask_for_data(person.user_id)
    return Say("own_data" if asked else "own_data_nobody", {"who": person.user_id})


@router.message(command("/forget", "忘记我"), permission=Permission.MONEY_OWN, moves_money=True)
async def forget(message: Message, person: User, forgetting: ForgettingService) -> Answer:
    """Say what would be erased and ask; with the token of that question, erase it."""
    typed = message.text.split()[1:]  # as typed: a token's letters are large and small
    if len(typed) > 1:
        return Say("forget_how")
    if typed:
        await forgetting.forget(person.user_id, typed[0])
        return Say("forgotten")
    return Say("forget_confirm", {"token": await forgetting.ask(person.user_id)})
