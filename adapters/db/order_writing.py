"""Orders and their holds written together, as ``domain.ports.order_writing.OrderWriting``: one call."""

import json
from collections.abc import Mapping, Sequence

from adapters.db.store import PostgresStore
from domain.leases import Scope
from domain.ledger.model import Cause, Hold
from domain.market.orders import Intent

_WRITE = "SELECT write_orders($1, $2, $3, $4, $5) AS let_in"


class PostgresOrderWriting:
    """One round trip to the database, whatever there is to write: those who quote wait for it."""

    def __init__(self, store: PostgresStore) -> None:
        self._store = store

    async def write(
        self,
        scope: Scope,
        epoch: int,
        news: Sequence[Intent],
        ended: Sequence[Cause],
        new: Sequence[tuple[Intent, Hold]],
    ) -> Sequence[Intent]:
        """Write all or nothing; return the new orders that the store let in."""
        rows = await self._store.fetch(
            *(_WRITE, scope, epoch, [owner.id for owner in ended]),
            json.dumps([_progress(intent) for intent in news], default=str),
            json.dumps([_order(intent, hold) for intent, hold in new], default=str),
            writes=True,
        )
        let_in = set(rows[0]["let_in"])
        return [intent for intent, _ in new if intent.id in let_in]


def _progress(intent: Intent) -> Mapping[str, object]:
    return {
        "id": intent.id,
        "state": intent.state,
        "order_id": intent.order_id,
        "filled": intent.filled,
        "booked": intent.booked,
        "booked_quote": intent.booked_quote,
        "absent_since": intent.absent_since,
        "settled": intent.settled,
    }


def _order(intent: Intent, hold: Hold) -> Mapping[str, object]:
    return {
        "id": intent.id,
        "client_order_id": intent.client_order_id,
        "run_id": intent.run_id,
        "account": intent.account,
        "base": intent.pair.base,
        "quote": intent.pair.quote,
        "side": intent.side,
        "price": intent.price,
        "quantity": intent.quantity,
        "post_only": intent.post_only,
        "not_after": intent.not_after,
        "state": intent.state,
        "immediate": intent.immediate,
        "pays": hold.account.coin,
        "promised": hold.amount,
    }
