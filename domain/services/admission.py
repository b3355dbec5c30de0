"""Who and what may begin anything new: nobody and no coin that somebody's word has frozen (WI1).

What a frozen person has stays theirs, and what comes in is credited as ever.
"""

from domain.errors import Refused
from domain.ids import UserId
from domain.money import Coin
from domain.ports.freezes import FreezeStore, coin_scope, user_scope


class Admission:
    """Asked by whoever is about to take money out, or to put it to work."""

    def __init__(self, freezes: FreezeStore) -> None:
        self._freezes = freezes

    async def check(self, user_id: UserId, *coins: Coin) -> None:
        """Go on only when neither this person nor any of these coins is frozen.

        Raises:
            Refused: ``user_frozen``; ``coin_frozen`` with the coin.
        """
        if refusal := await self.refusal(user_id, *coins):
            raise refusal

    async def check_new(self, user_id: UserId, *coins: Coin) -> None:
        """Go on as ``check`` does, and only while anything new begins here at all.

        Asked in the commit of what begins, it is either seen by whoever stops all that is new, or refused.

        Raises:
            Refused: as ``check``; ``nothing_new_begins``.
        """
        await self.check(user_id, *coins)
        await self.check_begins()

    async def check_begins(self) -> None:
        """Go on only while anything new begins here at all.

        Raises:
            Refused: ``nothing_new_begins``.
        """
        if not await self._freezes.new_begins():
            raise Refused("nothing_new_begins")

    async def refusal(self, user_id: UserId, *coins: Coin) -> Refused | None:
        """Return why this person may begin nothing with these coins, ``None`` when they may."""
        scopes = {user_scope(user_id): Refused("user_frozen")}
        scopes |= {coin_scope(coin): Refused("coin_frozen", coin=coin) for coin in coins}
        stopped = await self._freezes.among(list(scopes))
        return next((refusal for scope, refusal in scopes.items() if scope in stopped), None)
