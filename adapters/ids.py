"""Fresh ids from the operating system's randomness."""

import base64
import secrets
import time
import uuid
from collections.abc import Callable

PREFIX = "mmk"
"""With this every client order id of ours begins, so that our orders can be told from others'."""

_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
_RANDOM_BITS = 75
_RANDOM_DIGITS = 15  # 36 ** 15 > 2 ** 75
_TOKEN_BYTES = 24

Bits = Callable[[int], int]


class RandomIds:
    """Ids as ``domain.ids.Ids``; a seeded source of bits makes them repeatable."""

    def __init__(self, bits: Bits = secrets.randbits, now_ms: Callable[[], int] | None = None) -> None:
        self._bits = bits
        self._now_ms = now_ms or (lambda: time.time_ns() // 1_000_000)

    def new_id(self) -> str:
        """Return a new row id: UUIDv7 text (RFC 9562), sorts by time of creation."""
        stamp = self._now_ms() & (1 << 48) - 1
        number = stamp << 80 | 0x7 << 76 | self._bits(12) << 64 | 0b10 << 62 | self._bits(62)
        return str(uuid.UUID(int=number))

    def client_order_id(self) -> str:
        """Return a new client order id: our prefix and 75 random bits, 18 characters of ``[a-z0-9]``."""
        number = self._bits(_RANDOM_BITS)
        digits = []
        for _ in range(_RANDOM_DIGITS):
            number, digit = divmod(number, len(_DIGITS))
            digits.append(_DIGITS[digit])
        return PREFIX + "".join(reversed(digits))

    def token(self) -> str:
        """Return an unguessable token of 192 bits, URL-safe."""
        raw = self._bits(_TOKEN_BYTES * 8).to_bytes(_TOKEN_BYTES, "big")
        return base64.urlsafe_b64encode(raw).decode()
