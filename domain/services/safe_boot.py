"""The safe boot: books that may not be the newest do nothing until the owner says so (PG5)."""

from collections.abc import Sequence
from dataclasses import dataclass

from domain.ids import UserId
from domain.leases import WALLET
from domain.ports.births import BirthStore, MarkerStore
from domain.ports.chain import Chain
from domain.ports.clock import Clock
from domain.ports.deposits import DepositStore
from domain.ports.freezes import INSTANCE, FreezeStore
from domain.ports.notices import Notices
from domain.ports.roles import RoleStore
from domain.ports.store import Store
from domain.ports.wallet import Wallet, WalletOutput
from domain.reconciliation.signs import Birth, Marker, Unrecorded, of_marker, of_outputs
from domain.services.deposits import OVERLAP, PAGE
from domain.services.incoming import FLOAT_MEMO

REASON = "safe_boot"

NOTED_EVERY_S = 10.0


@dataclass(slots=True)
class SafeBoot:
    """Looks for signs before anything is done, and notes meanwhile how far the books are.

    What stops everything is a freeze of the whole instance, which the owner lifts as any other; the same
    signs stop nothing again. While it lasts nothing is noted, so that another start finds them too.
    """

    store: Store
    birth: Birth
    births: BirthStore
    marker: MarkerStore
    chain: Chain
    wallet: Wallet
    deposits: DepositStore
    freezes: FreezeStore
    notices: Notices
    roles: RoleStore
    clock: Clock
    bot: UserId
    _looked: bool = False
    _noted_s: float = float("-inf")

    async def holds(self) -> bool:
        """Tell whether nothing may be done: not looked yet, or stopped and not let go on by the owner."""
        if not self._looked:
            await self.look()
        return bool(await self.freezes.frozen_instance())

    async def look(self) -> str:
        """Look for signs once, stop everything if there are any, and say what was found.

        Raises:
            Unavailable: somebody did not answer; nothing may begin before this was done.
        """
        signs = [*await self._of_marker(), *await self._of_wallet()]
        self._looked = True
        if not signs:
            return "the books are the newest that are known here"
        reason = f"{REASON}:{' '.join(signs)}"[:500]
        async with self.store.transaction():
            now = self.clock.now()
            if await self.freezes.looked_at(INSTANCE, reason):
                return f"let go on by the owner: {reason}"
            if await self.freezes.freeze(INSTANCE, reason, now):
                for keeper in await self.roles.privileged():
                    cause = f"{reason}:{now.isoformat()}"
                    await self.notices.tell(keeper, "booted_safe", cause, {"reason": reason})
        return reason

    async def note(self) -> str:
        """Note now and then which database this is and how far its books are, unless all is stopped."""
        now_s = self.clock.monotonic()
        if now_s - self._noted_s < NOTED_EVERY_S or await self.holds():
            return "nothing to note"
        head, epoch = await self.chain.head(), await self.births.epoch(WALLET)
        self.marker.write(Marker(self.birth.database, head, epoch))
        self._noted_s = now_s
        return f"noted {head}"

    async def _of_marker(self) -> list[str]:
        if (marker := self.marker.read()) is None:
            return []
        there = await self.chain.hash_at(marker.head.number) if marker.head.number else None
        return of_marker(marker, self.birth, there, await self.births.epoch(WALLET))

    async def _of_wallet(self) -> list[str]:
        unrecorded = await self._unrecorded()
        ours = await self.births.payments(sorted({output.transaction_hash for output in unrecorded}))
        return of_outputs(unrecorded, self.birth, self.bot, ours)

    async def _unrecorded(self) -> list[Unrecorded]:
        """Return everything that the wallet lists beyond what the books know."""
        owner, cursor = await self.roles.owner(), await self.deposits.cursor(OVERLAP)
        found: list[Unrecorded] = []
        while True:
            page = sorted(await self.wallet.outputs_from(cursor, PAGE), key=lambda o: o.sequence)
            known = await self.deposits.hashes([output.output_id for output in page])
            found += _as_unrecorded([o for o in page if o.output_id not in known], owner)
            if len(page) < PAGE or page[-1].sequence <= cursor:
                return found
            cursor = page[-1].sequence


def _as_unrecorded(outputs: Sequence[WalletOutput], owner: UserId | None) -> list[Unrecorded]:
    return [
        Unrecorded(
            output.output_id,
            output.transaction_hash,
            output.sender,
            output.spent,
            output.memo == FLOAT_MEMO and owner is not None and output.sender == owner,
            output.created_at,
        )
        for output in outputs
    ]
