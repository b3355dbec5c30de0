"""The end of a run: nothing on the book, every fill booked, then the funds go back, or on to a conversion."""

from dataclasses import dataclass, field
from decimal import Decimal

from domain.conversions.model import Ending
from domain.errors import Refused
from domain.ledger.model import AccountKind, Cause, Posting, Transfer
from domain.ledger.model import run as run_account
from domain.market.model import Side
from domain.market.orders import TERMINAL, Intent
from domain.market.runs import FRESH, FillTotals, Run, RunKind, RunState
from domain.money import ZERO, plain
from domain.services.desk import Desk
from domain.services.fill_accounting import FillAccounting
from domain.services.leaving import heir_of, inherit, receiver, told_of
from domain.services.order_resolution import OrderResolution
from domain.services.untraded import NOT_TRADED


@dataclass(slots=True)
class RunStop:
    """Drives STOPPING runs to STOPPED; every step may be repeated, by another worker too (ST1)."""

    desk: Desk
    fills: FillAccounting
    resolution: OrderResolution
    _clear_since: dict[str, float] = field(default_factory=dict)  # run id -> monotonic seconds
    _waits_since: dict[str, float] = field(default_factory=dict)  # run id -> monotonic seconds

    async def advance(self, run: Run) -> str:
        """Take a stopping run one step further; say what it waits for.

        On a pair that the venue trades no more nothing can be found out: the run waits for a person.
        """
        try:
            return await self._advance(run)
        except Refused as refusal:
            if refusal.code != NOT_TRADED:
                raise
            await self._note_wait(run, NOT_TRADED)
            return f"run {run.id} stops: the venue does not trade {run.pair}"

    async def _advance(self, run: Run) -> str:
        if left := await self._take_off(run):
            self._clear_since.pop(run.id, None)
            counted = all(intent.state in TERMINAL for intent in left)
            await self._note_wait(run, "stop_fills" if counted else "stop_orders")
            return f"run {run.id} stops: {len(left)} orders have no last word yet"
        if shown := await self._still_shown(run):
            self._clear_since.pop(run.id, None)
            await self._note_wait(run, "stop_orders")
            return f"run {run.id} stops: the venue still shows {shown} orders"
        now = self.desk.clock.monotonic()
        since = self._clear_since.setdefault(run.id, now)
        if now - since < self.desk.policy.stop_settle_s:
            return f"run {run.id} stops: the book was clear once"
        await self.fills.read_deep(run.pair)
        if await self._unsettled(run) or await self._orphans_wait(run):
            await self._note_wait(run, "stop_fills")
            return f"run {run.id} stops: a late fill is being booked"
        if now - since < self.desk.policy.fee_patience_s and await self.desk.fills.unknown_fees(run.id):
            return f"run {run.id} stops: the venue has not said every fee"
        await self.fills.third.charge_waiting(run.id)
        return await self._give_back(run)

    async def _note_wait(self, run: Run, reason: str) -> None:
        """Tell the run's person and the owner what a stop waits for, when that lasts; hourly at most."""
        desk, now_s = self.desk, self.desk.clock.monotonic()
        if now_s - self._waits_since.setdefault(run.id, now_s) < desk.policy.stop_patience_s:
            return
        cause = f"stop_waits:{run.id}:{reason}:{desk.clock.now():%Y-%m-%dT%H}"
        told = {"number": str(run.number), "pair": str(run.pair), "reason": reason}
        kind = "conversion_waits" if run.kind is RunKind.CONVERSION else "run_stop_waits"
        async with desk.transaction():
            await desk.notices.tell(run.user_id, kind, cause, told)
            await desk.tell_keepers("stop_waits", cause, {**told, "account": run.account})

    async def _take_off(self, run: Run) -> list[Intent]:
        """Cancel what rests, look up what is uncertain, book what is missing; return what is unsettled."""
        mine = await self._unsettled(run)
        await self.resolution.cancel([i for i in mine if not i.uncertain and i.state not in TERMINAL])
        await self.resolution.settle_ended(await self._unsettled(run))
        return await self._unsettled(run)

    async def _unsettled(self, run: Run) -> list[Intent]:
        return [i for i in await self.desk.orders.unsettled(self.desk.account) if i.run_id == run.id]

    async def _orphans_wait(self, run: Run) -> bool:
        return any(o.fill.pair == run.pair for o in await self.desk.fills.orphans(self.desk.account))

    async def _still_shown(self, run: Run) -> int:
        """Return how many open orders of the run the venue shows; they are cancelled again."""
        desk = self.desk
        shown = [o.client_order_id for o in await desk.exchange.open_orders(run.pair)]
        known = await desk.orders.find_by_client_ids(desk.account, shown) if shown else {}
        mine = [intent for intent in known.values() if intent.run_id == run.id]
        await self.resolution.cancel(mine)
        return len(mine)

    async def _give_back(self, run: Run) -> str:
        """Return everything the run has to its person, and say goodbye: one commit (ST5).

        What its person wants in the other coin goes to the conversion that waits for it instead (CV3).
        """
        desk = self.desk
        totals = (await desk.fills.totals([run.id])).get(run.id, FillTotals(0, ZERO, ZERO, ZERO))
        async with desk.transaction():
            if not await desk.runs.move(run.id, RunState.STOPPING, RunState.STOPPED, desk.clock.now()):
                return f"run {run.id} had been stopped"
            heir = await heir_of(desk, run)
            balances = await desk.ledger.balances(AccountKind.RUN, run.id)
            postings = tuple(
                Posting(run_account(run.id, run.account, coin), receiver(run, coin, heir), balance.total)
                for coin, balance in sorted(balances.items())
                if balance.total
            )
            if postings:
                await desk.ledger.post(Transfer(Cause("run_stop", run.id), postings))
            await desk.fills.forgo_charges(run.id, run.pair)
            base, quote = (
                balances[coin].total if coin in balances else ZERO for coin in (run.pair.base, run.pair.quote)
            )
            await desk.runs.end(run.id, base, quote, seen_since=desk.clock.now() - FRESH)
            if run.kind is RunKind.CONVERSION:
                await self._end_conversion(run, base, quote)
            else:
                kind = "run_stopped" if heir is None else "run_stopped_converting"
                await self._say_goodbye(kind, run, base, quote, totals)
            if heir is not None:
                await inherit(desk, heir, balances[heir.pays].total if heir.pays in balances else ZERO)
        self._clear_since.pop(run.id, None)
        self._waits_since.pop(run.id, None)
        return f"run {run.id} stopped with {plain(base)} {run.pair.base} and {plain(quote)} {run.pair.quote}"

    async def _say_goodbye(
        self, kind: str, run: Run, base: Decimal, quote: Decimal, totals: FillTotals
    ) -> None:
        told = {
            "number": str(run.number),
            "pair": str(run.pair),
            "base": plain(base),
            "quote": plain(quote),
            "fills": str(totals.fills),
            "volume": plain(totals.volume),
        }
        await self.desk.notices.tell(run.user_id, kind, f"run_stopped:{run.id}", told)

    async def _end_conversion(self, run: Run, base: Decimal, quote: Decimal) -> None:
        """Note what became of the conversion that a run has carried, and tell its person."""
        desk = self.desk
        await desk.conversions.finish(run.id, Ending.ASKED)  # unless a reason was given before
        conversion = (await desk.conversions.of([run.id]))[run.id]
        left, received = (quote, base) if conversion.side is Side.BUY else (base, quote)
        spent = max(ZERO, conversion.amount - left)
        await desk.conversions.end(run.id, conversion.reason, spent, received, desk.clock.now())
        became = {"spent": plain(spent), "received": plain(received), "left": plain(left)}
        told = told_of(conversion) | became | {"reason": conversion.reason}
        await desk.notices.tell(run.user_id, "conversion_done", f"conversion_done:{run.id}", told)
