"""What came into the wallet: intents, outputs, and how far they were read."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Protocol

from domain.ids import AssetId, UserId
from domain.money import Token
from domain.ports.wallet import WalletOutput


@dataclass(frozen=True, slots=True)
class DepositIntent:
    """A person's wish to pay in; the link can be paid once, by anybody.

    ``fee_version`` is the schedule by which the fee was reckoned that they were shown.
    """

    id: str
    user_id: UserId
    token: Token
    amount: Decimal
    trace: str
    pay_link: str
    created_at: datetime
    fee_version: int = 0


SPENT_BEFORE = "spent_before"
"""We spend only what is stored: what is spent when first seen was so before our time."""


class OutputKind(StrEnum):
    """What an output of the wallet was taken for."""

    DEPOSIT = "deposit"  # credited to the sender
    FLOAT = "float"  # the owner's own money
    CHANGE = "change"  # what we paid ourselves
    SUSPENSE = "suspense"  # of an approved token, credited to nobody
    STRANGE = "strange"  # nothing the ledger has a place for: an unknown token, or spent before our time


@dataclass(frozen=True, slots=True)
class Classified:
    """An output and what it was taken for; ``reason`` says why it was not wanted."""

    output: WalletOutput
    kind: OutputKind
    reason: str = ""

    @property
    def kept(self) -> bool:
        """Tell whether it was sent to us and belongs to nobody we may credit."""
        return self.kind in (OutputKind.SUSPENSE, OutputKind.STRANGE) and self.reason != SPENT_BEFORE


@dataclass(frozen=True, slots=True)
class SmallChange:
    """What is kept of somebody's payments below the minimum, and when the first of them was paid."""

    amount: Decimal
    since: datetime | None  # ``None``: nothing is kept


@dataclass(frozen=True, slots=True)
class WaitingDeposit:
    """A deposit that was seen and is not final yet."""

    output: WalletOutput
    seen_at: datetime


class DepositStore(Protocol):
    """The tables of incoming money; calls join the ambient transaction."""

    async def add_intent(self, intent: DepositIntent) -> None:
        """Store a fresh intent."""
        ...

    async def pay_intent(self, trace: str, output_id: str) -> DepositIntent | None:
        """Note which output paid the intent with this trace, and return it; ``None`` when none is unpaid."""
        ...

    async def cursor(self, overlap: int) -> int:
        """Return the sequence number to read on from: that of the last stored output but ``overlap``."""
        ...

    async def hashes(self, output_ids: Sequence[str]) -> dict[str, str]:
        """Return the immutable hashes of those outputs that are stored."""
        ...

    async def add_output(self, classified: Classified, at: datetime) -> bool:
        """Store an output and move the cursor up to it; return ``False`` when it is stored already.

        What was sent and belongs to nobody we may credit is kept aside.
        """
        ...

    async def await_final(self, output: WalletOutput, at: datetime) -> None:
        """Note that a deposit that was seen is not final yet: nothing pays with it until it is."""
        ...

    async def not_final(self, limit: int) -> list[WaitingDeposit]:
        """Return deposits that wait to be final, those seen first at the front."""
        ...

    async def is_final(self, output_id: str) -> bool:
        """Note that a deposit is final; return ``False`` when somebody else just did."""
        ...

    async def small_change(self, sender: UserId, asset_id: AssetId) -> SmallChange:
        """Return what is kept of payments below the minimum, as the only one who decides about it."""
        ...

    async def add_up(self, sender: UserId, asset_id: AssetId, output_id: str) -> None:
        """Note that all of them are credited, with the output that was enough."""
        ...
