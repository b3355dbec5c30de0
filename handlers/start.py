"""The first word, help, the language, and what we cannot read."""

from bot.filters import command
from bot.replies import Answer, Say
from bot.router import Router
from domain.ports.users import User
from domain.roles import Permission
from domain.services.auth import AuthService
from domain.services.users import UserService

router = Router("start")

LANGUAGE_NAMES = {
    **dict.fromkeys(("en", "english", "英文", "英语"), "en"),
    **dict.fromkeys(("zh", "chinese", "中文", "汉语", "简体中文"), "zh"),
}


@router.message(command("/start", "hi", "hello", "你好", "您好", "开始"), permission=Permission.TALK)
async def welcome() -> Answer:
    """Greet, and say what can be done here."""
    return Say("welcome")


@router.message(command("/help", "帮助"), permission=Permission.TALK)
async def show_help(person: User, auth: AuthService) -> Answer:
    """List the commands that the sender may use."""
    return Say("help", {"role": (await auth.role_of(person.user_id)).value})


@router.message(command("/language", "语言"), permission=Permission.TALK)
async def choose_language(person: User, arguments: list[str], users: UserService) -> Answer:
    """Answer in another language from now on."""
    if not arguments:
        return Say("language_ask")
    await users.set_language(person.user_id, LANGUAGE_NAMES.get(arguments[0], arguments[0]))
    return Say("language_set")


@router.unsupported(permission=Permission.TALK)
async def cannot_read() -> Answer:
    """Say that only texts are understood."""
    return Say("unsupported")
