"""Paying: reserve, build, sign, send, settle, one step at a time, each safe to repeat (WD1-WD9).

Every step reads the row, talks to Mixin outside any transaction, and commits the outcome only if the
row still stands where it stood. From the moment bytes are fixed, the first thing a step does is to ask
what became of the request id; only the stored bytes are ever sent.
"""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta

from domain.errors import InvariantBroken, MrMarketError, OutcomeUnknown, Refused, Unavailable
from domain.ids import Ids, UserId, WithdrawalId
from domain.money import Token
from domain.payouts.inputs import MOST_INPUTS, Choice, Verdict
from domain.payouts.model import (
    CONSOLIDATING,
    ENDED,
    Payout,
    PayoutState,
    Purpose,
    fee_of_payout,
    requested,
    settlement,
)
from domain.payouts.refusals import DEFINITE, SPENT_ELSEWHERE, STOPPING
from domain.ports.clock import Clock
from domain.ports.fees import FeeStore
from domain.ports.freezes import WALLET, FreezeStore, coin_scope, user_scope
from domain.ports.ledger import Ledger
from domain.ports.notices import Notices
from domain.ports.roles import RoleStore
from domain.ports.store import Store
from domain.ports.wallet import BuiltTransaction, Payment, SendState, SentTransaction, Wallet
from domain.ports.withdrawals import PayoutStore
from domain.services.onward import OnwardPayments
from domain.services.payout_news import PayoutNews
from domain.services.transfer_rows import OvertakenError
from domain.services.wallet_float import WalletFloat

SOON = timedelta(seconds=1)
LATER = timedelta(seconds=30)
MOST_STEPS = 8
LOOKED_UP_ENOUGH = 3
NO_STANDS_AFTER = 5
"""Half a minute, and the last wait alone longer than bytes sent before can be on their way."""

STUCK_AFTER = 12
"""So many fruitless tries in a row, in four minutes, are no hiccup: people are told."""

CROWDED, LEFT_ALONE = 256, 16
"""So many free outputs are worth merging, but the largest; fewer never are too many for a payment."""

MEMO, REFUND_MEMO = "withdrawal", "refund"
FLOAT_TOO_SMALL = "float_too_small"
FROZEN = "frozen"
REFUSED_BUT_PAID = "refused_but_paid"
"""Why payouts stop: its amount was given back, and Mixin has paid it."""

LOOKED_BACK = timedelta(days=1)

NOT_COVERED = "fees_not_covered"
"""Why fees wait: without them Mixin would hold less than is owed."""


def wait_after(attempts: int) -> timedelta:
    """Return how long to leave a payout alone after so many fruitless tries in a row."""
    return min(SOON * (1 << min(attempts, 5)), LATER)


