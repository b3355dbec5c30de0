"""A treasury transfer: coins from the Mixin wallet to a venue account, or back (safety §2.2, §2.7).

The money is never nowhere: it is promised where it lies, then it stands in an account of the transfer's own
(``transit``), and leaves that only for where it has arrived.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from domain.ids import AssetId, TransferId, VenueAccountName
from domain.ledger.model import Cause
from domain.money import ZERO, Token
from domain.payouts.onward import ChainAddress


class Direction(StrEnum):
    """Which way coins go."""

    TO_VENUE = "to_venue"
    TO_MIXIN = "to_mixin"


class TransferState(StrEnum):
    """The life of a transfer.

    To a venue a missing answer is no state: the payout that carries the transfer looks it up. A venue's
    missing answer is ``UNKNOWN``, since most venues pay again when asked again.
    """

    PLANNED = "planned"  # nothing is promised yet
    HELD = "held"  # what it moves is promised to it
    SENDING = "sending"  # from here it may have left
    UNKNOWN = "unknown"  # a venue was asked and did not clearly answer
    AWAITING_VENUE = "awaiting_venue"  # the venue looks at it, or waits for the owner's word
    SENT = "sent"  # Mixin or the venue has accepted it
    ON_CHAIN = "on_chain"  # a chain carries it
    SEEN = "seen"  # where it goes, it was noticed
    STUCK = "stuck"  # later than its network ever is, or less has arrived than can be explained
    CREDITED = "credited"  # it has arrived
    RETURNED = "returned"  # the venue has given it back
    VOID = "void"  # nothing has left and nothing will


class Decision(StrEnum):
    """What only a person says about a transfer."""

    RESEND = "resend"  # ask the venue again: it shows nothing of it
    GIVE_UP = "give_up"  # end it: nothing has left
    WRITE_OFF = "write_off"  # what is missing is lost
    DONE_BY_HAND = "done_by_hand"  # it was withdrawn at the venue


_SIDE = frozenset({TransferState.STUCK, TransferState.CREDITED, TransferState.RETURNED})

TRANSFER_EDGES: dict[TransferState, frozenset[TransferState]] = {
    TransferState.PLANNED: frozenset({TransferState.HELD, TransferState.VOID}),
    TransferState.HELD: frozenset({TransferState.SENDING, TransferState.SENT, TransferState.VOID}),
    TransferState.SENDING: frozenset({TransferState.SENT, TransferState.UNKNOWN, TransferState.VOID}),
    TransferState.UNKNOWN: frozenset({TransferState.SENT, TransferState.HELD, TransferState.VOID}),
    TransferState.SENT: frozenset({TransferState.AWAITING_VENUE, TransferState.ON_CHAIN, *_SIDE}),
    TransferState.AWAITING_VENUE: frozenset({TransferState.SENT, TransferState.ON_CHAIN, *_SIDE}),
    TransferState.ON_CHAIN: frozenset({TransferState.SEEN, *_SIDE}),
    TransferState.SEEN: frozenset({TransferState.STUCK, TransferState.CREDITED}),
    TransferState.STUCK: frozenset({TransferState.CREDITED, TransferState.RETURNED}),
    TransferState.CREDITED: frozenset(),
    TransferState.RETURNED: frozenset(),
    TransferState.VOID: frozenset(),
}
"""``UNKNOWN`` becomes ``HELD`` or ``VOID`` by a person's word alone, never by code (EX2)."""

ENDED = frozenset({TransferState.CREDITED, TransferState.RETURNED, TransferState.VOID})

UNSENT = frozenset({TransferState.PLANNED, TransferState.HELD})
"""Nothing can have left, unless by hand."""

MAY_DECIDE = "may_decide"
"""Why an unknown withdrawal waits: nothing shows it, and a person may decide."""


@dataclass(frozen=True, slots=True)
class TreasuryTransfer:
    """One row of the transfers table.

    ``amount`` is what is asked for: of Mixin, what the chain is to carry; of a venue, what its withdrawal is
    called. ``fee`` of ``fee_asset`` is the most that was agreed to. ``arrives`` is what the chain carries, as
    soon as whoever sends it has said so, and ``arrived`` what came of it. ``gap`` is what the venue held
    beyond our books when it was asked.
    """

    id: TransferId
    direction: Direction
    account: VenueAccountName
    token: Token
    amount: Decimal
    fee: Decimal
    fee_asset: AssetId
    to: ChainAddress
    canary: bool
    by_hand: bool
    client_id: str
    state: TransferState
    created_at: datetime
    due_at: datetime
    fee_inside: bool = False
    sent_at: datetime | None = None
    attempts: int = 0
    reason: str = ""
    sent_as: str = ""  # the venue's id of a withdrawal, or Mixin's request id
    chain_hash: str = ""
    arrives: Decimal | None = None
    arrived: Decimal | None = None
    gap: Decimal | None = None
    decision: str = ""  # a person's word that nobody has acted on yet; a step never writes it

    @property
    def open_to(self) -> frozenset[Decision]:
        """Return what a person may decide of it as it stands."""
        if self.state is TransferState.UNKNOWN and self.reason == MAY_DECIDE:
            return frozenset({Decision.RESEND, Decision.GIVE_UP})
        if self.state is TransferState.HELD and self.by_hand:
            return frozenset({Decision.DONE_BY_HAND, Decision.GIVE_UP})
        if self.state is TransferState.STUCK and self.short:
            return frozenset({Decision.WRITE_OFF})
        return frozenset()

    @property
    def leaves(self) -> Decimal:
        """Return what the venue's account is expected to lose: the fee is in the amount, or beside it."""
        return self.amount if self.fee_inside else self.amount + self.fee

    @property
    def short(self) -> Decimal:
        """Return what has not arrived of what the chain carried, once anything has; zero otherwise."""
        if self.arrived is None or self.arrives is None:
            return ZERO
        return max(self.arrives - self.arrived, ZERO)

    @property
    def cause(self) -> Cause:
        """Return the cause of its hold and of its departure."""
        return Cause("transfer", self.id)

    @property
    def fee_cause(self) -> Cause:
        """Return the cause of what is promised and booked of its fee."""
        return Cause("transfer_fee", self.id)
