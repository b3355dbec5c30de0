"""An outbox reduced to its promise: once per person, kind and cause, in the transaction it is told in."""

import json
from collections.abc import Mapping

from adapters.db.chat import PostgresOutbox
from adapters.db.store import PostgresStore
from adapters.texts.catalogues import LOCALES, texts
from domain.ids import UserId
from handlers.notices import NOTICES, NoticeRenderer
from tests.fakes.rows import Flat

WORDS = NoticeRenderer(texts())


class TableNotices(PostgresOutbox):
    """The outbox itself, which nobody empties, and a look into it."""

    def __init__(self, store: PostgresStore) -> None:
        super().__init__(store)
        self._told = store

    async def kinds(self, user_id: UserId) -> list[str]:
        """Return the kinds of all notices to a person, in the order they were written."""
        return [kind for kind, _, _ in await self.told(user_id)]

    async def told(self, user_id: UserId) -> list[tuple[str, str, Mapping[str, str]]]:
        """Return kind, cause and parameters of each."""
        rows = await self._told.fetch(
            "SELECT kind, cause, params FROM outbox WHERE user_id = $1 ORDER BY seq", user_id
        )
        return [(row["kind"], row["cause"], json.loads(row["params"])) for row in rows]


class FakeNotices:
    """The same in memory; it takes only what can be said in every language, and texts alone."""

    def __init__(self) -> None:
        self.rows: Flat[tuple[UserId, str, str], Mapping[str, str]] = Flat()

    async def tell(self, user_id: UserId, kind: str, cause: str, params: Mapping[str, str]) -> None:
        assert all(isinstance(text, str) for text in (user_id, kind, cause, *params, *params.values()))
        assert kind in NOTICES, f"nobody can say {kind}"
        for language in LOCALES:
            WORDS.render(kind, params, language)
        self.rows.setdefault((user_id, kind, cause), dict(params))
