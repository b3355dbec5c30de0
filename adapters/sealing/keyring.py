"""Where master keys come from: a key file, or passphrases with what the database knows of them."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from adapters.db.secrets import MasterRow, PostgresSecrets
from adapters.sealing.masters import (
    BadMasterKey,
    MasterKey,
    from_passphrase,
    new_derivation,
    read_masters,
    read_passphrases,
)
from domain.secrets import Secret


@dataclass(frozen=True, slots=True)
class KeySource:
    """The one place an owner keeps master keys in; a question to whoever sits there counts as one."""

    key_file: Path | None = None
    passphrase_file: Path | None = None
    ask: Callable[[], Sequence[Secret[str]]] | None = None

    def passphrases(self) -> Sequence[Secret[str]]:
        """Return the passphrases, the one in use first; none when there is a key file.

        Raises:
            BadMasterKey: there is neither, or the file cannot be used.
        """
        if self.key_file:
            return ()
        if self.passphrase_file:
            return read_passphrases(self.passphrase_file)
        if self.ask:
            return self.ask()
        raise BadMasterKey("Set MRMARKET_MASTER_KEY_FILE or MRMARKET_MASTER_PASSPHRASE_FILE.")


async def load_masters(source: KeySource, secrets: PostgresSecrets) -> list[MasterKey]:
    """Return the master keys of a source, the one in use first.

    Raises:
        BadMasterKey: a file cannot be used, or a passphrase is none that anything was sealed with.
    """
    if source.key_file:
        return read_masters(source.key_file)
    rows = await secrets.masters()
    found = [await asyncio.to_thread(_match, each, rows) for each in source.passphrases()]
    if not found or None in found:
        raise BadMasterKey("A passphrase is none that anything here was sealed with: look for a misspelling.")
    return [master for master in found if master]


async def meet_masters(source: KeySource, secrets: PostgresSecrets) -> list[MasterKey]:
    """Return the master keys of a source after noting those that are new; for commands that seal.

    Raises:
        BadMasterKey: a file cannot be used, or a passphrase is too short.
    """
    if source.key_file:
        masters = read_masters(source.key_file)
        for master in masters:
            await secrets.add_master(master.kid)
        return masters
    rows = await secrets.masters()
    return [await _met(passphrase, rows, secrets) for passphrase in source.passphrases()]


async def _met(passphrase: Secret[str], rows: Sequence[MasterRow], secrets: PostgresSecrets) -> MasterKey:
    if known := await asyncio.to_thread(_match, passphrase, rows):
        return known
    derivation = new_derivation()
    master = await asyncio.to_thread(from_passphrase, passphrase, derivation)
    await secrets.add_master(master.kid, derivation)
    return master


def _match(passphrase: Secret[str], rows: Sequence[MasterRow]) -> MasterKey | None:
    """Return the master key that this passphrase made, newest first, if it made one."""
    for row in reversed(rows):
        if row.derivation and row.retired_at is None:
            master = from_passphrase(passphrase, row.derivation)
            if master.kid == row.kid:
                return master
    return None
