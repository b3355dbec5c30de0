"""One API key set at one venue, as the owner's file of venue accounts gives it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from domain.ids import VenueAccountName
from domain.market.limits import Limits
from domain.market.model import Pair
from domain.secrets import Secret

DEFAULT_PAIRS = (Pair.parse("BTC/USDT"), Pair.parse("ETH/USDT"))
"""Pairs people may trade where the owner's file names none."""


@dataclass(frozen=True, slots=True)
class VenueKey:
    """What signs requests to a venue; ``withdrawal`` is another key, made to withdraw alone.

    Where a wallet signs, ``api_key`` is its address and ``secret`` its private key. Some venues want a
    ``passphrase`` as well.
    """

    api_key: Secret[str]
    secret: Secret[str]
    withdrawal: "VenueKey | None" = None
    passphrase: Secret[str] | None = None


@dataclass(frozen=True, slots=True)
class VenueAccount:
    """Name, venue, keys, and where the venue answers when that is not its public address.

    ``keep`` is what of a coin the owner wants to be at hand there, for the treasury to see to.

    ``urls`` may hold ``rest``, ``sapi``, ``ws`` and ``ws_api``. ``lockstep`` reads books by request
    only, so that a replay that waits for its listeners shows the same book each time.
    """

    name: VenueAccountName
    venue: str
    key: VenueKey
    urls: Mapping[str, str] = field(default_factory=dict)
    limits: Limits = field(default_factory=Limits)
    pairs: tuple[Pair, ...] = DEFAULT_PAIRS
    request_expiry_ms: int = 5_000
    keep: Mapping[str, Decimal] = field(default_factory=dict)
    lockstep: bool = False
    rehearsal: bool = False  # at the venue's testnet, or its demo, where nothing is worth anything


def limits_from(caps: Mapping[str, object]) -> Limits:
    """Return the limits an owner wrote for an account; what is not written keeps its default.

    Raises:
        ValueError: a cap is unknown or not a positive number.
    """
    known = {"orders_per_second": int, "burst": int, "price_band_bps": int}
    money = {"max_notional", "max_daily_notional"}
    values: dict[str, int | Decimal] = {}
    for name, cap in caps.items():
        if name not in known and name not in money:
            raise ValueError(f"unknown limit {name!r}; known are {', '.join(sorted({*known, *money}))}")
        values[name] = Decimal(str(cap)) if name in money else int(str(cap))
        if values[name] <= 0:
            raise ValueError(f"limit {name} must be positive, not {cap}")
    return Limits(**values)  # type: ignore[arg-type]  # names and types were checked above
