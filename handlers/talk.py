"""Everything that is said in a conversation, or to nobody in particular; asked after all commands."""

from datetime import datetime

from bot.conversation import Place
from bot.desk import Desk
from bot.events import Message
from bot.filters import command, in_state, is_command, payload
from bot.replies import Answer, Say
from bot.router import Router
from conversations.hearing import confirmation_in
from domain.ports.users import User
from domain.roles import Permission
from domain.services.confirmations import ConfirmationService

router = Router("talk")


@router.message(command("/cancel", "取消"), permission=Permission.TALK)
async def cancel(person: User, desk: Desk) -> Answer:
    """Leave the open conversation; nothing of it has happened."""
    return await desk.leave(person.user_id) or Say("nothing_to_cancel")


@router.message(in_state(None, "confirm"), payload("/confirm"), permission=Permission.TALK, moves_money=True)
async def confirm(message: Message, person: User, place: Place, desk: Desk, now: datetime) -> Answer:
    """Give the tapped confirmation to the conversation that asks for one now."""
    return await desk.answer(place, person.user_id, message.text, now)


@router.message(payload("/confirm"), permission=Permission.TALK)
async def confirm_nothing(message: Message, person: User, confirmations: ConfirmationService) -> Answer:
    """Answer a confirmation whose summary is gone: done before, cancelled, or another person's."""
    token = confirmation_in(message.text)
    used = token is not None and await confirmations.is_used(person.user_id, token)
    return Say("confirmation_used" if used else "confirmation_unknown")


@router.message(is_command(), permission=Permission.TALK)
async def unknown_command() -> Answer:
    """Say that there is no such command."""
    return Say("unknown_command")


@router.message(in_state(), permission=Permission.TALK, moves_money=True)
async def answer(message: Message, person: User, place: Place, desk: Desk, now: datetime) -> Answer:
    """Give the open conversation what was said."""
    return await desk.answer(place, person.user_id, message.text, now)


@router.message(permission=Permission.TALK)
async def not_understood() -> Answer:
    """Say what would be understood."""
    return Say("not_understood")
