"""A rehearsal of the worst case: everything but the Angel is killed, and the seconds are counted."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

ALLOWED_S = 11.0
"""Threshold times interval and five seconds (T6), by the Angel's usual settings."""


class DrillVerdict(StrEnum):
    """What a drill came to."""

    PASSED = "passed"
    TOO_SLOW = "too_slow"
    NOT_FLAT = "not_flat"  # orders rested until we gave up waiting
    NOT_SAFE = "not_safe"  # the Angel never gave the accounts back
    NOT_BACK = "not_back"  # it did, and workers did not go on


@dataclass(frozen=True, slots=True)
class Drill:
    """One drill; seconds count from the kill, ``back_s`` from the start of everything; none: never."""

    id: str
    began_at: datetime
    orders: int
    allowed_s: float
    flat_s: float | None
    safe_s: float | None
    back_s: float | None

    @property
    def verdict(self) -> DrillVerdict:
        """Return what it came to; the worst counts."""
        if self.flat_s is None:
            return DrillVerdict.NOT_FLAT
        if self.safe_s is None:
            return DrillVerdict.NOT_SAFE
        if self.back_s is None:
            return DrillVerdict.NOT_BACK
        return DrillVerdict.TOO_SLOW if self.flat_s > self.allowed_s else DrillVerdict.PASSED
