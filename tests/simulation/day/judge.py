"""The judge of the simulated day: tables against far sides, everybody's money to the digit, who is live."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING

from domain.angel.entries import Deed
from domain.angel.watch import Window
from domain.ids import UserId, VenueAccountName
from domain.leases import Scope, venue_scope
from domain.ledger.model import AccountKind, mixin, venue
from domain.market.model import Side
from domain.market.runs import FRESH, HELD_BACK, RunState
from domain.money import ZERO, Coin
from domain.payouts.model import ENDED
from domain.reconciliation.model import FINE
from tests.simulation.day.instance import TOKENS, Instance

if TYPE_CHECKING:
    from tests.simulation.day.day import Day, Post


_HELD_BACK = HELD_BACK - {RunState.AWAITING_USER}
"""One that awaits its person does so for a reason: it was brought back three times within the hour."""


class Fence:
    """Listens at the venues: what arrives under an epoch that has passed is late.

    Where requests expire that must not be, but for what is on its way while an Angel takes over from a worker
    that is alive and could not reach its venue: the Angel stays until all of that has come.
    """

    def __init__(self, instance: Instance) -> None:
        self.late: Counter[str] = Counter()  # by venue
        self.broken: list[str] = []
        self._instance = instance
        for account, far in instance.venues.items():
            far.arrived = partial(self._look, account)

    def _look(self, account: VenueAccountName, client_id: str) -> None:
        instance = self._instance
        intent_id = instance.orders.of_client(account, client_id)
        if intent_id is None:
            self.broken.append(f"{account}: {client_id} arrived, of which the books know nothing")
            return
        intent = instance.orders.rows[intent_id]
        lease = instance.leases.rows[venue_scope(intent.account)]
        if intent.epoch == lease.epoch:
            return
        far = instance.venues[intent.account]
        self.late[far.personality.name] += 1
        if far.personality.expires and not self._may_be_under_way(lease.scope):
            self.broken.append(
                f"{account}: {client_id} of epoch {intent.epoch} was accepted in epoch {lease.epoch}"
            )

    def _may_be_under_way(self, scope: Scope) -> bool:
        """Tell whether an Angel has taken the account from one who is alive so lately that it still waits."""
        instance, window = self._instance, Window()
        taken = [
            e
            for e, late, a in instance.angels.entries.values()
            if e.deed is Deed.TAKE and a.ours and not late
        ]
        last = next((entry for entry in reversed(taken) if entry.scope == scope), None)
        if last is None or scope not in instance.leases.angels or not last.facts["stuck"]:
            return False
        return (instance.clock.now() - last.at).total_seconds() <= window.send_s + window.expiry_s


class Judge:
    """Says what is wrong, in sentences; nothing said is a good day."""

    def __init__(self, day: "Day") -> None:
        self._day, self._instance = day, day.instance
        self.fence, self._two = Fence(day.instance), set[str]()

    def alarms(self) -> list[str]:
        """Return what somebody has noticed that must not be at any time: nothing here is a reason to halt."""
        instance = self._instance
        return [
            *instance.unforeseen,
            *self.fence.broken,
            *self._two,
            *(f"{halt.account} is halted: {halt.reason}" for halt in instance.accounts.stopped.values()),
            *(f"{freeze.scope} is frozen: {freeze.reason}" for freeze in instance.freezes.rows),
        ]

    def always(self) -> list[str]:
        """Return what must not be at any time, having added everything up."""
        instance = self._instance
        return [
            *self.alarms(),
            *(f"ledger: {fault}" for fault in instance.ledger.faults()),
            *(f"fee: {fault}" for fault in instance.fees.unbooked(instance.ledger)),
            *self._sent_twice(),
        ]

    def not_live(self) -> list[str]:
        """Return what does not work as it does when nothing is wrong."""
        instance, now = self._instance, self._instance.clock.now()
        return [
            *self._unattended(),
            *(f"run {r.id} is {r.state}" for r in instance.runs.rows.values() if r.state in _HELD_BACK),
            *(f"run {r.number} of {r.user_id}: {r.trouble}" for r in instance.runs.running() if r.trouble),
            *(
                f"nobody has seen {name} lately"
                for (name, _), view in instance.accounts.seen.items()
                if now - view.seen_at > FRESH / 4
            ),
            *(f"order {i.id} is {i.state}" for i in instance.orders.open() if i.uncertain),
            *(f"orphan {key}" for key in instance.fills.all_orphans()),
            *self._payouts(),
            *(
                f"{standing.latest.scope}: {standing.latest.outcome}"
                for standing in instance.rounds.standing()
                if standing.latest.outcome not in FINE
            ),
        ]

    def watch(self) -> None:
        """Note who acts for what: never two workers for one, nor two Angels, frozen ones among them.

        The Angel may take over from one that was silent for six seconds and whose own clock gives it two
        more: it cancels alone until whatever that one had sent must have arrived. ``Fence`` looks at that.
        """
        for posts in (self._day.posts, self._day.angels):
            holders = self._holders(posts)
            self._two |= {f"{', '.join(names)} act for {of}" for of, names in holders.items() if names[1:]}

    def _holders(self, posts: Sequence["Post"]) -> Mapping[str, list[str]]:
        holders: defaultdict[str, list[str]] = defaultdict(list)
        for process in (post.process for post in posts):
            if process and process.alive:
                for grip in process.grips:
                    if grip.held:
                        holders[grip.scope].append(process.name)
        return holders

    def _unattended(self) -> Iterator[str]:
        holders = self._holders(self._day.posts)
        for account in self._instance.venues:
            if not holders[venue_scope(account)]:
                yield f"nobody acts for {account}"

    def _payouts(self) -> Iterator[str]:
        payouts = self._instance.treasury.rows.payouts.values()
        yield from (f"payout {p.id} is {p.state} {p.reason}" for p in payouts if p.state not in ENDED)

    def not_ended(self) -> list[str]:
        """Return what is still under way though every run was told to stop."""
        return [*self._payouts(), *self._left_over()]

    def at_rest(self) -> list[str]:
        """Return what is wrong when every run has been stopped and nothing is under way."""
        return [
            *self.always(),
            *self.not_ended(),
            *self._places(),
            *self._everybody(),
        ]

    def _sent_twice(self) -> Iterator[str]:
        instance = self._instance
        for account, far in instance.venues.items():
            twice = [sent for sent, times in Counter(far.sent).items() if times > 1]
            yield from (f"{account}: order {sent} was sent more than once" for sent in twice)
        for request, sent_bytes in instance.wallet.sent_bytes.items():
            if len(sent_bytes) > 1:
                yield f"payment {request} was sent in other bytes"
        paid = Counter(instance.wallet.executed)
        yield from (f"payment {request} was made twice" for request, times in paid.items() if times > 1)

    def _left_over(self) -> Iterator[str]:
        instance = self._instance
        for account, far in instance.venues.items():
            yield from (f"{account}: {order.client_order_id} rests" for order in far.resting())
            booked = {key[2] for key in instance.fills.fills if key[0] == account}
            traded = {fill.trade_id for _, fill in far.trades}
            yield from (f"{account}: trade {one} is in one place alone" for one in booked ^ traded)
        yield from (f"order {intent.id} is not settled" for intent in instance.orders.open())
        yield from (
            f"run {run.id} is {run.state}"
            for run in instance.runs.rows.values()
            if run.state is not RunState.STOPPED
        )
        held = [str(owner) for owner, hold in instance.ledger.holds.items() if hold.remaining]
        yield from (f"{owner} still holds something" for owner in held)

    def _places(self) -> Iterator[str]:
        ledger = self._instance.ledger
        for account, far in self._instance.venues.items():
            for coin, there in far.total.items():
                if (booked := ledger.totals.get(venue(account, coin), ZERO)) != there:
                    yield f"{account}: {booked} {coin} is booked, {there} is there"
        for coin, token in TOKENS.items():
            there = self._instance.wallet.unspent(token.asset_id)
            if (booked := ledger.totals.get(mixin(token), ZERO)) != there:
                yield f"wallet: {booked} {coin} is booked, {there} is there"

    def _everybody(self) -> Iterator[str]:
        """What someone has and was paid is what they paid in and their runs made, less our fees."""
        has, should = self._owed(), self._results()
        for (user_id, coin), fee in self._instance.fees.charged().items():
            should[user_id, coin] -= fee
        for person in self._day.people:
            for coin, token in TOKENS.items():
                key = person.user_id, coin
                paid = self._instance.wallet.paid[person.user_id, token.asset_id]
                if has[key] + paid != person.paid_in[coin] + should[key]:
                    yield f"person {person.number} has {has[key]} {coin} and was paid {paid}: not right"

    def _owed(self) -> defaultdict[tuple[UserId, Coin], Decimal]:
        owed: defaultdict[tuple[UserId, Coin], Decimal] = defaultdict(Decimal)
        for account, total in self._instance.ledger.totals.items():
            if account.kind in (AccountKind.AVAILABLE, AccountKind.PENDING):
                owed[UserId(account.owner), account.coin] += total
        return owed

    def _results(self) -> defaultdict[tuple[UserId, Coin], Decimal]:
        results: defaultdict[tuple[UserId, Coin], Decimal] = defaultdict(Decimal)
        for fill, intent in self._instance.fills.fills.values():
            if intent is None:
                continue
            who, way = self._instance.runs.rows[intent.run_id].user_id, 1 if fill.side is Side.BUY else -1
            results[who, fill.pair.base] += way * fill.quantity
            results[who, fill.pair.quote] -= way * fill.quote_quantity
            results[who, fill.fee_coin] -= fill.fee
        return results
