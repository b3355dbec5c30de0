"""The venue's dead-man timer in the hands of the worker that trades the account (D5, safety §1.2)."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

from domain.errors import OutcomeUnknown, Refused, Unavailable
from domain.market.model import Pair
from domain.market.orders import OrderState, VenueOrder
from domain.ports.account_looks import DeadManState
from domain.services.desk import Desk
from domain.services.order_resolution import OrderResolution

AGAIN_S = 2.0
LONGEST_AGAIN_S = 300.0
"""How soon it is set again after it could not be: twice as long each time, up to the longest.

A venue that gave no answer may give one at any moment: it is asked as often as the timer would be set anyway.
"""

PROVE_EVERY_S = 3_600.0
STRIKING_S = 2.0
"""How long after its instant a timer may still be striking."""


@dataclass(slots=True)
class DeadMan:
    """Sets the timer in each round that is due, so that it strikes when nobody trades here any more.

    Only who holds the lease does: a worker that has lost it must not keep the timer from striking. It knows
    nothing of earlier epochs, so whoever takes over sets it at once.
    """

    desk: Desk
    resolution: OrderResolution
    refusal: str = ""  # the code of why it could not be set the last time, or empty
    unnoticed: bool = False  # it may have struck since all was last compared with the venue
    _until_s: float = float("-inf")  # as far as is known, it strikes not before
    _due_s: float = float("-inf")
    _failures: int = 0
    _unset: bool = False  # a round of this epoch went on while it could not be set
    _proven: bool | None = None  # None: not yet asked what was seen before
    _prove_s: float = float("-inf")

    @property
    def state(self) -> DeadManState:
        """Tell whether it is set, by the venue's own word, and whether it was once seen to strike."""
        if self.desk.clock.monotonic() >= self._until_s:
            return DeadManState.ABSENT
        return DeadManState.PROVEN if self._proven else DeadManState.CONFIGURED

    async def keep(self) -> None:
        """Set it if it is time to, and note whether it may have struck before.

        As long as it could not be set in this epoch, that of the one before may strike at any time.
        """
        if self.desk.timer is None or self.desk.clock.monotonic() < self._due_s:
            return
        if not self.desk.grip.sure:
            self._unset = self._unset or self._until_s == float("-inf")
            return
        await self._remember()
        until_s = self._until_s
        if not await self._set(self._length_s):
            self._unset = self._unset or until_s == float("-inf")
            return
        # By the time of the answer: it may have struck while the request was on its way.
        struck = self.desk.clock.monotonic() >= until_s if until_s > float("-inf") else self._unset
        self.unnoticed, self._unset = self.unnoticed or struck, False

    async def disarm(self) -> str:
        """Leave it unset, and say what became of it; for one who goes and leaves nothing resting."""
        if self.desk.timer is None or self.state is DeadManState.ABSENT:
            return ""
        return "timer unset" if await self._set(0) else "timer left to strike"

    async def prove(self) -> list[str]:
        """Where nothing is worth anything, let it strike once and see that it takes off what rests.

        Nothing else is asked of the venue meanwhile, so nobody else of us can have cancelled.
        """
        timer, now_s = self.desk.timer, self.desk.clock.monotonic()
        if timer is None or not timer.harmless or self._proven or now_s < self._prove_s:
            return []
        if self.state is DeadManState.ABSENT:
            return []
        pairs = await self._resting()
        if not pairs:
            return []
        self._prove_s = now_s + PROVE_EVERY_S
        before = [order for pair in pairs for order in await self._ours(pair)]
        if not before or not await self._set(timer.least_s):
            return []
        await self.desk.clock.sleep(timer.least_s + STRIKING_S)
        self._proven = await self._are_cancelled(before)
        await self._set(self._length_s)
        for pair in pairs:
            await self.resolution.reconcile(pair)
        seen = "struck" if self._proven else "did not strike"
        return [f"the dead-man timer {seen}: {len(before)} orders were resting"]

    @property
    def _length_s(self) -> int:
        assert self.desk.timer
        wanted = max(self.desk.timer.least_s, ceil(self.desk.policy.dead_man_s))
        return min(wanted, self.desk.timer.most_s)

    async def _set(self, seconds: int) -> bool:
        assert self.desk.timer
        now_s = self.desk.clock.monotonic()
        try:
            await self.desk.timer.set(seconds)
        except (Refused, OutcomeUnknown, Unavailable) as error:
            if isinstance(error, OutcomeUnknown):  # it may have been set, and strikes when it is soonest
                self._until_s = min(self._until_s, now_s + seconds)
            self.refusal = error.code
            longest_s = LONGEST_AGAIN_S if isinstance(error, Refused) else max(AGAIN_S, self._length_s / 4)
            self._due_s = now_s + min(longest_s, AGAIN_S * 2 ** min(self._failures, 10))
            self._failures += 1
            return False
        self.refusal, self._failures = "", 0
        self._until_s = now_s + seconds if seconds else float("-inf")
        self._due_s = now_s + seconds / 4
        return True

    async def _remember(self) -> None:
        """Read once whether it was ever seen to strike for this account."""
        if self._proven is not None:
            return
        looks = await self.desk.watching.looks.list() if self.desk.watching else ()
        self._proven = any(
            look.account == self.desk.account
            and look.venue == self.desk.venue
            and look.dead_man is DeadManState.PROVEN
            for look in looks
        )

    async def _resting(self) -> list[Pair]:
        live = (OrderState.OPEN, OrderState.PARTIAL)
        intents = await self.desk.orders.unsettled(self.desk.account)
        return sorted({intent.pair for intent in intents if intent.state in live}, key=str)

    async def _ours(self, pair: Pair) -> list[VenueOrder]:
        prefix = self.desk.policy.order_prefix
        shown = await self.desk.exchange.open_orders(pair)
        return [order for order in shown if order.client_order_id.startswith(prefix)]

    async def _are_cancelled(self, before: Sequence[VenueOrder]) -> bool:
        """Tell whether all of these have ended, and one of them at least without having been filled."""
        ends = []
        for order in before:
            found = await self.desk.exchange.find_order(order.pair, order.client_order_id)
            ends.append(found.state if found else None)
        gone = {OrderState.FILLED, OrderState.CANCELLED, OrderState.EXPIRED}
        return set(ends) <= gone and ends.count(OrderState.FILLED) < len(ends)
