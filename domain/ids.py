"""Ids: sortable ones for rows, repeatable ones for requests that leave the building."""

import hashlib
import uuid
from typing import NewType, Protocol

UserId = NewType("UserId", str)
"""A person's Mixin user id: lower-case UUID text."""

AssetId = NewType("AssetId", str)
"""A Mixin asset id: one coin on one network."""

RunId = NewType("RunId", str)
WithdrawalId = NewType("WithdrawalId", str)
TransferId = NewType("TransferId", str)
"""One treasury transfer: between the Mixin wallet and a venue account."""

VenueAccountName = NewType("VenueAccountName", str)
"""The name the owner gave to one API key set at one venue, such as ``binance-1``."""


class Ids(Protocol):
    """Where fresh ids come from; a seeded one makes a run of the program repeatable."""

    def new_id(self) -> str:
        """Return a new row id: UUIDv7 text, sorts by time of creation."""
        ...

    def client_order_id(self) -> str:
        """Return a new client order id: our prefix and 75 random bits, 18 characters of ``[a-z0-9]``."""
        ...

    def token(self) -> str:
        """Return an unguessable token of at least 128 bits, URL-safe."""
        ...


def request_id(purpose: str, *subject: str) -> str:
    """Return the UUID that names this request outside, the same one for every retry.

    MD5-UUID (version 3 bits) of the joined parts, as Mixin's own clients derive theirs.
    """
    digest = bytearray(hashlib.md5("".join([purpose, *subject]).encode(), usedforsecurity=False).digest())
    digest[6] = digest[6] & 0x0F | 0x30
    digest[8] = digest[8] & 0x3F | 0x80
    return str(uuid.UUID(bytes=bytes(digest)))
