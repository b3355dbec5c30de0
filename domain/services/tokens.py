"""The tokens this instance approves: what counts as a coin, by asset id and never by symbol."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from domain.errors import Refused
from domain.ids import AssetId
from domain.money import Token
from domain.payouts.fees import SMALLEST


@dataclass(frozen=True, slots=True)
class ApprovedToken:
    """A token, the smallest deposit of it that is credited, and the smallest withdrawal.

    Who takes out everything may take less.
    """

    token: Token
    minimum: Decimal
    minimum_withdrawal: Decimal = SMALLEST

    @property
    def least_deposit(self) -> Decimal:
        """Return the smallest deposit that is credited: never so little that a fee would take it all."""
        return max(self.minimum, 2 * SMALLEST)


class Tokens:
    """The allow-list; whatever is not on it is never credited to anybody."""

    def __init__(self, approved: Iterable[ApprovedToken]) -> None:
        self._approved = {a.token.asset_id: a for a in approved}

    def list(self) -> list[Token]:
        """Return all approved tokens by coin, then network."""
        return sorted((a.token for a in self._approved.values()), key=lambda t: (t.coin, t.network))

    def find(self, asset_id: AssetId) -> ApprovedToken | None:
        """Return the approved token with this asset id."""
        return self._approved.get(asset_id)

    def get(self, asset_id: AssetId) -> ApprovedToken:
        """Return the approved token with this asset id.

        Raises:
            Refused: ``token_unknown``.
        """
        if (approved := self.find(asset_id)) is None:
            raise Refused("token_unknown", asset_id=asset_id)
        return approved
