"""What is written of orders in one go: what became of some, and others that are about to be sent."""

from collections.abc import Sequence
from typing import Protocol

from domain.leases import Scope
from domain.ledger.model import Cause, Hold
from domain.market.orders import Intent


class OrderWriting(Protocol):
    """One commit for orders and the promises behind them."""

    async def write(
        self,
        scope: Scope,
        epoch: int,
        news: Sequence[Intent],
        ended: Sequence[Cause],
        new: Sequence[tuple[Intent, Hold]],
    ) -> Sequence[Intent]:
        """Write all or nothing; return the new orders that the store let in, in their order.

        First the holds of ``ended`` orders end, then the ``news`` of known orders is stored, then ``new``
        orders are added with their holds: what ended orders give back is there for them. New orders of a run
        that is not RUNNING any more, or of a halted account, are left out without a hold (ST2).

        It is a commit of its own, or part of the ambient transaction.

        Raises:
            Refused: ``epoch_lost``: the scope is not held in this epoch any more.
            Refused: ``insufficient_funds``: the holds of those let in are more than is free.
            InvariantBroken: a state would move along no edge (I11), or a hold of ``ended`` is not known.
            OutcomeUnknown: the answer was lost; it may be written.
        """
        ...
