"""Sealing, replacing and wrapping anew: what the ``mrmarket keys`` commands do, a row at a time."""

from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

from adapters.db.secrets import PostgresSecrets
from adapters.sealing.envelope import CannotOpen, Kind, Label, Sealed, rewrap, seal, unseal
from adapters.sealing.masters import MasterKey, kids, master_of, new_root, read_masters, write_masters
from domain.ids import Ids
from domain.ports.store import Store
from domain.secrets import Secret

Write = Callable[[Path, Sequence[MasterKey]], None]


class Sealing:
    """Writes sealed secrets; one command at a time."""

    def __init__(self, store: Store, secrets: PostgresSecrets, ids: Ids) -> None:
        """Use one store and its tables of secrets."""
        self._store, self._secrets, self._ids = store, secrets, ids

    async def put(
        self, instance: str, kind: Kind, name: str, value: Secret[bytes], masters: Sequence[MasterKey]
    ) -> str:
        """Seal a secret as the next version, unless the present one is the same; say what was done."""
        async with self._store.transaction():
            await self._secrets.hold_still()
            rows = [
                kept.sealed
                for kept in await self._secrets.every()
                if (kept.sealed.label.kind, kept.sealed.label.name) == (kind, name)
            ]
            newest = (await self._secrets.current(kind)).get(name)
            if newest and newest.label.instance == instance and _opens_to(newest, value, masters):
                return f"{newest.label} stands: it is the same"
            label = Label(instance, self._ids.new_id(), kind, name, _next_version(rows))
            await self._secrets.add(seal(label, value, masters[0]))
        return f"{label} is sealed with master key {masters[0].kid}"

    async def revoke(self, kind: Kind, name: str, version: int) -> str:
        """Let an old version count no more; say so.

        Raises:
            CannotOpen: there is no such version, or it is the one in use.
        """
        async with self._store.transaction():
            await self._secrets.hold_still()
            rows = {
                kept.sealed.label.version: kept
                for kept in await self._secrets.every()
                if (kept.sealed.label.kind, kept.sealed.label.name) == (kind, name)
            }
            if version not in rows:
                raise CannotOpen(f"There is no version {version} of {kind} {name}: see mrmarket keys list.")
            label = rows[version].sealed.label
            newest = (await self._secrets.current(kind)).get(name)
            if newest and newest.label == label:
                raise CannotOpen(f"{label} is in use: put another in its place first.")
            if rows[version].revoked_at is None:
                await self._secrets.revoke(label.id)
        return f"{label} counts no more"

    async def begin_rotation(self, key_file: Path, write: Write = write_masters) -> list[MasterKey]:
        """Return the keys of a file with a new one in front; a rotation that was begun goes on.

        The file holds both before the first row is wrapped anew, so that whoever reads it opens all.

        Raises:
            BadMasterKey: the file cannot be used.
            OSError: it cannot be written.
        """
        async with self._store.transaction():
            await self._secrets.hold_still()
            masters = read_masters(key_file)
            if len(masters) == 1:
                masters = [master_of(new_root()), *masters]
                write(key_file, masters)
            for master in masters:
                await self._secrets.add_master(master.kid)
        return masters

    async def rotate(self, masters: Sequence[MasterKey]) -> AsyncIterator[str]:
        """Wrap every row with the first master key, each in a commit of its own; say what was done."""
        for kept in await self._secrets.every():
            if kept.sealed.kid != masters[0].kid and (said := await self._rotate_one(kept.sealed, masters)):
                yield said

    async def _rotate_one(self, listed: Sealed, masters: Sequence[MasterKey]) -> str | None:
        async with self._store.transaction():
            row = await self._secrets.lock(listed.label.id)
            if row.kid == masters[0].kid:
                return None
            try:
                await self._secrets.wrap_anew(rewrap(row, masters, masters[0]))
            except CannotOpen as error:
                return f"left as it is: {error}"
        return f"{row.label}: {row.kid} -> {masters[0].kid}"

    async def users_of(self) -> dict[str, int]:
        """Return how many secrets each master key wraps that is not retired."""
        counts = {row.kid: 0 for row in await self._secrets.masters() if row.retired_at is None}
        for kept in await self._secrets.every():
            counts[kept.sealed.kid] += 1
        return counts

    async def retire(self, present: str) -> list[str]:
        """Retire every master key but the present one that wraps nothing any more; return their names."""
        async with self._store.transaction():
            await self._secrets.hold_still()
            idle = [kid for kid, count in (await self.users_of()).items() if not count and kid != present]
            for kid in idle:
                await self._secrets.retire(kid)
        return idle

    async def drop_retired(self, key_file: Path, write: Write = write_masters) -> list[str]:
        """Take retired keys out of a key file; return their names.

        Raises:
            BadMasterKey: the file cannot be used.
            OSError: it cannot be written.
        """
        async with self._store.transaction():
            await self._secrets.hold_still()
            masters = read_masters(key_file)
            in_use = (await self.users_of()).keys()
            kept = [master for master in masters if master.kid in in_use or master is masters[0]]
            if len(kept) < len(masters):
                write(key_file, kept)
        return [kid for kid in kids(masters) if kid not in kids(kept)]


def _next_version(rows: Sequence[Sealed]) -> int:
    return max((row.label.version for row in rows), default=0) + 1


def _opens_to(sealed: Sealed, value: Secret[bytes], masters: Sequence[MasterKey]) -> bool:
    """Tell whether a row holds this value; one that does not open holds another."""
    try:
        return unseal(sealed, masters) == value
    except CannotOpen:
        return False
