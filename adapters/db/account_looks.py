"""The newest look at each venue account, in Postgres."""

from collections.abc import Sequence

from adapters.db.store import PostgresStore
from domain.ids import VenueAccountName
from domain.ports.account_looks import AccountLook, DeadManState, KeyPower

_NOTE = """
    INSERT INTO account_looks
        (account, venue, at, powers, apart_ms, open_orders, dead_man, refusal)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
    ON CONFLICT (account) DO UPDATE SET
        venue = excluded.venue, at = excluded.at, powers = excluded.powers, apart_ms = excluded.apart_ms,
        open_orders = excluded.open_orders, dead_man = excluded.dead_man, refusal = excluded.refusal
"""


class PostgresAccountLooks:
    """The account_looks table, as ``domain.ports.account_looks.AccountLooks``."""

    def __init__(self, store: PostgresStore) -> None:
        self._store = store

    async def note(self, look: AccountLook) -> None:
        """Store a look in place of the one before."""
        powers = None if look.powers is None else sorted(look.powers)
        await self._store.execute(
            _NOTE,
            *(look.account, look.venue, look.at, powers, look.apart_ms),
            *(look.open_orders, look.dead_man, look.refusal),
        )

    async def list(self) -> Sequence[AccountLook]:
        """Return the newest look at every account, by name."""
        rows = await self._store.fetch("SELECT * FROM account_looks ORDER BY account")
        return [
            AccountLook(
                account=VenueAccountName(row["account"]),
                venue=row["venue"],
                at=row["at"],
                powers=None if row["powers"] is None else frozenset(map(KeyPower, row["powers"])),
                apart_ms=row["apart_ms"],
                open_orders=row["open_orders"],
                dead_man=DeadManState(row["dead_man"]),
                refusal=row["refusal"],
            )
            for row in rows
        ]
