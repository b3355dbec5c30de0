"""Users in Postgres."""

from decimal import Decimal

from adapters.db.store import PostgresStore
from domain.ids import UserId
from domain.money import Coin
from domain.ports.users import User


class PostgresUsers:
    """The users table, as ``domain.ports.users.UserStore``."""

    def __init__(self, store: PostgresStore) -> None:
        self._store = store

    async def ensure(self, user: User) -> User:
        """Add the user unless known, and return the stored one."""
        await self._store.execute(
            "INSERT INTO users (user_id, language) VALUES ($1, $2) ON CONFLICT DO NOTHING",
            user.user_id,
            user.language,
        )
        rows = await self._store.fetch("SELECT language FROM users WHERE user_id = $1", user.user_id)
        return User(user.user_id, rows[0]["language"])

    async def find(self, user_id: UserId) -> User | None:
        """Return a person, ``None`` when they have never written to us."""
        rows = await self._store.fetch("SELECT language FROM users WHERE user_id = $1", user_id)
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
