"""Amounts that can be told apart: the lowest permitted digits are the transfer's own (safety §2.7)."""

import hashlib
from collections.abc import Collection
from decimal import Decimal

from domain.errors import Refused
from domain.ids import TransferId

_DIGITS = 4


def tagged(amount: Decimal, places: int, transfer_id: TransferId, taken: Collection[Decimal]) -> Decimal:
    """Return the amount with its lowest four permitted digits (three, where that is too much) made unique.

    They come from the transfer's id, so that a repeat gives the same; those that others of late carry are
    passed over. Never more than the amount.

    Raises:
        Refused: ``amount_too_small``: the tag would change more than a tenth of it; ``no_tag_free``.
    """
    digits = next((d for d in (_DIGITS, _DIGITS - 1) if Decimal(10).scaleb(d - places) <= amount), 0)
    if not digits:
        raise Refused("amount_too_small")
    unit = Decimal(1).scaleb(-places)
    block = unit.scaleb(digits)
    base, tags = (amount // block) * block, int(block / unit) - 1
    start = int.from_bytes(hashlib.sha256(transfer_id.encode()).digest()[:8])
    for step in range(tags):
        candidate = base + unit * (1 + (start + step) % tags)
        if candidate > amount:
            candidate -= block
        if candidate not in taken:
            return candidate
    raise Refused("no_tag_free")
