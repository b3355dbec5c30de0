"""Erasure as far as chat can tell: the person and their dialogue are gone."""

from datetime import datetime

from domain.ids import UserId
from tests.fakes.chat import FakeConversations
from tests.fakes.money import FakeUsers


class FakeErasure:
    """Forgets people, as ``domain.ports.erasure.ErasureStore``."""

    def __init__(self, users: FakeUsers, conversations: FakeConversations) -> None:
        self._users, self._conversations = users, conversations

    async def forget(self, user_id: UserId, at: datetime) -> None:
        self._users.rows.pop(user_id, None)
        self._users.forgotten[user_id] = at
        self._conversations.rows.pop(user_id, None)
