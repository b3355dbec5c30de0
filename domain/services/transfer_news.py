"""What is told of treasury transfers: to those who look after the instance."""

from domain.money import plain
from domain.ports.clock import Clock
from domain.ports.notices import Notices
from domain.ports.roles import RoleStore
from domain.treasury.addresses import AddressEntry
from domain.treasury.model import TreasuryTransfer


class TransferNews:
    """Writes notices; call it in the transaction of what is told. Everybody with a role gets each once."""

    def __init__(self, notices: Notices, roles: RoleStore, clock: Clock) -> None:
        self._notices = notices
        self._roles = roles
        self._clock = clock

    async def tell(self, kind: str, transfer: TreasuryTransfer, **more: str) -> None:
        """Tell of a transfer, once for each kind and number of tries."""
        told = {**_told(transfer), **more}
        await self._all(kind, f"{transfer.cause}:{transfer.attempts}", told)

    async def void(self, transfer: TreasuryTransfer, reason: str) -> None:
        """Tell that a transfer was not made and why, once an hour: it is planned again and again."""
        hour = f"{transfer.account}:{transfer.token.coin}:{reason}:{self._clock.now():%Y-%m-%dT%H}"
        await self._all("transfer_void", hour, {**_told(transfer), "reason": reason})

    async def address(self, kind: str, entry: AddressEntry, **more: str) -> None:
        """Tell of an address, once for each kind, entry and thing that was said."""
        await self._all(kind, f"{entry.id}:{more.get('reason', '')}", {**entry.params, **more})

    async def _all(self, kind: str, cause: str, params: dict[str, str]) -> None:
        for person in await self._roles.privileged():
            await self._notices.tell(person, kind, cause, params)


def _told(transfer: TreasuryTransfer) -> dict[str, str]:
    return {
        "id": transfer.id,
        "account": transfer.account,
        "coin": transfer.token.coin,
        "amount": plain(transfer.amount),
        "network": transfer.token.network,
        "direction": transfer.direction,
    }
