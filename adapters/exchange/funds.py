"""Money into and out of one account at one venue, through ccxt: asked once, listed whole, nothing guessed."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any, NoReturn, Protocol, TypeVar

from adapters.db.ambient import assert_outside_transaction
from adapters.exchange import outcomes
from adapters.exchange.account import VenueAccount
from adapters.exchange.client import Gate, make_funds_client, writing
from adapters.exchange.funds_binance import BinanceFunds
from adapters.exchange.funds_gate import GateFunds
from domain.errors import MrMarketError, OutcomeUnknown, Refused, Unavailable
from domain.ids import VenueAccountName
from domain.money import Coin
from domain.payouts.onward import ChainAddress
from domain.ports.clock import Clock
from domain.ports.venue_funds import (
    VenueDeposit,
    VenueHoldings,
    VenueTerms,
    VenueWithdrawal,
    WithdrawalOrder,
)

T = TypeVar("T")
Row = TypeVar("Row", VenueWithdrawal, VenueDeposit)


class Language(Protocol):
    """How one venue speaks of money that comes and goes; ``client`` is its ccxt client.

    ``refusals`` are the venue's words for a definite no to a withdrawal, and ours for them; a list answers
    for ``window`` at most and shows ``page`` rows at once.
    """

    refusals: Mapping[str, str]
    window: timedelta
    page: int

    async def terms(self, client: Any, coin: Coin, network: str) -> VenueTerms: ...

    async def deposit_address(self, client: Any, coin: Coin, network: str) -> ChainAddress: ...

    async def holdings(self, client: Any, coin: Coin) -> VenueHoldings: ...

    async def withdraw(self, client: Any, order: WithdrawalOrder) -> str: ...

    async def withdrawals(
        self, client: Any, coin: Coin, start: datetime, end: datetime, offset: int
    ) -> Sequence[VenueWithdrawal]: ...

    async def deposits(
        self, client: Any, coin: Coin, start: datetime, end: datetime, offset: int
    ) -> Sequence[VenueDeposit]: ...


LANGUAGES: Mapping[str, Language] = {"binance": BinanceFunds(), "gate": GateFunds()}


class CcxtVenueFunds:
    """The ``VenueFunds`` port. The key that trades reads; another one, made for it alone, withdraws.

    An account without such a key is withdrawn from by hand.
    """

    two_wallets = False

    def __init__(self, account: VenueAccount, clock: Clock, lease: Gate) -> None:
        """Make the clients; nothing is sent yet. ``lease`` refuses when this process no longer acts here.

        Raises:
            Refused: ``venue_unsupported``: we do not speak its language.
        """
        if account.venue not in LANGUAGES:
            raise Refused("venue_unsupported", venue=account.venue)
        self.account: VenueAccountName = account.name
        self._language = LANGUAGES[account.venue]
        self._clock, self._lease = clock, lease
        self._reader = make_funds_client(account, account.key)
        own = account.key.withdrawal
        self._payer = make_funds_client(account, own) if own else None

    async def terms(self, coin: Coin, network: str) -> VenueTerms:
        """Return what the venue asks of a coin by a network, at this moment."""
        return await self._read("terms", self._language.terms(self._reader, coin, network))

    async def deposit_address(self, coin: Coin, network: str) -> ChainAddress:
        """Return where the venue says deposits go, to the byte."""
        told = self._language.deposit_address(self._reader, coin, network)
        return await self._read("deposit address", told)

    async def holdings(self, coin: Coin) -> VenueHoldings:
        """Return what the account holds of a coin, free and locked."""
        return await self._read("holdings", self._language.holdings(self._reader, coin))

    async def withdraw(self, order: WithdrawalOrder, not_after: datetime) -> str:
        """Ask once; lease and deadline are looked at right before the bytes leave (EX2).

        Raises, beyond what the port says:
            Refused: ``withdrawal_by_hand``: this account has no key that withdraws.
        """
        assert_outside_transaction()
        if self._payer is None:
            raise Refused("withdrawal_by_hand", account=self.account)
        left: list[bool] = []

        def gate() -> None:
            self._admit(order, not_after)
            left.append(True)

        try:
            with writing(gate):
                return await self._language.withdraw(self._payer, order)
        except outcomes.failures() as e:
            if not left and isinstance(e, MrMarketError):
                raise  # our own gate kept it back
            raise self._proof(e, order) from e

    def _admit(self, order: WithdrawalOrder, not_after: datetime) -> None:
        self._lease()
        if self._clock.now() > not_after:
            raise Refused("too_late", subject=order.client_id)

    def _proof(self, error: BaseException, order: WithdrawalOrder) -> OutcomeUnknown | Refused:
        """Return what a failed withdrawal proves: few words of a venue are a no, all else is silence."""
        word = outcomes.venue_code(error) or outcomes.venue_label(error)
        if word in self._language.refusals:
            return Refused(self._language.refusals[word], subject=order.client_id, code=word)
        kind = type(error).__name__
        return OutcomeUnknown("no_clear_answer", subject=order.client_id, code=word, error=kind)

    async def withdrawals_since(self, coin: Coin, since: datetime) -> Sequence[VenueWithdrawal]:
        """Return all withdrawals from an instant on, to the second, oldest first."""

        async def page(start: datetime, end: datetime, offset: int) -> Sequence[VenueWithdrawal]:
            return await self._language.withdrawals(self._reader, coin, start, end, offset)

        return await self._listed("withdrawals", page, lambda row: row.withdrawal_id, since)

    async def deposits_since(self, coin: Coin, since: datetime) -> Sequence[VenueDeposit]:
        """Return all deposits from an instant on, to the second, oldest first."""

        async def page(start: datetime, end: datetime, offset: int) -> Sequence[VenueDeposit]:
            return await self._language.deposits(self._reader, coin, start, end, offset)

        return await self._listed("deposits", page, lambda row: row.deposit_id, since)

    async def _listed(
        self,
        subject: str,
        page: Callable[[datetime, datetime, int], Awaitable[Sequence[Row]]],
        name: Callable[[Row], str],
        since: datetime,
    ) -> list[Row]:
        """Return all rows, window by window and page by page: an open end hides what is new (sandbox.md §4).

        Venues list the newest first: what is new while we turn pages moves rows onto the next page, where
        they are met again, and never away from us.
        """
        first = since.replace(microsecond=0)  # many venues tell whole seconds
        start, rows = first, dict[str, Row]()
        while start <= max(first, self._clock.now()):
            end = start + self._language.window
            rows |= await self._window(subject, partial(page, start, end), name)
            start = end
        shown = [row for row in rows.values() if row.created_at >= first]
        return sorted(shown, key=lambda row: (row.created_at, name(row)))

    async def _window(
        self,
        subject: str,
        page: Callable[[int], Awaitable[Sequence[Row]]],
        name: Callable[[Row], str],
    ) -> dict[str, Row]:
        """Return all rows of a window by name.

        Raises:
            Unavailable: ``venue_history_incomplete``: the venue turns no pages.
        """
        rows: dict[str, Row] = {}
        while True:
            found = await self._read(subject, page(len(rows)))
            before, rows = len(rows), rows | {name(row): row for row in found}
            if len(found) < self._language.page:
                return rows
            if len(rows) == before:
                raise Unavailable("venue_history_incomplete", subject=subject)

    async def to_trading(self, coin: Coin, amount: Decimal, client_id: str) -> None:
        """Refuse: at these venues deposits arrive where trading takes place."""
        _one_wallet()

    async def to_funding(self, coin: Coin, amount: Decimal, client_id: str) -> None:
        """Refuse: at these venues withdrawals leave from where trading takes place."""
        _one_wallet()

    async def close(self) -> None:
        """Let go of sockets."""
        await self._reader.close()
        if self._payer is not None:
            await self._payer.close()

    async def _read(self, subject: str, call: Awaitable[T]) -> T:
        assert_outside_transaction()
        try:
            return await call
        except outcomes.failures() as e:
            raise outcomes.of_read(e, subject) from e


def _one_wallet() -> NoReturn:
    raise Refused("one_wallet")
