"""What the wallet holds for payouts: who stands in front, what may be spent, what must stay."""

from collections.abc import Sequence
from decimal import Decimal

from domain.ledger.model import AccountKind, own
from domain.money import ZERO
from domain.payouts.inputs import MOST_INPUTS, Choice, Verdict, choose
from domain.payouts.line import Waiting, set_aside
from domain.payouts.model import Payout, Purpose
from domain.ports.clock import Clock
from domain.ports.ledger import Ledger
from domain.ports.withdrawals import PayoutStore

BEHIND_ALL = frozenset({Purpose.FEES, Purpose.TRANSFER})
"""What no person waits for stands behind everybody who does."""


class WalletFloat:
    """Looks, for who holds the lock of the wallet (``PayoutStore.lock_wallet``)."""

    def __init__(self, payouts: PayoutStore, ledger: Ledger, clock: Clock) -> None:
        self._payouts = payouts
        self._ledger = ledger
        self._clock = clock

    async def line_before(self, payout: Payout) -> Sequence[Waiting]:
        """Return who waits in front of a payout; in front of what is no person's everybody does (FE4)."""
        line = await self._payouts.line(payout.token.asset_id)
        if payout.purpose in BEHIND_ALL:
            return line
        return [one for one in line if (one.since, one.id) < (payout.created_at, payout.id)]

    async def covers_fees(self, payout: Payout) -> bool:
        """Tell whether all fees that are promised to the owner are there beyond what is owed (FE3)."""
        coin = payout.token.coin
        promised = (await self._ledger.balance(own(AccountKind.FEES, coin))).held
        return await self._ledger.spare(coin) >= promised

    async def suffices_behind(self, payout: Payout, ahead: Sequence[Waiting]) -> bool:
        """Tell whether there is enough beyond what those ahead have had set aside for them (WD9).

        Fees and the treasury pass nobody: for them all that anybody ahead waits for is set aside (FE4).
        """
        free = await self._payouts.free_total(payout.token.asset_id)
        if payout.purpose in BEHIND_ALL:
            return free - sum((one.pays for one in ahead), ZERO) >= payout.needs
        return free - set_aside(ahead, self._clock.now()) >= payout.needs

    async def choose(self, payout: Payout) -> tuple[Choice, Decimal]:
        """Return what to spend, and what is free: exactly where the largest outputs do not suffice.

        Only a full page can hide more: what was booked since it was read must not look like many outputs.
        """
        asset = payout.token.asset_id
        free = await self._payouts.spendable(asset, MOST_INPUTS)
        largest = total = sum((o.amount for o in free), ZERO)
        if largest < payout.needs and len(free) == MOST_INPUTS:
            total = await self._payouts.free_total(asset)
        return choose(free, payout.needs, total - largest), total

    async def choose_fee(self, payout: Payout) -> Choice:
        """Return what pays the network's fee by itself, if it is; otherwise there is enough of nothing."""
        if (fee := payout.fee_apart) is None:
            return Choice(Verdict.ENOUGH, ())
        return choose(await self._payouts.spendable(fee.asset_id, MOST_INPUTS), fee.amount)
