"""Confirmations: a button that moves money does so once, for one person, within five minutes (MS8)."""

import hashlib
import json
from collections.abc import Mapping
from datetime import timedelta

from domain.errors import Refused
from domain.ids import Ids, UserId
from domain.ports.clock import Clock
from domain.ports.confirmations import Confirmation, ConfirmationStore
from domain.ports.store import Store

VALID_FOR = timedelta(minutes=5)


def hash_of(text: str) -> str:
    """Return SHA-256 (hex) of a text."""
    return hashlib.sha256(text.encode()).hexdigest()


def hash_of_params(params: Mapping[str, str]) -> str:
    """Return SHA-256 (hex) of parameters, whatever their order."""
    return hash_of(json.dumps(dict(params), sort_keys=True, ensure_ascii=True))


class ConfirmationService:
    """Issues tokens and takes each once; only hashes are stored."""

    def __init__(self, store: Store, confirmations: ConfirmationStore, clock: Clock, ids: Ids) -> None:
        self._store = store
        self._confirmations = confirmations
        self._clock = clock
        self._ids = ids

    async def issue(self, user_id: UserId, action: str, params: Mapping[str, str]) -> str:
        """Return a token with which this person may confirm this action with these parameters."""
        token = self._ids.token()
        expires_at = self._clock.now() + VALID_FOR
        async with self._store.transaction():
            await self._confirmations.add(
                Confirmation(hash_of(token), user_id, action, hash_of_params(params), expires_at)
            )
        return token

    async def is_used(self, user_id: UserId, token: str) -> bool:
        """Tell whether this person has confirmed with this token before."""
        found = await self._confirmations.find(hash_of(token))
        return found is not None and found.user_id == user_id and found.used_at is not None

    async def consume(self, user_id: UserId, token: str, action: str, params: Mapping[str, str]) -> None:
        """Take a token; call it in the transaction of the effect, so that both happen or neither.

        Raises:
            Refused: ``confirmation_unknown`` (also when it was issued to somebody else or for something
                else), ``confirmation_used`` or ``confirmation_expired``.
        """
        now = self._clock.now()
        async with self._store.transaction():
            found = await self._confirmations.use(hash_of(token), now)
            if found is None or (found.user_id, found.action, found.params_hash) != (
                user_id,
                action,
                hash_of_params(params),
            ):
                raise Refused("confirmation_unknown")
            if found.used_at is not None:
                raise Refused("confirmation_used")
            if found.expires_at <= now:
                raise Refused("confirmation_expired")
