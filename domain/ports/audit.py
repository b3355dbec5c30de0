"""The audit: what was done with more than a user's rights, by whom and why; written once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from domain.ids import UserId

BY_SETTINGS = UserId("")
"""Who acts when it is the settings that say so."""


@dataclass(frozen=True, slots=True)
class Audited:
    """One privileged act. ``params_hash`` is of all parameters, ``params`` shows them, long ones cut."""

    who: UserId
    action: str
    params: Mapping[str, str]
    params_hash: str
    cause: str
    at: datetime


class AuditStore(Protocol):
    """The audit table; calls join the ambient transaction."""

    async def add(self, act: Audited) -> int:
        """Write an act down and return its number."""
        ...

    async def latest(self, limit: int) -> Sequence[Audited]:
        """Return the newest acts, newest first."""
        ...
