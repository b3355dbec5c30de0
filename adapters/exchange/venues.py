"""The contract table: what each supported venue promises a market maker (safety §1.3).

A row is data, with its source; a venue that could not be reconciled gets no row, and without a row an
account is refused.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class VenueContract:
    """What we rely on at one venue; every field was watched on the wire or read in its documentation."""

    venue: str  # ccxt id
    client_id_parameter: str  # what a unified clientOrderId becomes on the wire
    refuses_duplicate_client_ids: bool  # while the first order is open
    finds_by_client_id: bool  # ended orders included
    lists_open_orders: bool
    lists_own_trades: bool
    expiry_option: str  # ccxt option that makes the venue refuse late requests, in ms
    dead_man_timer: bool
    refusal_codes: frozenset[str]  # the venue's own codes that mean a definite no
    silence_codes: frozenset[str]  # codes that mean: unknown, look it up

    @property
    def can_be_reconciled(self) -> bool:
        """Tell whether every order and every fill can be found again."""
        return self.finds_by_client_id and self.lists_open_orders and self.lists_own_trades


BINANCE = VenueContract(
    venue="binance",
    client_id_parameter="newClientOrderId",
    refuses_duplicate_client_ids=True,
    finds_by_client_id=True,
    lists_open_orders=True,
    lists_own_trades=True,
    expiry_option="recvWindow",
    dead_man_timer=False,
    # rate limits, malformed or late requests, filters, rejected order, keys
    refusal_codes=frozenset(
        {"-1003", "-1013", "-1015", "-1021", "-1022", "-1100", "-1101", "-1102", "-1106", "-1111", "-1116"}
        | {"-1117", "-1121", "-2010", "-2014", "-2015"}
    ),
    # internal error, bus trouble, back-end timeout: the order may rest on the book
    silence_codes=frozenset({"-1000", "-1001", "-1006", "-1007"}),
)

VENUES = {contract.venue: contract for contract in (BINANCE,)}
