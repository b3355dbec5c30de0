"""Users in Postgres."""

from datetime import datetime
from decimal import Decimal

from adapters.db.store import PostgresStore
from domain.ids import UserId
from domain.money import Coin
from domain.ports.users import User


class PostgresUsers:
    """The users table, as ``domain.ports.users.UserStore``."""

    def __init__(self, store: PostgresStore) -> None:
        self._store = store

    async def ensure(self, user: User, said_at: datetime | None = None) -> User | None:
        """Add the user unless known, and return the stored one; ``None`` for a word from before they left."""
        await self._store.execute(
            """
            INSERT INTO users (user_id, language) VALUES ($1, $2)
            ON CONFLICT (user_id) DO UPDATE SET language = $2, created_at = now(), forgotten = false
            WHERE users.forgotten AND ($3::timestamptz IS NULL OR $3 > users.forgotten_at)
            """,
            *(user.user_id, user.language, said_at),
        )
        return await self.find(user.user_id)

    async def find(self, user_id: UserId) -> User | None:
        """Return a person, ``None`` when they have never written to us, or were forgotten."""
        rows = await self._store.fetch(
            "SELECT language FROM users WHERE user_id = $1 AND NOT forgotten", user_id
        )
        return User(user_id, rows[0]["language"]) if rows else None

    async def set_language(self, user_id: UserId, language: str) -> None:
        """Change a known user's language."""
        await self._store.execute("UPDATE users SET language = $2 WHERE user_id = $1", user_id, language)

    async def run_claims(self, user_id: UserId) -> dict[Coin, Decimal]:
        """Return what all runs of a person hold together, by coin, zeros left out."""
        rows = await self._store.fetch(
            """
            SELECT a.coin, sum(b.total) AS total
            FROM runs r
            JOIN accounts a ON a.owner = r.id AND a.kind = 'run'
            JOIN balances b ON b.account_id = a.id
            WHERE r.user_id = $1
            GROUP BY a.coin HAVING sum(b.total) <> 0
            """,
            user_id,
        )
        return {Coin(row["coin"]): row["total"] for row in rows}
