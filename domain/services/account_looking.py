"""A look at one venue account by the worker that trades it: noted for those who look after the instance."""

from collections import Counter
from dataclasses import dataclass

from domain.errors import Refused, Unavailable
from domain.market.orders import TERMINAL
from domain.ports.account_looks import AccountLook, KeyPower, KeyTeller
from domain.services.dead_man import DeadMan
from domain.services.desk import Desk
from domain.services.venue_clock import VenueClock

EVERY_S = 60.0
ASK_KEY_EVERY_S = 3_600.0
ASK_KEY_AGAIN_S = 300.0  # where the venue did not answer


@dataclass(slots=True)
class AccountLooking:
    """Looks once a minute; without a ``watching`` at the desk it never does."""

    desk: Desk
    clock: VenueClock
    dead_man: DeadMan
    _looked_s: float = float("-inf")
    _ask_key_s: float = float("-inf")
    _powers: frozenset[KeyPower] | None = None

    async def look_if_due(self) -> None:
        """Note how the account is, if it is time to; nothing that is not known keeps anything else back."""
        desk = self.desk
        now_s = desk.clock.monotonic()
        if desk.watching is None or now_s - self._looked_s < EVERY_S:
            return
        self._looked_s = now_s
        await self._ask_key(desk.watching.keys, now_s)
        apart_s = self.clock.apart_s
        look = AccountLook(
            account=desk.account,
            venue=desk.venue,
            at=desk.clock.now(),
            powers=self._powers,
            apart_ms=None if apart_s is None else round(apart_s * 1000),
            open_orders=await self._fullest(),
            dead_man=self.dead_man.state,
        )
        async with desk.transaction(()):
            await desk.watching.looks.note(look)

    async def _ask_key(self, keys: KeyTeller, now_s: float) -> None:
        if now_s < self._ask_key_s:
            return
        try:
            self._powers = await keys.powers()
            self._ask_key_s = now_s + ASK_KEY_EVERY_S
        except (Unavailable, Refused):
            self._ask_key_s = now_s + ASK_KEY_AGAIN_S

    async def _fullest(self) -> int:
        """Return how many orders rest on the pair with the most."""
        unsettled = await self.desk.orders.unsettled(self.desk.account)
        resting = Counter(intent.pair for intent in unsettled if intent.state not in TERMINAL)
        return max(resting.values(), default=0)
