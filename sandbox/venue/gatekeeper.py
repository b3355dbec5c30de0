"""Who may ask, how recently they signed, and how much they asked already: binance's door."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from sandbox.venue.model import RefusedByVenue

WEIGHT_PER_MINUTE = 6000
ORDERS_PER_TEN_SECONDS = 100
LONGEST_WINDOW_MS = 60_000


READ, TRADE, WITHDRAW = "read", "trade", "withdraw"


@dataclass(frozen=True, slots=True)
class ApiKey:
    """One of an account's keys, and what it may do."""

    account: str
    key: str
    secret: str
    rights: frozenset[str] = frozenset({READ, TRADE})


def keys_of(accounts: list[dict[str, Any]]) -> dict[str, ApiKey]:
    """Return the keys of the world file: one that trades, and where there is one another that withdraws."""
    keys = [ApiKey(row["name"], row["api_key"], row["secret"]) for row in accounts]
    keys += [
        ApiKey(row["name"], own["api_key"], own["secret"], frozenset({READ, WITHDRAW}))
        for row in accounts
        if (own := row.get("withdrawal_key"))
    ]
    return {key.key: key for key in keys}


@dataclass(slots=True)
class Window:
    """A counter that starts anew every so often."""

    length_ms: int
    limit: int
    began: int = 0
    used: int = 0

    def add(self, amount: int, now_ms: int) -> bool:
        """Count; False when the window is full."""
        if now_ms // self.length_ms != self.began:
            self.began, self.used = now_ms // self.length_ms, 0
        self.used += amount
        return self.used <= self.limit


@dataclass(slots=True)
class Gatekeeper:
    """Checks keys, signatures over the raw text, times on the wall clock, and limits."""

    keys: Mapping[str, ApiKey]
    wall_ms: Callable[[], int]
    weight: Window = field(default_factory=lambda: Window(60_000, WEIGHT_PER_MINUTE))
    orders: dict[str, Window] = field(default_factory=dict)
    refused: int = 0  # for coming too often

    def weigh(self, weight: int) -> None:
        """Count a request's weight; refuse when the minute is used up."""
        if not self.weight.add(weight, self.wall_ms()):
            self.refused += 1
            raise RefusedByVenue(
                -1003,
                f"Too much request weight used; current limit is {WEIGHT_PER_MINUTE} per 1 MINUTE. "
                "Please use WebSocket Streams for live updates to avoid polling the API.",
                429,
            )

    def count_order(self, account: str) -> int:
        """Count a new order; refuse when the account sends too many. Return how many there were."""
        window = self.orders.setdefault(account, Window(10_000, ORDERS_PER_TEN_SECONDS))
        if not window.add(1, self.wall_ms()):
            self.refused += 1
            raise RefusedByVenue(
                -1015,
                f"Too many new orders; current limit is {ORDERS_PER_TEN_SECONDS} orders per 10 SECOND.",
                429,
            )
        return window.used

    def known(self, key: str | None) -> ApiKey:
        """Return the account behind a key."""
        if not key:
            raise RefusedByVenue(-2014, "API-key format invalid.", 401)
        if key not in self.keys:
            raise RefusedByVenue(-2015, "Invalid API-key, IP, or permissions for action.", 401)
        return self.keys[key]

    def check_signed(self, key: str | None, raw: str, right: str = READ) -> ApiKey:
        """Return the account that signed a raw text, which ends with its signature, and may do this."""
        owner = self.known(key)
        payload, found, signature = raw.rpartition("signature=")
        if not found:
            raise RefusedByVenue(
                -1102, "Mandatory parameter 'signature' was not sent, was empty/null, or malformed."
            )
        self.check_signature(owner, payload.removesuffix("&"), signature)
        self.check_time(dict(parse_qsl(payload)))
        if right not in owner.rights:
            raise RefusedByVenue(-2015, "Invalid API-key, IP, or permissions for action.", 401)
        return owner

    @staticmethod
    def check_signature(owner: ApiKey, payload: str, signature: str) -> None:
        """Refuse a signature that the owner's secret does not make over this text."""
        expected = hmac.new(owner.secret.encode(), payload.encode(), hashlib.sha256).hexdigest()
        if not hmac.compare_digest(expected.encode(), signature.encode()):
            raise RefusedByVenue(-1022, "Signature for this request is not valid.")

    def check_time(self, params: Mapping[str, str]) -> None:
        """Refuse a request that was signed too long ago or in the future."""
        try:
            at_ms, window = int(params["timestamp"]), int(params.get("recvWindow", "5000"))
        except (KeyError, ValueError) as e:
            raise RefusedByVenue(
                -1102, "Mandatory parameter 'timestamp' was not sent, was empty/null, or malformed."
            ) from e
        if not 0 < window <= LONGEST_WINDOW_MS:
            raise RefusedByVenue(-1131, "'recvWindow' must be less than 60000.")
        now = self.wall_ms()
        if at_ms > now + 1000:
            raise RefusedByVenue(-1021, "Timestamp for this request was 1000ms ahead of the server's time.")
        if now - at_ms > window:
            raise RefusedByVenue(-1021, "Timestamp for this request is outside of the recvWindow.")
