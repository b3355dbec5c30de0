"""What a venue promises a market maker, as data; and what it takes to trade there at all (safety §1.3)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from types import MappingProxyType

_SAMPLE = "mmk0123456789abcxyz"[:18]
"""An id of ours: adapters.ids makes no longer one, and no other letters."""


class IdForm(StrEnum):
    """How our client order id is written at a venue."""

    PLAIN = "plain"
    PREFIXED = "prefixed"  # ``t-`` before it
    HEX = "hex"  # 128 bits, 0x and 32 digits


class Finding(StrEnum):
    """How an order is found by our id."""

    PARAMETER = "parameter"  # one order, open or ended, by the unified parameter
    AS_ID = "as id"  # one order, open or ended: our id in place of the venue's
    QUERY = "query"  # one order, by a request that the library has no unified call for
    LISTS = "lists"  # the venue looks our id up in its open orders, then in its ended ones
    HISTORY = "history"  # we look through its open orders, then through its latest ones
    NOT = "not"


class Cancelling(StrEnum):
    """How an order is taken off the book."""

    PARAMETER = "parameter"  # by the unified parameter
    OWN_PARAMETER = "own parameter"  # by the venue's name for it
    AS_ID = "as id"  # our id in place of the venue's
    ORDER_ID = "order id"  # only by the venue's own id, which we look up


class Expiry(StrEnum):
    """How a request is made to be refused when it arrives late."""

    OPTION = "option"  # an option of the client, in ms
    HEADER = "header"  # an instant in ms, in a header
    PARAMETER = "parameter"  # an instant in an order's body
    WINDOW = "window"  # milliseconds in an order's body
    SIGNED = "signed"  # an instant in ms in what is signed
    CLOCK = "clock"  # nothing can be asked; the venue refuses an old signature by its own measure


class Trades(StrEnum):
    """How own trades are read whole."""

    FROM_ID = "from id"  # by ascending trade ids
    WINDOWS = "windows"  # by spans of time, halved while a page is full
    PAGES = "pages"  # the newest first, page by page


class MarketTrades(StrEnum):
    """How the trades of everybody are told, by a stream and by request."""

    NUMBERED = "numbered"  # by the same ids, which count each pair's trades without a hole
    SHARED = "shared"  # by the same ids
    APART = "apart"  # each by its own ids, or bundled otherwise: what both tell cannot be put together
    UNASKED = "unasked"  # by the stream alone: what the library has for it is something else


class DeadMan(StrEnum):
    """Whether the venue cancels our orders by itself when it hears nothing of us."""

    UNIFIED = "unified"  # by a call of the library
    RAW = "raw"  # by a request of the venue's own
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Timer:
    """The dead-man timer of a venue; seconds, nothing where it has none."""

    kind: DeadMan = DeadMan.NONE
    least_s: int = 0
    most_s: int = 0
    says: str = ""
    call: str = ""  # the library's name of a raw request
    usable: bool = True  # one request sets it, and it takes off orders of the kind that we place


@dataclass(frozen=True, slots=True)
class VenueContract:
    """What we rely on at one venue. ``source`` says where it was read.

    ``unconfirmed`` names what neither the library's source nor a watched request shows: it is from the
    venue's documentation alone, and nobody has yet seen it at work.
    """

    venue: str  # ccxt id
    client_id_parameter: str  # our id's name on the wire
    id_pattern: str  # what the venue accepts there
    source: str
    id_form: IdForm = IdForm.PLAIN
    cancel_parameter: str = ""  # its name in a cancel, where it goes by one
    find_parameter: str = ""  # its name in a look-up, where it goes by one
    fill_parameter: str = ""  # its name in a trade, where trades tell it
    refuses_duplicate_client_ids: bool = False  # as far as is known
    finding: Finding = Finding.PARAMETER
    cancelling: Cancelling = Cancelling.PARAMETER
    lists_open_orders: bool = True
    lists_own_trades: bool = True
    trades: Trades = Trades.WINDOWS
    trades_window: timedelta = timedelta(days=1)  # the longest span one request may ask for
    trades_page: int = 100
    trades_days: int = 0  # how far back they go; 0: nothing is said
    trades_of_all_pairs: bool = False  # a page holds other pairs' trades too
    trades_until: str = "until"  # the parameter that ends a span
    market_trades: MarketTrades = MarketTrades.APART
    answers_whole: bool = False  # create and cancel answer with the order's state; else with its id alone
    expiry: Expiry = Expiry.OPTION
    expiry_name: str = ""
    expiry_as_text: bool = False  # the library signs it as it is, and takes nothing but text
    latest_arrival_ms: int = 0  # where the venue's own measure counts: how old a request it accepts
    one_nonce: bool = False  # each request's number must be higher than the last: one process for a key
    needs: tuple[str, ...] = ()  # credentials beyond key and secret, by the library's names
    sub_accounts: bool = True
    rehearsal: str = ""  # what the venue has to rehearse at: "testnet", "demo"
    batch_places: int = 1
    batch_cancels: int = 1
    batch_code_field: str = ""  # where a row of a batch's answer says why its order was refused
    batch_by_place: bool = False  # its rows name no order of ours: they stand as the orders stood
    batch_counts_each: bool = True  # the venue's count of orders grows by each of a batch, else by one
    cancels_all: bool = True
    tells_fees: bool = True
    orders_per_second: int = 5
    most_open_orders: int = 200  # where its markets do not tell
    timer: Timer = Timer()
    withdrawal_parameter: str = ""  # of our own id of a withdrawal
    markets_call: str = ""  # where the library cannot be told to ask for spot markets alone
    code_field: str = "code"
    refusal_codes: frozenset[str] = frozenset()  # the venue's own codes that mean a definite no
    closed_codes: frozenset[str] = frozenset()  # of them those that mean that nobody can trade the pair now
    silence_codes: frozenset[str] = frozenset()  # codes that mean: unknown, look it up
    read_posts: tuple[str, ...] = ()  # ends of addresses that are posted to and change nothing
    options: Mapping[str, object] = field(default_factory=lambda: MappingProxyType({}))
    unconfirmed: tuple[str, ...] = ()

    @property
    def weaknesses(self) -> tuple[str, ...]:
        """Return the codes of what keeps us from trading here; none where every order and fill can be found.

        An order must be found by our id or in the list of those that rest, trades must be told, and our ids
        must fit: else an answer that is lost is lost for good.
        """
        found = []
        if self.finding in (Finding.NOT, Finding.HISTORY) and not self.lists_open_orders:
            found.append("no_lookup")
        if not self.lists_own_trades:
            found.append("no_trades")
        if not re.fullmatch(self.id_pattern, self.written(_SAMPLE)):
            found.append("id_misfit")
        return tuple(found)

    def written(self, client_order_id: str) -> str:
        """Return our id as the venue writes it.

        Raises:
            ValueError: it is none of ours, and cannot be written so.
        """
        match self.id_form:
            case IdForm.PREFIXED:
                return f"t-{client_order_id}"
            case IdForm.HEX:
                return _as_hex(client_order_id)
            case _:
                return client_order_id

    def read(self, theirs: str) -> str:
        """Return our id from how the venue writes it; what is not ours stays as it is."""
        match self.id_form:
            case IdForm.PREFIXED:
                return theirs.removeprefix("t-")
            case IdForm.HEX:
                return _from_hex(theirs)
            case _:
                return theirs

    def latest_arrival_s(self, asked_ms: int) -> float:
        """Return how many seconds after it was sent a request may still be accepted."""
        return (self.latest_arrival_ms or asked_ms) / 1000


_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
_LETTERS = 3  # our prefix, told by its bytes
_NUMBER_DIGITS = 15


def _as_hex(client_order_id: str) -> str:
    """Return 0x and 32 digits: the bytes of three letters, then a number in base 36."""
    letters, number = client_order_id[:_LETTERS], client_order_id[_LETTERS:]
    if len(number) != _NUMBER_DIGITS or not letters.isascii():
        raise ValueError(f"{client_order_id} is no id of ours")
    return f"0x{letters.encode().hex()}{int(number, 36):026x}"


def _from_hex(theirs: str) -> str:
    if not re.fullmatch(r"0x[0-9a-f]{32}", theirs):
        return theirs
    letters, number = bytes.fromhex(theirs[2:8]), int(theirs[8:], 16)
    if not letters.isalnum() or not letters.isascii() or number >= 36**_NUMBER_DIGITS:
        return theirs
    digits = ""
    for _ in range(_NUMBER_DIGITS):
        number, digit = divmod(number, 36)
        digits = _DIGITS[digit] + digits
    return letters.decode() + digits
