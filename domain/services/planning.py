"""The treasury's round: look where coins lie and where they are needed, and plan what should move."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from decimal import Decimal

from domain.errors import Refused, Unavailable
from domain.ids import VenueAccountName
from domain.money import ZERO, Coin, Token
from domain.ports.clock import Clock
from domain.ports.fees import FeeStore
from domain.ports.freezes import FreezeStore, coin_scope
from domain.ports.ledger import Ledger
from domain.ports.runs import VenueAccountStore
from domain.ports.transfers import TransferStore
from domain.ports.withdrawals import PayoutStore
from domain.services.room import room
from domain.services.tokens import Tokens
from domain.services.transfers import TransferService
from domain.services.treasury_accounts import scope_of
from domain.treasury.model import Direction
from domain.treasury.plan import AtVenue, CoinFacts, Proposal, plan

WANTED_FOR = timedelta(hours=1)
AGAIN_AFTER = timedelta(minutes=10)
WORTH = 10
"""So many least deposits of a coin are worth a transfer when nobody waits."""

Kept = Mapping[VenueAccountName, Mapping[Coin, Decimal]]
"""What the owner wants each account to have at hand of each coin it trades; zero where nothing is set."""


class PlanningService:
    """Plans transfers; each plan is checked once more, against what both sides say, when it is stored."""

    def __init__(
        self,
        ledger: Ledger,
        clock: Clock,
        payouts: PayoutStore,
        transfers: TransferStore,
        freezes: FreezeStore,
        fees: FeeStore,
        accounts: VenueAccountStore,
        tokens: Tokens,
        service: TransferService,
        kept: Kept,
    ) -> None:
        self._ledger = ledger
        self._clock = clock
        self._payouts = payouts
        self._transfers = transfers
        self._freezes = freezes
        self._fees = fees
        self._accounts = accounts
        self._tokens = tokens
        self._service = service
        self._kept = kept

    async def round(self) -> str:
        """Plan what is needed of each approved token; say what was planned, and what could not be."""
        said: list[str] = []
        wanted = await self._accounts.wants(self._clock.now() - WANTED_FOR)
        for token in self._tokens.list():
            proposals = plan(await self._facts(token, wanted))
            said += [await self._follow(proposal) for proposal in proposals]
        return "; ".join(said) or "every coin lies where it is needed"

    async def _follow(self, proposal: Proposal) -> str:
        what = f"{proposal.token.coin} {proposal.direction} {proposal.account}"
        try:
            made = await self._service.plan(
                proposal.direction, proposal.account, proposal.token, proposal.amount, proposal.most
            )
        except (Refused, Unavailable) as error:
            return f"{what} not planned: {error}"
        if proposal.direction is Direction.TO_VENUE and not (await self._transfers.get(made)).canary:
            await self._accounts.sent_for(proposal.account, proposal.token.coin)
        return f"planned {made}: {what}"

    async def _facts(
        self, token: Token, wanted: Mapping[tuple[VenueAccountName, Coin], Decimal]
    ) -> CoinFacts:
        asset = token.asset_id
        there = await self._payouts.free_total(asset) + await self._payouts.change_due(asset)
        waiting = sum((one.pays for one in await self._payouts.line(asset)), ZERO)
        trading = [name for name, coins in self._kept.items() if token.coin in coins]
        venues = [await self._at(name, token.coin, wanted) for name in trading]
        return CoinFacts(token, there, waiting, venues, worth=WORTH * self._tokens.get(asset).least_deposit)

    async def _failed(self, name: VenueAccountName, coin: Coin) -> bool:
        """Tell whether a try failed of late: what stands in the way is told, and tried again later."""
        return await self._transfers.failed_since(name, coin, self._clock.now() - AGAIN_AFTER)

    async def _at(
        self,
        name: VenueAccountName,
        coin: Coin,
        wanted: Mapping[tuple[VenueAccountName, Coin], Decimal],
    ) -> AtVenue:
        moving = await self._transfers.unresolved(name, coin)
        account = await self._accounts.find(name)
        frozen = await self._freezes.frozen(scope_of(name), coin_scope(coin))
        stopped = frozen or account is None or account.halted
        to_venue = moving is not None and moving.direction is Direction.TO_VENUE
        amount = moving.amount if moving else ZERO
        return AtVenue(
            name,
            await room(self._ledger, self._fees, name, coin, self._clock.now()),
            keep=self._kept[name][coin],
            wanted=wanted.get((name, coin), ZERO),
            coming=amount if to_venue else ZERO,
            leaving=ZERO if to_venue else amount,
            busy=moving is not None or bool(stopped) or await self._failed(name, coin),
        )


def keep_of(accounts: Sequence[tuple[VenueAccountName, Sequence[Coin], Mapping[str, Decimal]]]) -> Kept:
    """Return the targets of accounts: zero for what they trade and nobody set one for."""
    return {
        name: {coin: targets.get(coin, ZERO) for coin in dict.fromkeys(coins)}
        for name, coins, targets in accounts
    }
