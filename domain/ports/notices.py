"""What we tell people: kinds and parameters, never words."""

from collections.abc import Mapping
from typing import Protocol

from domain.ids import UserId


class Notices(Protocol):
    """The outbox; a row joins the ambient transaction and is sent after its commit."""

    async def tell(self, user_id: UserId, kind: str, cause: str, params: Mapping[str, str]) -> None:
        """Queue one notice, once per (user, kind, cause); the bot words it in the person's language.

        ``params`` are plain text: amounts as ``domain.money.plain`` gives them, coins by code,
        times in ISO 8601.
        """
        ...
