"""What the runs of an account claim of it: counted wherever one begins, goes on or asks for more."""

from dataclasses import dataclass
from typing import Any

from domain.ids import RunId, VenueAccountName
from domain.market.capacity import CONVERTING, NOTHING, Claim, Claimed, quoting
from domain.market.model import Pair
from domain.market.runs import Run, RunKind, RunState
from domain.ports.runs import RunStore, VenueAccountStore
from domain.strategies import get_strategy


@dataclass(slots=True)
class CapacityService:
    """Asked before a run takes up more of its account than it does."""

    accounts: VenueAccountStore
    runs: RunStore

    async def alone(self, account: VenueAccountName) -> None:
        """Let nobody else take room there until the transaction ends; call it first inside.

        What is read of the account's runs from then on is how they are.
        """
        await self.accounts.alone(account)

    async def require(
        self, account: VenueAccountName, pair: Pair, wanted: Claim, run_id: RunId | None = None
    ) -> None:
        """Go on only when there is room beside all other runs; one that claims no more than before stays.

        Raises:
            Refused: one of ``NO_ROOM``.
        """
        runs = await self.runs.active(account)
        was = next((claim_of(run) for run in runs if run.id == run_id), NOTHING)
        claims = [(run.pair, claim_of(run)) for run in runs if run.id != run_id]
        Claimed.of(await self.accounts.capacity(account), claims).require(pair, wanted, was)

    async def claimed(self, account: VenueAccountName) -> Claimed:
        """Return what is claimed of an account, and what there is."""
        claims = [(run.pair, claim_of(run)) for run in await self.runs.active(account)]
        return Claimed.of(await self.accounts.capacity(account), claims)


def claim_of(run: Run) -> Claim:
    """Return what a run claims as it stands: one that is paused nothing, as one that cannot be read.

    One that was taken over keeps its room until it is back.
    """
    if run.state is RunState.PAUSED:
        return NOTHING
    if run.kind is RunKind.CONVERSION:
        return CONVERTING
    try:
        return claim_for(get_strategy(run.strategy).read(run.config))
    except Exception:  # whatever a strategy raises: it is set aside, and others begin
        return NOTHING


def claim_for(config: Any) -> Claim:
    """Return what a run with these settings claims."""
    return quoting(config.most_orders, config.refresh_s)
