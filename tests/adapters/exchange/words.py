"""What a venue says, as little of it as is true to its protocol, and what it is to be asked.

The shapes are those of the venues' documentation as ccxt quotes it in its source.
"""

from dataclasses import dataclass

from tests.adapters.exchange.far_venue import Answers


@dataclass(frozen=True, slots=True)
class Words:
    """A venue's answers, and where in our requests its own words have to stand."""

    answers: Answers
    create: str  # method and address
    id_at: str
    cancel: str
    cancel_id_at: str  # empty: in the address
    find: str  # one of the requests that look an order up by our id
    find_id_at: str
    expiry_at: str = ""  # "header NAME", or a place in the request; empty: nothing of the kind
    cancel_id: str = "$ID"
    pair: str = "BTC/USDT"
    cancel_expires: bool = True


BOOK = {"asks": [["100.1", "1"]], "bids": [["100", "1"]]}
