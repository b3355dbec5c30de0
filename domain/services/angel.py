"""The Angel: looks whether anybody acts for the accounts, and sees to those for which nobody does."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from domain.angel.watch import Sign, Standing, Verdict, Watch, is_venue
from domain.errors import Refused
from domain.ids import VenueAccountName
from domain.leases import Scope
from domain.market.model import Pair
from domain.market.orders import OF_THE_KEY
from domain.ports.angel import HaltSign, Keepsake, Memory, NoHaltSign, Witness
from domain.services.angel_desk import AngelDesk, Sweep
from domain.services.angel_log import SILENCE, AngelLog
from domain.services.angel_sweep import Sweeping

SILENT = "the store does not answer"

ASK_AGAIN_S = 30.0


@dataclass(slots=True)
class Angel:
    """Watches all accounts, and sweeps those that were left; the two go on beside each other.

    ``look`` is called every few seconds, ``sweep`` for each account far more often.
    """

    log: AngelLog
    watch: Watch
    sweeping: Sweeping
    desks: Mapping[Scope, AngelDesk]
    keepsake: Keepsake
    witness: Witness
    halt: HaltSign = field(default_factory=NoHaltSign)
    sweeps: dict[Scope, Sweep] = field(default_factory=dict)
    blind: Mapping[VenueAccountName, str] = field(default_factory=dict)
    """Accounts whose exchange did not let us see anything when it was last asked, with the code."""
    _strange: Sequence[Scope] = ()  # held by workers, and none of ours
    _asked_s: dict[Scope, float] = field(default_factory=dict)  # when a doubtful exchange was last asked
    _kept: Memory | None = None
    _unheard: str = ""  # what the store did instead of an answer

    def __post_init__(self) -> None:
        """Let closings see which accounts are being swept."""
        self.sweeping.closings.under = self.sweeps

    def wake(self) -> None:
        """Begin with what was kept in an earlier life: the store may be silent from the start (AN5)."""
        memory = self.keepsake.recall()
        self.watch.remember(memory.signs)
        for desk in self.desks.values():
            desk.pairs = sorted({*desk.pairs, *memory.pairs.get(desk.account, ())}, key=str)

    async def look(self) -> str:
        """Look once, begin what is to be done, and say in one sentence what was decided."""
        try:
            async with asyncio.timeout(self.log.timeout_s):
                signs = await self.log.store.look()
        except SILENCE:
            return await self._in_silence(SILENT)
        except Exception as error:  # AN5: a broken or changed store, our password: nobody is told of
            return await self._in_silence(f"the store gives no sense: {type(error).__name__}: {error}")
        self._unheard = ""
        self._end_blind()
        held = (sign.scope for sign in signs if sign.standing is Standing.HELD and is_venue(sign.scope))
        self._strange = [scope for scope in held if scope not in self.desks]
        verdict = await self._without_unreached(self.watch.look(signs, self.log.clock.monotonic()))
        said = [self._begin(verdict), await self._catch_up(signs)]
        return "; ".join(each for each in said if each)

    async def sweep(self, scope: Scope) -> str:
        """Take the sweep of an account one step further, if there is one; say what was done, or nothing."""
        sweep = self.sweeps.get(scope)
        if sweep is None:
            return ""
        said = await self.sweeping.round(self.desks[scope], sweep)
        if sweep.over and self.sweeps.get(scope) is sweep:
            del self.sweeps[scope]
        return said

    def missing(self) -> str:
        """Return what keeps it from doing all of its work, or nothing."""
        if self.log.diary_trouble:
            return f"its log: {self.log.diary_trouble}"
        return self._unheard or self._trouble

    @property
    def _trouble(self) -> str:
        """Return in words which accounts it could not clear, or nothing."""
        said = [f"{account}: {code}" for account, code in sorted(self.blind.items())]
        return "; ".join([*said, *(f"{scope} is not in its file" for scope in self._strange)])

    async def _without_unreached(self, verdict: Verdict) -> Verdict:
        """Leave alone whom the exchange does not answer either: then it is the exchange that is away."""
        doubtful = [trip.scope for trip in verdict.trips if trip.cut_off]
        if not doubtful:
            return verdict
        reached = dict(zip(doubtful, await asyncio.gather(*map(self._reaches, doubtful)), strict=True))
        kept = [trip for trip in verdict.trips if reached.get(trip.scope, True)]
        if len(kept) == len(verdict.trips):
            return verdict
        return Verdict(kept, f"{verdict.said}; what we do not reach either is left alone")

    async def _reaches(self, scope: Scope) -> bool:
        """Tell whether an exchange answers us; one that did not is let alone for a while."""
        desk, now_s = self.desks.get(scope), self.log.clock.monotonic()
        if desk is None or now_s - self._asked_s.get(scope, float("-inf")) < ASK_AGAIN_S:
            return False
        self._asked_s[scope] = now_s
        for pair in desk.pairs:
            try:
                async with asyncio.timeout(self.log.timeout_s):
                    await desk.exchange.open_orders(pair)
            except Refused:
                continue  # a pair that is gone says nothing
            except SILENCE:
                return False
            return True
        return False

    async def _in_silence(self, unheard: str) -> str:
        """Judge without the store's word."""
        self._unheard = unheard
        seen = await self.witness.sees_store()
        now_s, stopped = self.log.clock.monotonic(), self.halt.stands()
        verdict = self.watch.silence(now_s, store_answers_others=seen, stop_said=stopped)
        said = self._begin(verdict)
        return said if unheard == SILENT else f"{unheard}; {said}"

    def _begin(self, verdict: Verdict) -> str:
        """Begin a sweep of each account that was left and that nobody sweeps here yet."""
        new = [trip for trip in verdict.trips if trip.scope not in self.sweeps]
        strange = [trip.scope for trip in new if trip.scope not in self.desks]
        for trip in new:
            if trip.scope in self.desks:
                self.sweeps[trip.scope] = Sweep(trip, self.log.clock.monotonic())
        said = (
            [verdict.said] if verdict.healthy or new else [f"goes on with {', '.join(sorted(self.sweeps))}"]
        )
        if strange:
            said.append(f"no account of ours, and nobody's: {', '.join(strange)}")
        return "; ".join(said)

    def _end_blind(self) -> None:
        """Let go of what was begun without the store: now it says itself who acts for what."""
        for scope in [scope for scope, sweep in self.sweeps.items() if sweep.trip.blind]:
            del self.sweeps[scope]

    async def _catch_up(self, signs: Sequence[Sign]) -> str:
        """Tell the store what it has missed, and keep what we need of it for when it is gone."""
        try:
            async with asyncio.timeout(self.log.timeout_s):
                refused = {account: code for account, code in self.blind.items() if code in OF_THE_KEY}
                await self.log.store.alive(self.log.us, self._trouble, refused)
            said = await self.log.catch_up()
            pairs: dict[VenueAccountName, Sequence[Pair]] = {}
            for desk in self.desks.values():
                async with asyncio.timeout(self.log.timeout_s):
                    known = await self.log.store.pairs(desk.account)
                desk.pairs = pairs[desk.account] = sorted({*desk.pairs, *known}, key=str)
        except SILENCE as error:
            return f"the store fell silent: {error}"
        memory = Memory([sign for sign in signs if sign.scope in self.desks], pairs)
        if self._kept is None or _as_kept(memory) != _as_kept(self._kept):
            self.keepsake.keep(memory)
            self._kept = memory
        return said


def _as_kept(memory: Memory) -> object:
    """Return what must be kept anew when it changes: not how long ago something was."""
    signs = {(sign.scope, sign.epoch, sign.holder, sign.standing, sign.left_behind) for sign in memory.signs}
    return signs, {account: tuple(pairs) for account, pairs in memory.pairs.items()}
