"""The end of an instance: a day's notice, all stops, and everybody is paid what they have (WI4 to WI6)."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from domain.errors import Refused
from domain.ids import Ids, UserId
from domain.money import ZERO, Coin, Token, plain, round_down
from domain.payouts.model import Purpose, promise, requested
from domain.ports.clock import Clock
from domain.ports.closings import Claim, Closing, ClosingState, ClosingStore, Left
from domain.ports.freezes import NEW, FreezeStore
from domain.ports.ledger import Ledger
from domain.ports.notices import Notices
from domain.ports.roles import RoleStore
from domain.ports.store import Store
from domain.ports.withdrawals import PayoutStore
from domain.roles import Permission
from domain.services.auth import AuthService
from domain.services.confirmations import ConfirmationService
from domain.services.stopping import GoingOn, StopAllService
from domain.services.tokens import Tokens

ACTION = "close"
"""What a confirmation must have been issued for, with ``close_params``."""

NOTICE = timedelta(hours=24)
"""The least that people have between the word and the day it is carried out."""

AT_ONCE = 100
"""So many claims are promised in one round; the next goes on."""

AGAIN_AFTER = timedelta(hours=24)
"""A person whose payment was refused is paid again so long after it."""


_TOLD_OF_END = {
    ClosingState.CALLED_OFF: "closing_called_off_to_keepers",
    ClosingState.REOPENED: "closing_reopened_to_keepers",
}


def close_params(notice: timedelta) -> dict[str, str]:
    """Return what a confirmation binds: the end of everything, and how long people have before it."""
    return {
        "what": "everybody is paid and the instance is closed",
        "notice_s": str(int(notice.total_seconds())),
    }


class ClosingService:
    """One closing at a time. Every step may be repeated, by several workers at once too."""

    def __init__(
        self,
        store: Store,
        ledger: Ledger,
        clock: Clock,
        ids: Ids,
        closings: ClosingStore,
        freezes: FreezeStore,
        payouts: PayoutStore,
        notices: Notices,
        roles: RoleStore,
        stopping: StopAllService,
        confirmations: ConfirmationService,
        tokens: Tokens,
        auth: AuthService,
        *,
        notice: timedelta = NOTICE,
    ) -> None:
        self._store = store
        self._ledger = ledger
        self._clock = clock
        self._ids = ids
        self._closings = closings
        self._freezes = freezes
        self._payouts = payouts
        self._notices = notices
        self._roles = roles
        self._stopping = stopping
        self._confirmations = confirmations
        self._tokens = tokens
        self._auth = auth
        self._notice = notice

    # At the owner's word.

    async def ask(self, actor: UserId) -> tuple[Left, timedelta, str]:
        """Return what would be wound up, after which notice, and the token with which this person may.

        Raises:
            Refused: ``not_allowed``; ``closing_stands``: it is closing already.
        """
        async with self._store.transaction():
            await self._auth.require(actor, Permission.CLOSING_SET)
            if await self._closings.current():
                raise Refused("closing_stands")
            params = close_params(self._notice)
            token = await self._confirmations.issue(actor, ACTION, params)
            return await self._left(), self._notice, token

    async def announce(self, actor: UserId, confirmation: str, cause: str) -> Closing:
        """Let nothing new begin and tell everybody who has anything here, in one commit with the audit.

        Raises:
            Refused: ``not_allowed``; ``closing_stands``; ``confirmation_unknown``, ``_used`` or ``_expired``.
        """
        now, params = self._clock.now(), close_params(self._notice)
        async with self._store.transaction():
            await self._auth.act(actor, Permission.CLOSING_SET, params, cause)
            await self._confirmations.consume(actor, confirmation, ACTION, params)
            closing = await self._closings.add(actor, now, now + self._notice)
            if closing is None:
                raise Refused("closing_stands")
            await self._lift_new(actor)
            await self._freezes.freeze(NEW, closing.cause, now)
            await self._tell_holders(closing)
            await self._tell_keepers("closing_announced_to_keepers", closing)
        return closing

    async def call_off(self, actor: UserId, cause: str) -> Closing:
        """Go on as before, while nobody has been made to leave, or again after all is over.

        Raises:
            Refused: ``not_allowed``; ``not_closing``; ``closing_has_begun``.
        """
        now = self._clock.now()
        async with self._store.transaction():
            await self._auth.require(actor, Permission.CLOSING_SET)
            closing = await self._closings.current()
            if closing is None:
                raise Refused("not_closing")
            await self._auth.act(actor, Permission.CLOSING_SET, {"call_off": closing.cause}, cause)
            to = ClosingState.REOPENED if closing.state is ClosingState.CLOSED else ClosingState.CALLED_OFF
            if closing.state is ClosingState.PAYING or not await self._closings.move(closing, to, now):
                raise Refused("closing_has_begun")
            await self._lift_new(actor)
            if to is ClosingState.CALLED_OFF:
                await self._closings.tell_told("closing_announced", "closing_called_off", closing.cause, {})
            await self._tell_keepers(_TOLD_OF_END[to], closing)
        return replace(closing, state=to)

    async def status(self, actor: UserId) -> tuple[Closing | None, Left]:
        """Return how far the closing is, and what is owed to people in all.

        Raises:
            Refused: ``not_allowed``.
        """
        async with self._store.transaction():
            await self._auth.require(actor, Permission.CLOSING_READ)
            return await self._closings.current(), await self._left()

    # As time goes on.

    async def round(self) -> str:
        """Take the closing one step further, however often this runs; say what happened."""
        closing = await self._closings.current()
        if closing is None:
            return "not closing"
        if reason := await self._freezes.frozen_instance():  # these books may not be the newest (PG5)
            return f"closing stands still: {reason}"
        if closing.state is ClosingState.ANNOUNCED:
            return await self._give_notice(closing)
        stopped = await self._stop_all()
        promised = [await self._pay(claim) for claim in await self._payable()]
        if any(promised) or stopped.runs or stopped.conversions:
            return f"closing: {stopped.runs} runs stop, {sum(promised)} payments promised"
        return await self._finish(closing)

    async def _give_notice(self, closing: Closing) -> str:
        """Tell who has come to have anything since; begin when the notice is over."""
        now = self._clock.now()
        async with self._store.transaction():
            told = await self._tell_holders(closing) if now < closing.begins_at else 0
            if now < closing.begins_at:
                return f"closing is announced, {told} more people told"
            if not await self._closings.move(closing, ClosingState.PAYING, now):
                return "closing was called off just now"
            going = await self._stopping.everything()
            await self._tell_keepers("closing_begins", closing)
        return f"closing begins: {going.runs} runs and {going.conversions} conversions stop"

    async def _stop_all(self) -> GoingOn:
        """Stop what had been confirmed before the word and was begun in the same instant."""
        async with self._store.transaction():
            return await self._stopping.everything()

    async def _payable(self) -> list[Claim]:
        since = self._clock.now() - AGAIN_AFTER
        return list(await self._closings.payable(self._coins(), since, AT_ONCE))

    async def _pay(self, claim: Claim) -> bool:
        """Promise a person what they have of a coin; ``False`` when they or another worker were faster.

        Nothing is charged: it is our word, not theirs.
        """
        token, amount = await self._share(claim)
        payout = requested(self._ids, Purpose.WITHDRAWAL, claim.user_id, token, amount, self._clock.now())
        try:
            async with self._store.transaction():
                await self._payouts.add(payout)
                await self._ledger.hold(promise(payout))
                told = {"coin": token.coin, "network": token.network, "amount": plain(amount)}
                await self._notices.tell(claim.user_id, "closing_pays", payout.id, told)
        except Refused as refusal:
            if refusal.code != "insufficient_funds":
                raise
            return False
        return True

    async def _share(self, claim: Claim) -> tuple[Token, Decimal]:
        """Return as which token a claim is paid, and how much of it.

        Of a coin with several networks each token gives what it has beyond its line, and the rest follows as
        another; where none has any, all of it waits in the first one's line, and the treasury sees to it.
        """
        amount = round_down(claim.free)
        tokens = [token for token in self._tokens.list() if token.coin == claim.coin]
        if len(tokens) == 1:
            return tokens[0], amount
        spare = [(await self._spare(token), token) for token in tokens]
        most, token = max(spare, key=lambda each: each[0])
        return (token, min(amount, most)) if most > ZERO else (tokens[0], amount)

    async def _spare(self, token: Token) -> Decimal:
        waiting = sum((each.pays for each in await self._payouts.line(token.asset_id)), ZERO)
        return round_down(max(ZERO, await self._payouts.free_total(token.asset_id) - waiting))

    async def _finish(self, closing: Closing) -> str:
        """Note that nobody is owed anything any more; what comes in after that is paid in later rounds."""
        left = await self._left()
        if closing.state is ClosingState.CLOSED:
            return "closed"
        if not left.nothing:
            return f"closing waits: {left.runs} runs, {left.payouts} payouts, {left.stuck} claims stand still"
        async with self._store.transaction():
            if not await self._closings.move(closing, ClosingState.CLOSED, self._clock.now()):
                return "closed by another worker"
            await self._tell_keepers("closing_is_over", closing)
        return "closed: nobody is owed anything that can be paid"

    # Parts of steps.

    def _coins(self) -> list[Coin]:
        return sorted({token.coin for token in self._tokens.list()})

    async def _left(self) -> Left:
        return await self._closings.left(self._coins(), self._clock.now() - AGAIN_AFTER)

    async def _lift_new(self, actor: UserId) -> None:
        for freeze in await self._freezes.open():
            if freeze.scope == NEW:
                await self._freezes.lift(freeze, actor, self._clock.now())

    async def _tell_holders(self, closing: Closing) -> int:
        told = {"begins_at": closing.begins_at.isoformat()}
        return await self._closings.tell_holders("closing_announced", closing.cause, told)

    async def _tell_keepers(self, kind: str, closing: Closing) -> None:
        told = {"begins_at": closing.begins_at.isoformat()}
        for keeper in await self._roles.privileged():
            await self._notices.tell(keeper, kind, closing.cause, told)
