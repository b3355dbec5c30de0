"""Who talks to us, and in which language we answer."""

from datetime import datetime

from domain.errors import Refused
from domain.ids import UserId
from domain.ports.store import Store
from domain.ports.users import User, UserStore

LANGUAGES = ("en", "zh")

_HAN = ((0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF), (0x20000, 0x2FA1F))


def language_of(text: str) -> str:
    """Return ``zh`` when the text holds a Chinese character, else ``en``."""
    return "zh" if any(low <= ord(char) <= high for char in text for low, high in _HAN) else "en"


class UserService:
    """Knows every person who has written to the bot."""

    def __init__(self, store: Store, users: UserStore) -> None:
        self._store = store
        self._users = users

    async def ensure(self, user_id: UserId, first_text: str, said_at: datetime | None = None) -> User | None:
        """Return the person; one never seen before speaks the language of their first text.

        ``None``: it was said before they asked to be forgotten, and nobody is to know it any more.
        """
        async with self._store.transaction():
            return await self._users.ensure(User(user_id, language_of(first_text)), said_at)

    async def set_language(self, user_id: UserId, language: str) -> None:
        """Answer a person in another language from now on.

        Raises:
            Refused: ``language_unknown``.
        """
        if language not in LANGUAGES:
            raise Refused("language_unknown", language=language)
        async with self._store.transaction():
            await self._users.ensure(User(user_id, language))
            await self._users.set_language(user_id, language)
