"""What a stranded run really has: the books, and what its orders have traded that is not booked yet."""

from collections.abc import Collection, Sequence
from dataclasses import replace

from domain.angel.closing import Stranded
from domain.market.model import Side
from domain.market.orders import Intent


def with_orders(run: Stranded, intents: Sequence[Intent], doubtful: Collection[str]) -> Stranded:
    """Return the run after all that its orders have traded, at their price, which is the worst there was.

    Fees that are not booked yet are left out: they are less than any venue lets one trade.
    """
    base, quote = run.base, run.quote
    mine = [intent for intent in intents if intent.run_id == run.run_id]
    for intent in mine:
        traded = intent.filled - intent.booked
        way = 1 if intent.side is Side.BUY else -1
        base, quote = base + way * traded, quote - way * traded * intent.price
    return replace(run, base=base, quote=quote, uncertain=any(intent.id in doubtful for intent in mine))
