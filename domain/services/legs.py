"""A run with two accounts: the worker of the first asks for orders, the holder of the second sends them.

The row is all that passes between the two. Under its own lease each worker alone writes what concerns its
account, so neither needs to know who the other is, or whether it has changed in between.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from domain.errors import Refused, Unavailable
from domain.market.model import Quote, Side
from domain.market.orders import TERMINAL, AskedOrder, Intent
from domain.market.own import Standing
from domain.market.runs import HELD_BACK, RUN_EDGES, Run, RunState
from domain.ports.asked_orders import AskedOrderStore
from domain.services.desk import Desk
from domain.services.order_resolution import OrderResolution
from domain.services.order_sending import OrderSending, Wanted
from domain.services.ticking import resting

_FOLLOWS = {
    RunState.RUNNING: RunState.RUNNING,
    **dict.fromkeys((RunState.PAUSED, *HELD_BACK), RunState.PAUSED),
    RunState.STOPPING: RunState.STOPPING,
    RunState.STOPPED: RunState.STOPPING,
}
"""The state of a leader -> where its leg goes."""


@dataclass(slots=True)
class Asking:
    """The leader's side: what is decided here is sent elsewhere."""

    desk: Desk
    asked: AskedOrderStore

    async def ask(self, wanted: Sequence[Wanted]) -> list[AskedOrder]:
        """Write down orders of legs, all or none; whoever holds their accounts sends them until it is late.

        Raises:
            Refused: ``epoch_lost``, ``run_not_running``.
        """
        asked = [self._asked(want) for want in wanted]
        async with self.desk.transaction(()):
            await self.asked.add_all(asked)
        return asked

    def _asked(self, want: Wanted) -> AskedOrder:
        desk = self.desk
        return AskedOrder(
            id=desk.ids.new_id(),
            run_id=want.run.id,
            account=want.run.account,
            asker=desk.account,
            epoch=desk.epoch,
            pair=want.run.pair,
            side=want.quote.side,
            price=want.rules.price(want.quote.ticks),
            quantity=want.rules.quantity(want.quote.lots),
            post_only=want.post_only,
            immediate=want.immediate,
            not_after=desk.clock.now() + timedelta(seconds=desk.policy.asked_window_s),
        )


@dataclass(slots=True)
class Legs:
    """The holder's side: sends what is asked of its account, and has legs live as their leaders do."""

    desk: Desk
    resolution: OrderResolution
    sending: OrderSending

    async def advance(self, legs: Sequence[Run], doubt: str) -> list[str]:
        """Follow the leaders, then send what is asked for; say what was done. In doubt nothing is sent."""
        if not legs or self.desk.asked is None:
            return []
        said = [each for leg in legs if (each := await self._follow(leg))]
        waiting = await self.desk.asked.waiting(self.desk.account, self.desk.clock.now())
        if not waiting or doubt or not self.desk.grip.sure:
            return said
        sent = await self.sending.send_intents(await self._apart(waiting), {leg.id: leg for leg in legs})
        await self.resolution.cancel([i for i in sent.changed if i.state not in TERMINAL])  # OR7
        return [*said, f"sent {len(sent.intents)} of {len(waiting)} orders that were asked for"]

    async def _follow(self, leg: Run) -> str:
        assert leg.leader is not None
        goes = _FOLLOWS.get((await self.desk.runs.get(leg.leader)).state, leg.state)
        if goes not in RUN_EDGES[leg.state] or (leg.state in HELD_BACK and goes is not RunState.STOPPING):
            return ""  # it is there, or its own account is being brought back first
        async with self.desk.transaction(()):
            moved = await self.desk.runs.move(leg.id, leg.state, goes, self.desk.clock.now())
        return f"leg {leg.id} is {goes} as its run is" if moved else ""

    async def _apart(self, waiting: Sequence[AskedOrder]) -> list[Intent]:
        """Return what has room, moved where it would meet orders of our own (OR8): to a better price, if any.

        The rest waits until it is late.
        """
        unsettled = await self.desk.orders.unsettled(self.desk.account)
        live = [intent for intent in unsettled if intent.state not in TERMINAL]
        apart: list[Intent] = []
        for asked in waiting:
            try:
                rules = await self.desk.exchange.rules(asked.pair)
            except (Refused, Unavailable):
                continue
            own = [resting(i, rules).quote for i in (*live, *apart) if i.pair == asked.pair]
            as_good = rules.ticks_down if asked.side is Side.BUY else rules.ticks_up
            quote = Quote(asked.side, as_good(asked.price), rules.lots_down(asked.quantity))
            moved = Standing.of(own).admit([quote], rules.max_open_orders)
            apart += [self._intent(asked, rules.price(each.ticks)) for each in moved]
        return apart

    def _intent(self, asked: AskedOrder, price: Decimal) -> Intent:
        soon = self.desk.clock.now() + timedelta(seconds=self.desk.policy.send_window_s)
        return Intent(
            id=asked.id,
            client_order_id=self.desk.ids.client_order_id(),
            run_id=asked.run_id,
            account=asked.account,
            epoch=self.desk.epoch,
            pair=asked.pair,
            side=asked.side,
            price=price,
            quantity=asked.quantity,
            post_only=asked.post_only,
            immediate=asked.immediate,
            not_after=min(soon, asked.not_after),  # what gets no answer is known to be dead so much sooner
        )
