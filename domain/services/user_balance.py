"""What a person has: to spend, promised, and at work in runs."""

from dataclasses import dataclass
from decimal import Decimal

from domain.ids import UserId
from domain.ledger.model import AccountKind, Balance
from domain.money import ZERO, Coin
from domain.ports.ledger import Ledger
from domain.ports.users import UserStore


@dataclass(frozen=True, slots=True)
class CoinBalance:
    """One coin of one person; ``held`` is promised to withdrawals, ``in_runs`` works in strategies.

    ``arriving`` was paid in and is not final yet.
    """

    coin: Coin
    available: Decimal
    held: Decimal
    in_runs: Decimal
    arriving: Decimal = ZERO


class UserBalanceService:
    """Adds up a person's claims."""

    def __init__(self, ledger: Ledger, users: UserStore) -> None:
        self._ledger = ledger
        self._users = users

    async def of(self, user_id: UserId) -> list[CoinBalance]:
        """Return all coins of which the person has any, by code."""
        balances = await self._ledger.balances(AccountKind.AVAILABLE, user_id)
        arriving = await self._ledger.balances(AccountKind.PENDING, user_id)
        in_runs = await self._users.run_claims(user_id)
        nothing = Balance(ZERO, ZERO)
        coins = sorted({*(c for b in (balances, arriving) for c in b if b[c].total), *in_runs})
        return [
            CoinBalance(
                coin,
                (b := balances.get(coin, nothing)).free,
                b.held,
                in_runs.get(coin, ZERO),
                arriving.get(coin, nothing).total,
            )
            for coin in coins
        ]
