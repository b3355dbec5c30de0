"""Hard limits: what an account may ever send, whatever a strategy wants (OR9)."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from domain.errors import Refused
from domain.market.orders import LimitOrder
from domain.money import BPS

_DAY_S = 86_400.0
_MINUTE_S = 60.0


@dataclass(frozen=True, slots=True)
class Limits:
    """Caps of one venue account; notionals are in the quote coin of the order's pair."""

    orders_per_second: int = 10
    burst: int = 40
    max_notional: Decimal = Decimal(50_000)
    max_daily_notional: Decimal = Decimal(50_000_000)
    price_band_bps: int = 2_000  # how far from the reference price an order may stand


@dataclass(slots=True)
class LimitKeeper:
    """Counts what has been let through and refuses what goes beyond.

    It lives in the last function before the socket, so nothing above it can go round it. Time is the
    monotonic clock's seconds, given by the caller.
    """

    limits: Limits
    _tokens: float = field(init=False)
    _refilled_at: float = field(default=0.0, init=False)
    _day: deque[tuple[float, Decimal]] = field(default_factory=deque, init=False)
    _sent_today: Decimal = field(default=Decimal(0), init=False)

    def __post_init__(self) -> None:
        """Begin with a full bucket."""
        self._tokens = float(self.limits.burst)

    def recall(self, sent: Sequence[tuple[float, Decimal]]) -> None:
        """Count orders sent before, by instant (of the same clock) and notional, oldest first.

        They take the place of what was counted: who knows them knows all that was sent.
        """
        self._day = deque(sent)
        self._sent_today = sum((notional for _, notional in sent), Decimal(0))

    def admit(self, order: LimitOrder, reference: Decimal | None, now_s: float) -> None:
        """Count one order that is about to be sent.

        ``reference`` is the price the market shows now; without one nothing is admitted.

        Raises:
            Refused: ``limit_price_band``, ``limit_notional``, ``limit_daily_notional`` or
                ``limit_order_rate``; the order is not counted.
        """
        notional = order.price * order.quantity
        if reference is None or abs(order.price - reference) * BPS > reference * self.limits.price_band_bps:
            raise Refused("limit_price_band", price=order.price, reference=reference)
        if notional > self.limits.max_notional:
            raise Refused("limit_notional", notional=notional, limit=self.limits.max_notional)
        self._forget_before(now_s - _DAY_S)
        if self._sent_today + notional > self.limits.max_daily_notional:
            raise Refused("limit_daily_notional", limit=self.limits.max_daily_notional)
        self._take_token(now_s)
        self._count(now_s, notional)

    def admit_all(self, orders: Sequence[tuple[LimitOrder, Decimal | None]], now_s: float) -> None:
        """Count orders that are about to be sent in one request, each with its reference: all, or none.

        Raises:
            Refused: as ``admit``, for the first that goes beyond.
        """
        before = self._tokens, self._refilled_at, deque(self._day), self._sent_today
        try:
            for order, reference in orders:
                self.admit(order, reference, now_s)
        except Refused:
            self._tokens, self._refilled_at, self._day, self._sent_today = before
            raise

    def _count(self, now_s: float, notional: Decimal) -> None:
        """Add to the day, in sums of a minute at most, each forgotten when its newest order is a day old."""
        self._sent_today += notional
        minute = now_s // _MINUTE_S
        if self._day and self._day[-1][0] // _MINUTE_S == minute:
            notional += self._day.pop()[1]
        self._day.append((now_s, notional))

    def _forget_before(self, instant_s: float) -> None:
        while self._day and self._day[0][0] <= instant_s:
            self._sent_today -= self._day.popleft()[1]

    def _take_token(self, now_s: float) -> None:
        gained = max(0.0, now_s - self._refilled_at) * self.limits.orders_per_second
        self._tokens = min(float(self.limits.burst), self._tokens + gained)
        self._refilled_at = now_s
        if self._tokens < 1:
            raise Refused("limit_order_rate", per_second=self.limits.orders_per_second)
        self._tokens -= 1
