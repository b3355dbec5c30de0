"""What the runs of an account claim of it: counted wherever one begins, goes on or asks for more."""

from dataclasses import dataclass

from domain.ids import VenueAccountName
from domain.market.capacity import CONVERTING, NOTHING, Capacity, Claim, Claimed, quoting
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

    async def require(self, wanted: Run) -> None:
        """Go on only when there is room for a run, as it would be, beside all others of its account.

        One that claims no more than it did before always stays.

        Raises:
            Refused: one of ``NO_ROOM``.
        """
        runs, there = await self.runs.active(wanted.account), await self.accounts.capacity(wanted.account)
        was = next((claim_of(run, there) for run in runs if run.id == wanted.id), NOTHING)
        claims = [(run.pair, claim_of(run, there)) for run in runs if run.id != wanted.id]
        Claimed.of(there, claims).require(wanted.pair, claim_of(wanted, there), was)

    async def claimed(self, account: VenueAccountName) -> Claimed:
        """Return what is claimed of an account, and what there is."""
        runs, there = await self.runs.active(account), await self.accounts.capacity(account)
        return Claimed.of(there, [(run.pair, claim_of(run, there)) for run in runs])


def claim_of(run: Run, capacity: Capacity) -> Claim:
    """Return what a run claims as it stands: one that is paused nothing, as one that cannot be read.

    One that was taken over keeps its room until it is back.
    """
    if run.state is RunState.PAUSED:
        return NOTHING
    if run.kind is RunKind.CONVERSION:
        return CONVERTING
    try:
        config = get_strategy(run.strategy).read(run.config)
        claim = quoting(config.most_orders, config.refresh_s)
    except Exception:  # whatever a strategy raises: it is set aside, and others begin
        return NOTHING
    return capacity.within(claim, run.pair, run.base_start, run.quote_start)
