"""Coins that a venue has paid from and our books do not know: somebody put them there by hand.

A trade is true whether or not our books can follow, so they are made to: what a transfer shows to have been
there is booked first, as nobody's here until a person explains it, and those who look after the instance are
told.
"""

from collections.abc import Sequence
from decimal import Decimal

from domain.ledger.model import Account, AccountKind, Cause, Posting, Transfer, net_of, own
from domain.money import ZERO, Coin, plain
from domain.ports.ledger import Ledger
from domain.services.desk import Desk

FOUND = "_found"
"""What the kind of a transfer's cause is given, for what is booked before it."""


async def with_found(ledger: Ledger, transfers: Sequence[Transfer]) -> list[Transfer]:
    """Return transfers in their order, each after one that books what its venue accounts lack for it."""
    left: dict[Account, Decimal] = {}
    booked = []
    for transfer in transfers:
        ends = {end for posting in transfer.postings for end in (posting.source, posting.destination)}
        missing = []
        for there in sorted((end for end in ends if end.kind is AccountKind.VENUE), key=str):
            if there not in left:
                left[there] = (await ledger.balance(there)).total
            left[there] += net_of([transfer], there)
            if left[there] < 0:
                missing.append(Posting(there, own(AccountKind.EXTERNAL, there.coin), -left[there]))
                left[there] = ZERO
        if missing:
            cause = Cause(transfer.cause.kind + FOUND, transfer.cause.id)
            booked.append(Transfer(cause, tuple(missing)))
        booked.append(transfer)
    return booked


async def post_with_found(desk: Desk, transfers: Sequence[Transfer]) -> None:
    """Post transfers, each after what was found for it, and tell of that; call it inside."""
    booked = await with_found(desk.ledger, transfers)
    await desk.ledger.post_all(booked)
    await tell_of_found(desk, booked)


async def tell_of_found(desk: Desk, posted: Sequence[Transfer]) -> None:
    """Tell what was found among posted transfers, once an hour for each coin; call it inside."""
    found: dict[Coin, Decimal] = {}
    for transfer in posted:
        for posting in transfer.postings if transfer.cause.kind.endswith(FOUND) else ():
            found[posting.source.coin] = found.get(posting.source.coin, ZERO) + posting.amount
    for coin, amount in found.items():
        nobodys = (await desk.ledger.balance(own(AccountKind.EXTERNAL, coin))).total
        told = {"account": desk.account, "coin": coin, "amount": plain(amount), "total": plain(nobodys)}
        cause = f"coins_found:{desk.account}:{coin}:{desk.clock.now():%Y-%m-%dT%H}"
        await desk.tell_keepers("coins_found", cause, told)
