"""Sealed secrets and the names of master keys, in Postgres. Nothing here can open them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from adapters.db.store import PostgresStore
from adapters.sealing.envelope import Kind, Label, Sealed
from adapters.sealing.masters import Derivation

_COLUMNS = "id, instance, kind, name, version, nonce, ciphertext, kid, wrapped_key, created_at, revoked_at"
_ALL = f"SELECT {_COLUMNS} FROM secrets ORDER BY kind, name, version"  # noqa: S608 - constants
CURRENT = f"""
    SELECT DISTINCT ON (kind, name) {_COLUMNS} FROM secrets
    WHERE kind = $1 AND revoked_at IS NULL ORDER BY kind, name, version DESC
"""  # noqa: S608 - constants
_LOCKED = f"SELECT {_COLUMNS} FROM secrets WHERE id = $1 FOR UPDATE"  # noqa: S608 - constants
_ADD = """
    INSERT INTO secrets (id, instance, kind, name, version, nonce, ciphertext, kid, wrapped_key)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
"""
_LOCK = 0x6D6D7363  # "mmsc"


@dataclass(frozen=True, slots=True)
class Kept:
    """A row: what is sealed, and since when it counts or counts no more."""

    sealed: Sealed
    created_at: datetime
    revoked_at: datetime | None


@dataclass(frozen=True, slots=True)
class MasterRow:
    """What is known of a master key without having it."""

    kid: str
    derivation: Derivation | None
    retired_at: datetime | None


class PostgresSecrets:
    """The tables ``secrets`` and ``master_keys``."""

    def __init__(self, store: PostgresStore) -> None:
        self._store = store

    async def hold_still(self) -> None:
        """Let one command at a time change these tables, until the transaction ends."""
        await self._store.fetch("SELECT pg_advisory_xact_lock($1)", _LOCK, writes=True)

    async def every(self) -> list[Kept]:
        """Return all rows this login may see, in order, oldest version first."""
        return [_kept(row) for row in await self._store.fetch(_ALL)]

    async def current(self, kind: Kind) -> Mapping[str, Sealed]:
        """Return by name the newest version that is not revoked."""
        return {row["name"]: sealed_of(row) for row in await self._store.fetch(CURRENT, kind)}

    async def add(self, sealed: Sealed) -> None:
        """Keep one more."""
        label = sealed.label
        await self._store.execute(
            _ADD,
            label.id,
            label.instance,
            label.kind,
            label.name,
            label.version,
            sealed.nonce,
            sealed.ciphertext,
            sealed.kid,
            sealed.wrapped_key,
        )

    async def lock(self, secret_id: str) -> Sealed:
        """Return a row as it stands, and let nobody change it until the transaction ends."""
        return _kept((await self._store.fetch(_LOCKED, secret_id, writes=True))[0]).sealed

    async def wrap_anew(self, sealed: Sealed) -> None:
        """Put a new wrapping in a row's place."""
        await self._store.execute(
            "UPDATE secrets SET kid = $2, wrapped_key = $3 WHERE id = $1",
            sealed.label.id,
            sealed.kid,
            sealed.wrapped_key,
        )

    async def revoke(self, secret_id: str) -> None:
        """Let a version count no more."""
        await self._store.execute(
            "UPDATE secrets SET revoked_at = clock_timestamp() WHERE id = $1", secret_id
        )

    async def masters(self) -> list[MasterRow]:
        """Return what is known of the master keys, oldest first."""
        rows = await self._store.fetch("SELECT * FROM master_keys ORDER BY created_at, kid")
        return [MasterRow(row["kid"], _derivation(row), row["retired_at"]) for row in rows]

    async def add_master(self, kid: str, derivation: Derivation | None = None) -> None:
        """Note a master key's name, once, and how its passphrase becomes it."""
        d = derivation
        how = (d.salt, d.n, d.r, d.p) if d else (None,) * 4
        await self._store.execute(
            "INSERT INTO master_keys (kid, salt, scrypt_n, scrypt_r, scrypt_p) VALUES ($1, $2, $3, $4, $5)"
            " ON CONFLICT (kid) DO NOTHING",
            kid,
            *how,
        )

    async def retire(self, kid: str) -> None:
        """Let a master key wrap nothing any more.

        Raises:
            InvariantBroken: ``change_refused``: a secret needs it, or it was retired before.
        """
        await self._store.execute("UPDATE master_keys SET retired_at = clock_timestamp() WHERE kid = $1", kid)


def _kept(row: dict[str, Any]) -> Kept:
    return Kept(sealed_of(row), row["created_at"], row["revoked_at"])


def sealed_of(row: Mapping[str, Any]) -> Sealed:
    """Return the sealed secret of a row."""
    label = Label(row["instance"], str(row["id"]), Kind(row["kind"]), row["name"], row["version"])
    return Sealed(label, row["nonce"], row["ciphertext"], row["kid"], row["wrapped_key"])


def _derivation(row: dict[str, Any]) -> Derivation | None:
    if row["salt"] is None:
        return None
    return Derivation(row["salt"], row["scrypt_n"], row["scrypt_r"], row["scrypt_p"])