class PayoutService:
    """Drives payouts; holds nothing in memory, so any worker may take any step."""

    def __init__(
        self,
        store: Store,
        ledger: Ledger,
        wallet: Wallet,
        notices: Notices,
        clock: Clock,
        ids: Ids,
        payouts: PayoutStore,
        freezes: FreezeStore,
        fees: FeeStore,
        bot: UserId,
        roles: RoleStore,
        onward: OnwardPayments | None = None,
    ) -> None:
        self._store = store
        self._ledger = ledger
        self._wallet = wallet
        self._clock = clock
        self._ids = ids
        self._payouts = payouts
        self._freezes = freezes
        self._fees = fees
        self._bot = bot
        self._onward = onward
        self._float = WalletFloat(payouts, ledger, clock)
        self._news = PayoutNews(notices, roles, payouts, clock)
        self._steps: dict[PayoutState, Callable[[Payout], Awaitable[str]]] = {
            PayoutState.REQUESTED: self._reserve,
            PayoutState.WAITING: self._reserve,
            PayoutState.RESERVED: self._build,
            PayoutState.BUILT: self._sign,
            PayoutState.SIGNED: self._send,
            PayoutState.SENT: self._settle,
        }

    async def advance(self, payout_id: WithdrawalId) -> str:
        """Take one step and say what happened; without a clear answer, say so and try again later.

        Raises:
            InvariantBroken: Mixin's story and ours differ; all payouts of the wallet stop.
        """
        payout = await self._payouts.get(payout_id)
        if payout.state in ENDED:
            return f"{payout.cause} is {payout.state}: nothing to do"
        if payout.state is not PayoutState.SENT and (reason := await self._stopped(payout)):
            return f"{payout.cause} {await self._stand_still(payout, reason)}"
        try:
            return f"{payout.cause} {await self._steps[payout.state](payout)}"
        except OvertakenError:
            return f"{payout.cause} was moved on by somebody else"
        except (Refused, Unavailable, OutcomeUnknown) as error:
            return f"{payout.cause} {await self._try_later(payout, error)}"
        except InvariantBroken as error:
            await self._freeze(payout, error.code)
            raise

    async def _stopped(self, payout: Payout) -> str:
        """Return why a payout must stand still: its coin, its person, or its account's transfers do."""
        scopes = [payout.token.asset_id, coin_scope(payout.token.coin)]
        if payout.purpose in (Purpose.WITHDRAWAL, Purpose.REFUND):
            scopes.append(user_scope(payout.receiver))
        reason = await self._freezes.frozen(*scopes)
        if reason or payout.purpose is not Purpose.TRANSFER:
            return reason
        return await self._freezes.frozen(await self._treasury().scope(payout))

    async def drive(self, payout_id: WithdrawalId) -> str:
        """Take steps until the payout rests; say what the last one did."""
        said = ""
        for _ in range(MOST_STEPS):
            before = (await self._payouts.get(payout_id)).state
            said = await self.advance(payout_id)
            after = (await self._payouts.get(payout_id)).state
            if after in ENDED or after is before:
                break
        return said

    async def tidy(self) -> str:
        """Merge the smallest outputs of a token that has very many, while nothing of it is being paid (DP7).

        The largest are left alone, so whoever asks meanwhile is paid from them at once.
        """
        if (token := await self._payouts.crowded(CROWDED)) is None:
            return "nothing to merge"
        async with self._store.transaction():
            await self._payouts.lock_wallet(token.asset_id)
            if await self._payouts.crowded(CROWDED) != token or await self._freezes.frozen(token.asset_id):
                return f"leaves {token.coin} alone"
            smallest = await self._payouts.smallest(token.asset_id, min(CROWDED - LEFT_ALONE, MOST_INPUTS))
            merge = await self._merge(token, Choice(Verdict.ENOUGH, tuple(smallest)))
        return f"{merge.cause} merges small outputs of {token.coin}"

    async def look_back(self) -> str:
        """Ask again of payouts that were refused lately, though bytes may have left: was one paid after all?

        A no is believed only after every look-up; still, this is the one way in which money could go twice.
        The wallet stops, once for each, and a person looks.
        """
        refused = await self._payouts.refused_since(self._clock.now() - LOOKED_BACK)
        paid = 0
        for payout in refused:
            sent = await self._wallet.find(payout.request_id)
            if sent is not None and sent.state is not SendState.CHECKED:
                await self._freeze(payout, REFUSED_BUT_PAID)
                paid += 1
        return f"{paid} of {len(refused)} refused payouts were paid" if paid else ""

    # Steps, in the order of the states.

    async def _reserve(self, payout: Payout) -> str:
        """Choose inputs as the only chooser of this asset, or wait for money or for one's turn."""
        asset = payout.token.asset_id
        async with self._store.transaction():
            for each in sorted({asset, payout.fee_apart.asset_id if payout.fee_apart else asset}):
                await self._payouts.lock_wallet(each)
            if (await self._payouts.get(payout.id)).state is not payout.state:
                raise OvertakenError
            ahead = await self._float.line_before(payout)
            if payout.purpose is Purpose.FEES and not await self._float.covers_fees(payout):
                return await self._wait(payout, len(ahead), NOT_COVERED)
            if ahead and not await self._float.suffices_behind(payout, ahead):
                return await self._wait(payout, len(ahead), FLOAT_TOO_SMALL)
            # Outputs are booked meanwhile: change that arrives between these looks counts twice, not never.
            change = await self._payouts.change_due(asset)
            choice, total = await self._float.choose(payout)
            if choice.verdict is Verdict.ENOUGH:
                fee = await self._float.choose_fee(payout)
                if fee.verdict is Verdict.ENOUGH:
                    return await self._take(payout, Choice(choice.verdict, choice.inputs + fee.inputs))
                return await self._wait(payout, len(ahead), FLOAT_TOO_SMALL)
            if change and total + change >= payout.needs:
                return await self._stay(payout, "change is on its way back", SOON)
            if choice.verdict is Verdict.TOO_MANY:
                return await self._consolidate(payout, choice)
            return await self._wait(payout, len(ahead), FLOAT_TOO_SMALL)

    async def _build(self, payout: Payout) -> str:
        """Fix the bytes; the same payment gives the same bytes, so a repeat changes nothing.

        Raises:
            InvariantBroken: ``merge_for_another``: a consolidation pays nobody but us.
        """
        if payout.purpose is Purpose.CONSOLIDATION and payout.receiver != self._bot:
            raise InvariantBroken("merge_for_another", payout=payout.id)
        try:
            built = await self._built(payout)
        except Refused as error:
            return await self._refuse(payout, error)
        fixed = replace(payout, raw=built.raw, transaction_hash=built.transaction_hash)
        if fixed.onward is not None:
            fixed = replace(fixed, onward=replace(fixed.onward, fee_hash=built.fee_hash))
        return await self._move(fixed, PayoutState.BUILT)

    async def _built(self, payout: Payout) -> BuiltTransaction:
        inputs = await self._payouts.inputs(payout.id, payout.token.asset_id)
        if payout.onward is not None:
            apart = payout.fee_apart
            fee_inputs = await self._payouts.inputs(payout.id, apart.asset_id) if apart else ()
            return await self._treasury().build(payout, inputs, fee_inputs)
        payment = Payment(
            request_id=payout.request_id,
            asset_id=payout.token.asset_id,
            receiver=payout.receiver,
            amount=payout.pays,
            memo=REFUND_MEMO if payout.purpose is Purpose.REFUND else MEMO,
            inputs=inputs,
        )
        return await self._wallet.build(payment)

    async def _sign(self, payout: Payout) -> str:
        if await self._accepted(payout):
            return await self._move(payout, PayoutState.SENT)
        inputs = await self._payouts.inputs(payout.id)
        try:
            signed = await self._wallet.sign(payout.request_id, payout.raw, inputs)
        except Refused as error:
            return await self._refuse(payout, error)
        return await self._move(replace(payout, signed_raw=signed), PayoutState.SIGNED)

    async def _send(self, payout: Payout) -> str:
        if not await self._accepted(payout):
            try:
                sent = await self._wallet.submit(payout.request_id, payout.signed_raw)
            except Refused as error:
                return await self._refuse(payout, error)
            _compare(payout, sent)
        return await self._move(payout, PayoutState.SENT)

    async def _settle(self, payout: Payout) -> str:
        """Book a final payment: promise, ledger and notice end in one commit."""
        sent = await self._accepted(payout)
        if sent is None:  # Mixin has lost it: the same bytes again can at most complete it
            sent = await self._wallet.submit(payout.request_id, payout.signed_raw)
            _compare(payout, sent)
        if sent.state is not SendState.SPENT:
            return await self._stay(payout, "not final yet", SOON)
        async with self._store.transaction():
            said = await self._move(payout, PayoutState.DONE)
            if payout.purpose is Purpose.WITHDRAWAL:
                await self._ledger.release(payout.cause)
                await self._ledger.post(settlement(payout))
                await self._fees.note(fee_of_payout(payout))
                await self._news.tell(
                    payout, "withdrawal_sent", payout.pays, transaction_hash=payout.transaction_hash
                )
            elif payout.purpose is Purpose.FEES:
                await self._ledger.release(payout.cause)
                await self._ledger.post(settlement(payout))
                await self._news.tell(
                    payout, "fees_taken", payout.pays, transaction_hash=payout.transaction_hash
                )
            elif payout.purpose is Purpose.REFUND:
                await self._end_refund(payout, paid=True)
                await self._news.tell(
                    payout, "refund_sent", payout.pays, transaction_hash=payout.transaction_hash
                )
        return said

    # Parts of steps.

    async def _accepted(self, payout: Payout) -> SentTransaction | None:
        """Return the payout's transaction if Mixin has accepted it.

        Raises:
            InvariantBroken: ``other_transaction``: another one than ours goes by our request id.
        """
        sent = await self._wallet.find(payout.request_id)
        if sent is None or sent.state is SendState.CHECKED:
            return None
        _compare(payout, sent)
        if payout.onward is not None:
            return await self._treasury().accepted(payout, sent, self._wallet)
        return sent

    async def _refuse(self, payout: Payout, error: Refused) -> str:
        """End a payout after a definite no, unless Mixin has accepted it all the same.

        Spent inputs are believed to be somebody else's doing only when our own request has been looked up
        again and again. So is a no to bytes that may have left before: what was sent and not answered, by
        us or by a worker that is gone, could still be accepted after it, and be paid twice.

        Raises:
            Refused: the no is not one that we know to be final, or not yet; the payout stays.
            InvariantBroken: ``spent_elsewhere``: somebody else has spent our inputs.
        """
        if payout.transaction_hash and await self._accepted(payout):
            return await self._move(payout, PayoutState.SENT)
        if payout.fee_apart and await self._treasury().begun(payout, self._wallet):
            raise error
        if error.code in SPENT_ELSEWHERE and payout.attempts >= LOOKED_UP_ENOUGH:
            raise InvariantBroken("spent_elsewhere", payout=payout.id) from error
        if error.code not in DEFINITE or (payout.signed_raw and payout.attempts < NO_STANDS_AFTER):
            raise error
        async with self._store.transaction():
            said = await self._move(replace(payout, reason=error.code), PayoutState.REFUSED)
            await self._payouts.give_back(payout.id)
            if payout.purpose is Purpose.WITHDRAWAL:
                await self._ledger.release(payout.cause)
                await self._news.tell(payout, "withdrawal_refused", payout.amount, reason=error.code)
            elif payout.purpose is Purpose.FEES:
                await self._ledger.release(payout.cause)
                await self._news.tell(payout, "fees_taking_refused", payout.amount, reason=error.code)
            elif payout.purpose is Purpose.REFUND:
                await self._end_refund(payout, paid=False)
                await self._news.tell(payout, "refund_refused", payout.amount, reason=error.code)
        return f"{said}: {error.code}"

    def _treasury(self) -> OnwardPayments:
        assert self._onward is not None, "who pays for the treasury is given the means"
        return self._onward

    async def _end_refund(self, payout: Payout, *, paid: bool) -> None:
        """Book what became of a refund; call it inside. What the ledger never knew it is not told now."""
        await self._payouts.end_refund(payout.id, paid=paid)
        if payout.booked:
            await self._ledger.release(payout.cause)
            if paid:
                await self._ledger.post(settlement(payout))

    async def _take(self, payout: Payout, choice: Choice) -> str:
        await self._payouts.reserve(payout.id, [o.output_id for o in choice.inputs])
        if payout.purpose is Purpose.TRANSFER:
            await self._treasury().promise(payout)
        return await self._move(replace(payout, reason=""), PayoutState.RESERVED)

    async def _consolidate(self, payout: Payout, choice: Choice) -> str:
        """Merge the largest outputs into one by paying ourselves; the payout tries again after that."""
        merge = await self._merge(payout.token, choice)
        await self._wait(payout, 0, CONSOLIDATING)  # its place does not matter: its money is there
        return f"waits while {merge.cause} merges {len(choice.inputs)} outputs"

    async def _merge(self, token: Token, choice: Choice) -> Payout:
        now = self._clock.now()
        merge = requested(self._ids, Purpose.CONSOLIDATION, self._bot, token, choice.total, now)
        await self._payouts.add(merge)
        await self._take(merge, choice)
        return merge

    async def _wait(self, payout: Payout, ahead: int, reason: str) -> str:
        """Queue a payout, and tell its owner once when they cannot be paid within seconds."""
        waiting = replace(payout, reason=reason)
        if payout.state is PayoutState.REQUESTED:
            await self._move(waiting, PayoutState.WAITING)
            waiting = replace(waiting, state=PayoutState.WAITING)
        news = reason == FLOAT_TOO_SMALL != payout.reason
        if news and payout.purpose is Purpose.WITHDRAWAL:
            await self._news.tell(payout, "withdrawal_waiting", payout.amount, place=str(ahead + 1))
        if reason == FLOAT_TOO_SMALL and ahead == 0 and payout.purpose is not Purpose.TRANSFER:
            await self._news.float_is_short(waiting)
        return await self._stay(waiting, f"at place {ahead + 1}, {reason}", SOON)

    async def _stand_still(self, payout: Payout, reason: str) -> str:
        """Leave a frozen payout alone; its receiver is told once."""
        async with self._store.transaction():
            if payout.reason != FROZEN and payout.purpose is Purpose.WITHDRAWAL:
                await self._news.tell(payout, "withdrawal_frozen", payout.amount)
            return await self._stay(replace(payout, reason=FROZEN), f"frozen by {reason}", LATER)

    async def _move(self, payout: Payout, state: PayoutState) -> str:
        """Store a payout in its next state.

        Raises:
            OvertakenError: it is no longer in the state it was read in; nothing is stored.
        """
        reason = "" if payout.reason == FROZEN else payout.reason
        moved = replace(payout, state=state, attempts=0, due_at=self._clock.now(), reason=reason)
        async with self._store.transaction():
            if not await self._payouts.save(moved, was=payout.state):
                raise OvertakenError
            if payout.purpose is Purpose.TRANSFER:
                await self._treasury().follow(moved)
        return f"is {state}"

    async def _stay(self, payout: Payout, why: str, wait: timedelta) -> str:
        """Leave the state as it is and look again after a while."""
        async with self._store.transaction():
            await self._payouts.save(replace(payout, due_at=self._clock.now() + wait), was=payout.state)
        return f"stays {payout.state}: {why}"

    async def _try_later(self, payout: Payout, error: MrMarketError) -> str:
        """Look again after a while: this answer ends nothing. When that goes on and on, people are told."""
        if error.code in STOPPING:
            await self._freeze(payout, error.code)
            return f"stays {payout.state}, and all payouts stop: {error}"
        again = replace(payout, attempts=payout.attempts + 1)
        async with self._store.transaction():
            if again.attempts == STUCK_AFTER:
                await self._news.stuck(payout, error.code)
            return await self._stay(again, str(error), wait_after(payout.attempts))

    async def _freeze(self, payout: Payout, reason: str) -> None:
        """Stop all payouts of the wallet until a person has looked; once for each payout and reason.

        Who has looked and let payouts go on is not overruled by the same payout: it stays where it is.
        """
        async with self._store.transaction():
            now, why = self._clock.now(), f"{reason}:{payout.id}"
            seen = reason not in STOPPING and await self._freezes.looked_at(WALLET, why)
            stopped = not seen and await self._freezes.freeze(WALLET, why, now)
            if stopped:
                await self._news.wallet_stopped(why)
            await self._stay(payout, reason, LATER)


def _compare(payout: Payout, sent: SentTransaction) -> None:
    if sent.transaction_hash != payout.transaction_hash:
        raise InvariantBroken("other_transaction", payout=payout.id, theirs=sent.transaction_hash)
