"""The first owner: by settings, or by a code that only who can read the bot's output knows."""

import base64
import hashlib
import hmac
from dataclasses import dataclass
from datetime import timedelta

from domain.errors import Refused
from domain.ids import Ids, UserId
from domain.ports.audit import BY_SETTINGS
from domain.ports.clock import Clock
from domain.ports.roles import OwnerCode, OwnerCodes, RoleChange, RoleStore
from domain.ports.store import Store
from domain.roles import Permission, Role
from domain.services.auth import AuthService
from domain.services.confirmations import hash_of

VALID_FOR = timedelta(hours=24)
TRIES_WITHIN = timedelta(hours=1)
MOST_TRIES = 5
MOST_TRIES_OF_ALL = 50
"""Eighty bits stand against so many guesses an hour; a fresh code at a restart counts anew."""

_ALPHABET = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")
_LOOKS_LIKE = str.maketrans("018", "OIB")


@dataclass(frozen=True, slots=True)
class Claim:
    """What became of a code: its sender is the owner now, or may try so often again."""

    accepted: bool
    tries_left: int


def code_from(token: str) -> str:
    """Return a code that can be typed by hand: 80 bits in four groups of letters and digits."""
    text = base64.b32encode(hashlib.sha256(token.encode()).digest()[:10]).decode()
    return "-".join(text[i : i + 4] for i in range(0, len(text), 4))


def compared(typed: str) -> str:
    """Return a code as it is hashed: small letters, missing dashes and lookalikes do not matter."""
    return "".join(c for c in typed[:100].upper().translate(_LOOKS_LIKE) if c in _ALPHABET)


class OwnershipService:
    """Sees to it that an instance gets one owner, once."""

    def __init__(
        self, store: Store, roles: RoleStore, codes: OwnerCodes, auth: AuthService, clock: Clock, ids: Ids
    ) -> None:
        self._store = store
        self._roles = roles
        self._codes = codes
        self._auth = auth
        self._clock = clock
        self._ids = ids

    async def appoint(self, user_id: UserId) -> bool:
        """Make the person whom the settings name the owner, unless there is one; tell whether they are it.

        Who was owner first stays: settings give nobody what the database gave somebody else.
        """
        async with self._store.transaction():
            if owner := await self._owner():
                return owner == user_id
            await self._become(user_id, BY_SETTINGS, "settings")
        return True

    async def issue(self) -> str | None:
        """Return a fresh code, which ends the one before; ``None`` when there is an owner."""
        now, code = self._clock.now(), code_from(self._ids.token())
        async with self._store.transaction():
            if await self._owner():
                return None
            await self._codes.add(OwnerCode(hash_of(compared(code)), now, now + VALID_FOR))
        return code

    async def claim(self, user_id: UserId, typed: str, cause: str) -> Claim:
        """Make the sender of the right code the owner; a wrong one is counted, so it must not be an error.

        Raises:
            Refused: ``owner_exists``; ``owner_code_expired``: there is none that counts;
                ``owner_code_tries`` after too many wrong ones.
        """
        now = self._clock.now()
        async with self._store.transaction():
            if await self._owner():
                raise Refused("owner_exists")
            code = await self._codes.newest()
            if code is None or code.expires_at <= now:
                raise Refused("owner_code_expired")
            tries = await self._codes.tries(user_id, max(code.issued_at, now - TRIES_WITHIN))
            if tries.own >= MOST_TRIES or tries.all >= MOST_TRIES_OF_ALL:
                raise Refused("owner_code_tries")
            if not hmac.compare_digest(hash_of(compared(typed)), code.code_hash):
                await self._codes.add_try(user_id, now)
                return Claim(False, MOST_TRIES - tries.own - 1)
            await self._become(user_id, user_id, cause)
        return Claim(True, 0)

    async def _owner(self) -> UserId | None:
        """Return the owner; while there is none, nobody becomes it until this transaction ends.

        Who is owner stays it, so only a missing one is waited for: codes sent for fun keep nobody waiting.
        """
        if owner := await self._roles.owner():
            return owner
        await self._roles.keep(alone=True)
        return await self._roles.owner()

    async def _become(self, user_id: UserId, who: UserId, cause: str) -> None:
        """Make somebody owner, and write down who said so."""
        params = {"user_id": user_id, "role": Role.OWNER.value}
        number = await self._auth.record(who, Permission.OWNER_CLAIM, params, cause)
        await self._roles.change(RoleChange(user_id, await self._roles.role_of(user_id), Role.OWNER, number))
