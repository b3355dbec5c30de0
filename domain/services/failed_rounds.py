"""Rounds that fail: counted, told, and the book cleared of orders that nobody attends to."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from domain.errors import OutcomeUnknown, Unavailable
from domain.market.model import Pair
from domain.market.orders import OF_THE_KEY, TERMINAL, OrderState
from domain.market.runs import RunState
from domain.services.desk import Desk
from domain.services.order_resolution import OrderResolution
from domain.services.run_settings import name_of

TOLD_AT = 3
"""How many rounds fail in a row before people are told."""

UNFORESEEN = "round_failed"

_STANDING_STILL = frozenset({RunState.PAUSED, RunState.AWAITING_USER})
"""These trade nothing in any case, and their people were told why: that stays what is shown."""

_PATIENCE = 3
"""How many cancels without an answer in a row of failures are enough."""


@dataclass(slots=True)
class FailedRounds:
    """Counts the rounds that failed in a row, and does what must be done meanwhile.

    A venue or store that does not answer ends nothing; neither does an error that nobody foresaw. While
    either lasts nothing is placed, and what rests is taken off: unattended orders lose money.
    """

    desk: Desk
    resolution: OrderResolution
    count: int = 0
    silent_code: str = ""  # of whose silence the last round failed
    resting: int = 0  # orders that our books call resting although they were to come off
    _since_s: float = 0.0  # monotonic

    def end(self) -> None:
        """Note that a round went well."""
        self.count, self.silent_code, self.resting = 0, "", 0

    @property
    def lasts(self) -> bool:
        """Tell whether it has failed for as long as orders may rest unattended."""
        return self.desk.clock.monotonic() - self._since_s >= self.desk.policy.blind_cancel_s

    @property
    def left_traces(self) -> bool:
        """Tell whether people were told of what failed, or orders may have been taken off meanwhile."""
        return self.count >= TOLD_AT or (self.count > 0 and self.lasts)

    @property
    def unattended(self) -> str:
        """Return in words that orders rest and cannot be taken off, when that has lasted; or nothing.

        It is our silence: whoever else reaches the exchange may clear the book in our place.
        """
        lasts_s = self.desk.clock.monotonic() - self._since_s
        if not (self.silent_code and self.resting and lasts_s >= self.desk.policy.unattended_s):
            return ""
        return f"cannot take off {self.resting} orders ({self.silent_code})"

    def add(self) -> None:
        """Count one more."""
        if not self.count:
            self._since_s = self.desk.clock.monotonic()
        self.count += 1

    async def silence(self, code: str, clear: Callable[[], Awaitable[object]]) -> None:
        """Do what a round takes that failed because somebody did not answer; ``code`` is told to people."""
        self.add()
        self.silent_code = code
        if self.count == TOLD_AT:
            await self._tell(code)
        if self.lasts:
            await clear()
            await self._count_resting()

    async def _count_resting(self) -> None:
        """Note how many orders rest by our books; unknown, where the store is what does not answer."""
        rests = (OrderState.OPEN, OrderState.PARTIAL)
        try:
            unsettled = await self.desk.orders.unsettled(self.desk.account)
        except (Unavailable, OutcomeUnknown):
            self.resting = 0
            return
        self.resting = sum(intent.state in rests for intent in unsettled)

    async def _tell_of_key(self, code: str) -> None:
        """Tell those who can make another key; once a day, and in words that say what to do (AN11)."""
        desk = self.desk
        cause = f"key_refused:{desk.account}:{code}:{desk.clock.now():%Y-%m-%d}"
        async with desk.transaction(()):
            await desk.tell_keepers("key_refused", cause, {"account": desk.account, "reason": code})

    async def unforeseen(self, error: Exception, clear: Callable[[], Awaitable[object]]) -> None:
        """Do what a round takes that failed as nobody foresaw: its people are told, and the keepers."""
        self.add()
        self.silent_code = ""
        try:
            if self.lasts:
                await clear()
        finally:  # people hear of it even where clearing fails the same way
            if self.count == TOLD_AT:
                await self._tell(UNFORESEEN, error)

    async def clear_booked(self) -> None:
        """Take off what our books call resting.

        A venue that does not answer cancels either is not asked for the rest, until the next round.
        """
        unanswered = 0
        try:
            for intent in await self.desk.orders.unsettled(self.desk.account):
                if intent.uncertain or intent.state in TERMINAL:
                    continue
                [after] = await self.resolution.cancel([intent])
                unanswered += after.state not in TERMINAL
                if unanswered == _PATIENCE:
                    return
        except (Unavailable, OutcomeUnknown):
            return  # the store is what does not answer

    async def clear_all(self, pairs: Sequence[Pair], ready: bool) -> None:
        """Take off what the venue lists, which needs no books, and then what our books call resting."""
        await self.resolution.clear_listed(pairs)
        if ready:
            await self.clear_booked()

    async def _tell(self, code: str, error: Exception | None = None) -> None:
        desk = self.desk
        try:
            if error:  # first: reading runs may be what fails
                name = name_of(error)
                cause = f"trading_fails:{desk.account}:{name}:{desk.clock.now():%Y-%m-%dT%H}"
                async with desk.transaction():
                    told = {"account": desk.account, "error": name}
                    await desk.tell_keepers("trading_fails", cause, told)
            if code in OF_THE_KEY:
                await self._tell_of_key(code)
            runs = await desk.runs.active(desk.account)
            await desk.trouble([run for run in runs if run.state not in _STANDING_STILL], code)
        except (Unavailable, OutcomeUnknown):
            return  # the store is what does not answer
