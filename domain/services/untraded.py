"""Pairs that a venue does not trade: refused by name, and no reason to leave the others alone."""

from collections.abc import Iterator
from contextlib import contextmanager

from domain.errors import Refused

NOT_TRADED = "pair_not_traded"
"""The code with which an exchange refuses what is asked about a pair that it does not, or no longer, list."""


@contextmanager
def unless_untraded() -> Iterator[None]:
    """Go on behind the block where the venue does not trade the pair that it is about."""
    try:
        yield
    except Refused as refusal:
        if refusal.code != NOT_TRADED:
            raise
