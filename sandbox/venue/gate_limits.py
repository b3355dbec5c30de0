"""How often gate may be asked: each endpoint in ten seconds; orders of a pair, and cancels, in one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from sandbox.venue.gate_words import Params, Refusal
from sandbox.venue.gatekeeper import Window

USUAL = (10_000, 200)
PLACING = (1_000, 10)
CANCELLING = (1_000, 200)
_PLACES = (("POST", "/spot/orders"), ("POST", "/spot/batch_orders"))
_CANCELS = ("/spot/orders", "/spot/orders/{order_id}", "/spot/cancel_batch_orders")


@dataclass(slots=True)
class Limits:
    """One window for each who asks and what they ask."""

    wall_ms: Callable[[], int]
    refused: int = 0
    _windows: dict[tuple[str, str], Window] = field(default_factory=dict)

    def count(self, who: str, method: str, path: str, params: Params) -> dict[str, str]:
        """Count a request; return the headers that say what is left.

        Raises:
            Refusal: the window is full.
        """
        now = self.wall_ms()
        name, (length, limit) = _rule(method, path, params)
        window = self._windows.setdefault((who, name), Window(length, limit))
        fits = window.add(1, now)
        if not fits:
            self.refused += 1
            raise Refusal("TOO_MANY_REQUESTS", f"Request rate limit exceeded: {limit} in {length} ms", 429)
        return {
            "X-Gate-RateLimit-Requests-Remain": str(limit - window.used),
            "X-Gate-RateLimit-Limit": str(limit),
            "X-Gate-RateLimit-Reset-Timestamp": str((now // length + 1) * length // 1000),
        }


def _rule(method: str, path: str, params: Params) -> tuple[str, tuple[int, int]]:
    if (method, path) in _PLACES:
        rows = params.get("rows") or [params]
        first = rows[0] if isinstance(rows[0], dict) else {}
        return f"place {first.get('currency_pair', '')}", PLACING
    if path in _CANCELS and (method == "DELETE" or path == "/spot/cancel_batch_orders"):
        return "cancel", CANCELLING
    return f"{method} {path}", USUAL
