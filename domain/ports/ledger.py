"""The ledger, as the domain sees it."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Protocol

from domain.ledger.model import Account, AccountKind, Balance, Cause, Hold, Transfer
from domain.money import Coin


class Ledger(Protocol):
    """Double entry with holds; each call joins the ambient transaction or is one of its own."""

    async def post(self, transfer: Transfer) -> bool:
        """Post a transfer and return whether it was made now (``False``: it had been made before).

        Raises:
            Refused: ``insufficient_funds``: a guarded account would fall below what it holds or
                has promised; ``beyond_float``: runs would claim more than their venue account has.
            InvariantBroken: the cause was posted before with other contents.
        """
        ...

    async def post_all(self, transfers: Sequence[Transfer]) -> int:
        """Post many transfers in one statement, all or none, and return how many were made now.

        Refusals are about what the balances would be after all of them.
        """
        ...

    async def find_all(self, causes: Sequence[Cause]) -> Sequence[Transfer]:
        """Return the transfers these causes have made, oldest first; a cause without one is left out."""
        ...

    async def hold(self, hold: Hold) -> bool:
        """Promise an amount; return ``False`` when this owner's hold exists already with the same contents.

        Raises:
            Refused: ``insufficient_funds``; ``beyond_float``: of a venue account, what runs claim.
            InvariantBroken: the owner holds something else.
        """
        ...

    async def hold_all(self, holds: Sequence[Hold]) -> int:
        """Promise many amounts in one statement, all or none; return how many were made now."""
        ...

    async def use_hold(self, owner: Cause, amount: Decimal) -> None:
        """Shrink a hold by what is spent from it; never below zero.

        Shrink (or release) first and post what is spent after that, in one transaction: the other way
        round the posting would take what is still promised, and be refused.

        Raises:
            InvariantBroken: the hold is released, unknown, or smaller than the amount.
        """
        ...

    async def release(self, owner: Cause) -> Decimal:
        """End a hold and return what was still promised; zero when it was ended before.

        Raises:
            InvariantBroken: ``hold_unknown``.
        """
        ...

    async def release_all(self, owners: Sequence[Cause]) -> int:
        """End many holds in one statement, all or none; return how many were ended now.

        Raises:
            InvariantBroken: ``hold_unknown``.
        """
        ...

    async def balance(self, account: Account) -> Balance:
        """Return an account's balance (in the direction of its side); zeros when never used."""
        ...

    async def unclaimed(self, account: Account) -> Decimal:
        """Return what a venue account holds of a coin beyond the claims of runs and what is promised away."""
        ...

    async def spare(self, coin: Coin) -> Decimal:
        """Return what the Mixin wallet holds of a coin beyond all that is owed to people or kept aside.

        What runs work with counts as owed, though its coins may lie at a venue: negative when they do.
        """
        ...

    async def balances(self, kind: AccountKind, owner: str) -> dict[Coin, Balance]:
        """Return all balances of one owner's accounts of a kind, by coin."""
        ...

    async def balances_of(
        self, kind: AccountKind, owners: Sequence[str]
    ) -> Mapping[str, Mapping[Coin, Balance]]:
        """Return all balances of many owners' accounts of a kind, by owner and coin; each owner has a row."""
        ...
