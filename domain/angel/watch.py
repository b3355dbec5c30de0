"""Whether anybody still acts for the venue accounts: signs and time in, a verdict out.

Nothing here knows a clock or a database. What is ours to decide by is what we see at each look: the leases as
the store tells them, how far their holders are by their own word, and how long ago we last heard anything.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from domain.leases import Scope

RELIEVED_EVERY_S = 3_600.0

_VENUE = "venue:"


def is_venue(scope: Scope) -> bool:
    """Tell whether it is a venue account's: the Angel has to do with no other."""
    return scope.startswith(_VENUE)


class Standing(StrEnum):
    """How a lease stands in the store."""

    HELD = "held"
    RELEASED = "released"  # given back, or nobody's: whoever stops in order leaves it so
    ANGEL = "angel"  # taken over, and not safe yet


@dataclass(frozen=True, slots=True)
class Sign:
    """One lease at one look; ``renewed_ago_s`` and ``left_s`` by the store's clock, below zero: over.

    ``ill`` says in words why its holder does no work by its own word, or nothing. ``renewed_at_s`` is the
    instant of the last renewal by the store's clock, another one after each; ``None``: it was not told.
    ``left_behind`` says that a worker gave it back while orders of ours rested, or may have, ``waits_for``
    whose silence its holder waits out.
    """

    scope: Scope
    epoch: int
    holder: str
    standing: Standing
    renewed_ago_s: float
    left_s: float
    ill: str = ""
    renewed_at_s: float | None = None
    left_behind: bool = False
    waits_for: str = ""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long the Angel waits before it acts; seconds.

    ``renew_s`` and ``ttl_s`` are the workers': a renewal is overdue by ``slack_s``. ``free_s`` is how long
    a lease that is over is left to other workers, ``margin_s`` how much longer than a lease lasts we wait
    when the store is silent: our clock may be faster than its. ``behind_s`` is how long orders may rest at an
    account that was given back: a deploy takes it again before.
    """

    interval_s: float = 2.0
    threshold: int = 3
    renew_s: float = 2.0
    ttl_s: float = 10.0
    slack_s: float = 0.5
    free_s: float = 2.0
    margin_s: float = 2.0
    behind_s: float = 60.0

    def __post_init__(self) -> None:
        """Refuse an impatience that would rob workers of leases that they still renew.

        Raises:
            ValueError: a time is not positive, or three renewals are more than a lease lasts.
        """
        times = (self.interval_s, self.renew_s, self.slack_s, self.free_s, self.margin_s, self.behind_s)
        if min(times) <= 0 or self.threshold < 1 or self.silence_s >= self.ttl_s:
            raise ValueError(
                "a lease must last longer than three renewals, and every time be more than nothing"
            )

    @property
    def silence_s(self) -> float:
        """Return after how long without a renewal a lease may be taken before it is over."""
        return 3 * self.renew_s

    @property
    def longest_s(self) -> float:
        """Return how long after its last renewal a lease has ended by any clock, ours too."""
        return self.ttl_s + self.margin_s


@dataclass(frozen=True, slots=True)
class Trip:
    """An account to take over: seen in an epoch, before its lease is over or after, and why.

    ``behind`` ones were given back. The worker of a ``cut_off`` one does not reach its exchange: whoever does
    not either leaves it alone. ``blind`` ones cannot be taken, since the store is silent: their orders
    are cancelled all the same.
    """

    scope: Scope
    seen: int
    reason: str
    preempt: bool = False
    stuck: bool = False
    blind: bool = False
    behind: bool = False
    cut_off: bool = False


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a look led to; ``said`` is its sentence."""

    trips: Sequence[Trip]
    said: str

    @property
    def healthy(self) -> bool:
        """Tell whether there is nothing to do."""
        return not self.trips


@dataclass(slots=True)
class Watch:
    """Looks again and again and remembers how often it looked bad.

    ``us`` is our holder's name. Times are those of one's own monotonic clock.
    """

    patience: Patience
    us: str
    began_s: float
    _overdue: dict[Scope, int] = field(default_factory=dict)  # looks in a row with an overdue renewal
    _ill: dict[Scope, int] = field(default_factory=dict)  # looks in a row at a holder that does no work
    _over_since: dict[Scope, float] = field(default_factory=dict)
    _behind_since: dict[Scope, float] = field(default_factory=dict)
    _relieved_s: dict[Scope, float] = field(default_factory=dict)  # when an Angel last had it
    _renewals: dict[Scope, tuple[int, float, float]] = field(default_factory=dict)  # and since when we saw it
    _last: Mapping[Scope, Sign] = field(default_factory=dict)
    _heard_s: float | None = None

    def remember(self, signs: Iterable[Sign]) -> None:
        """Begin with what was seen in an earlier life, for a store that is silent from the start."""
        self._last = {sign.scope: sign for sign in signs if is_venue(sign.scope)}

    def look(self, signs: Sequence[Sign], now_s: float) -> Verdict:
        """Judge what the store tells now."""
        self._heard_s = now_s
        ours = [sign for sign in signs if is_venue(sign.scope)]
        self._last = {sign.scope: sign for sign in ours}
        somebody = any(self._renews(sign) for sign in signs)
        trips = [trip for sign in ours if (trip := self._judge(sign, somebody, now_s))]
        if trips:
            return Verdict(trips, "; ".join(f"{trip.scope}: {trip.reason}" for trip in trips))
        return Verdict((), self._calm(ours))

    def silence(self, now_s: float, store_answers_others: bool = False, stop_said: bool = False) -> Verdict:
        """Judge that the store does not answer (AN5).

        Each worker stops by its own clock before its lease is over, so whoever waits longer than that
        after the last answer finds none of them at work. If the store answers others, it is we who are cut
        off, and workers that renew are let alone (AN3). After a STOP nothing is waited for.
        """
        self._overdue.clear()
        self._ill.clear()
        self._over_since.clear()  # what was over meanwhile, workers may take again before we do
        self._behind_since.clear()
        self._renewals.clear()
        heard_s = self.began_s if self._heard_s is None else self._heard_s
        wait_s = heard_s + self.patience.longest_s - now_s
        if store_answers_others:
            return Verdict((), "the store answers others and not us: nothing is done")
        if wait_s > 0 and not stop_said:
            return Verdict((), f"the store is silent: acts in {wait_s:.0f} s")
        reason = f"the store has been silent for {now_s - heard_s:.0f} s"
        if stop_said:
            reason = f"somebody said STOP, and {reason}"
        left = [
            sign for sign in self._last.values() if sign.standing is not Standing.RELEASED or sign.left_behind
        ]
        trips = [Trip(sign.scope, sign.epoch, reason, blind=True) for sign in left]
        return Verdict(trips, f"{reason}; {len(trips)} accounts had somebody")

    def _renews(self, sign: Sign) -> bool:
        return sign.standing is Standing.HELD and sign.renewed_ago_s < self.patience.silence_s

    def _judge(self, sign: Sign, somebody: bool, now_s: float) -> Trip | None:
        scope, is_over = sign.scope, sign.standing is Standing.HELD and sign.left_s <= 0
        over_s = _lasting(self._over_since, scope, is_over, now_s)
        overdue = sign.renewed_ago_s > self.patience.renew_s + self.patience.slack_s
        bad = _count(self._overdue, scope, sign.standing is Standing.HELD and overdue)
        ill = _count(self._ill, scope, sign.standing is Standing.HELD and bool(sign.ill))
        silent_s = self._without_renewal(sign, now_s)
        if sign.standing is Standing.RELEASED:
            return self._left_behind(sign, now_s)
        if sign.standing is Standing.ANGEL:
            self._relieved_s[scope] = now_s
            return self._resume(sign)
        if is_over:
            if over_s < self.patience.free_s:
                return None  # for other workers to take
            return Trip(scope, sign.epoch, f"its lease is over, and nobody took it for {over_s:.0f} s")
        if silent_s >= self.patience.longest_s:  # the store's clock was put back: its times say nothing (CK3)
            reason = f"its lease was not renewed for {silent_s:.0f} s of ours"
            return Trip(scope, sign.epoch, reason, preempt=True)
        if bad >= self.patience.threshold and not somebody:
            reason = f"no worker has renewed anything for {sign.renewed_ago_s:.0f} s"
            return Trip(scope, sign.epoch, reason, preempt=True)
        if ill >= self.patience.threshold:
            return self._relieve(sign, now_s)
        return None

    def _relieve(self, sign: Sign, now_s: float) -> Trip | None:
        """Take over from a worker that does no work; from one that is cut off once an hour at most.

        The worker may be the next to take it, and is no better off: what it could not see come off it would
        call resting again.
        """
        cut_off = bool(sign.waits_for)
        if cut_off and now_s - self._relieved_s.get(sign.scope, float("-inf")) < RELIEVED_EVERY_S:
            return None
        reason = f"its worker {sign.ill}"
        return Trip(sign.scope, sign.epoch, reason, preempt=True, stuck=True, cut_off=cut_off)

    def _without_renewal(self, sign: Sign, now_s: float) -> float:
        """Return for how long we have seen the same renewal of a lease that is held, by our own clock."""
        if sign.standing is not Standing.HELD or sign.renewed_at_s is None:
            self._renewals.pop(sign.scope, None)
            return 0.0
        epoch, at_s, since_s = self._renewals.get(sign.scope, (0, 0.0, now_s))
        if (epoch, at_s) != (sign.epoch, sign.renewed_at_s):
            since_s = now_s
        self._renewals[sign.scope] = (sign.epoch, sign.renewed_at_s, since_s)
        return now_s - since_s

    def _left_behind(self, sign: Sign, now_s: float) -> Trip | None:
        """See to orders whose worker went in order, and that no other came for: nobody attends to them."""
        behind_s = _lasting(self._behind_since, sign.scope, sign.left_behind, now_s)
        if not sign.left_behind or behind_s < self.patience.behind_s:
            return None
        reason = f"it was given back with orders on its book, and nobody took it for {behind_s:.0f} s"
        return Trip(sign.scope, sign.epoch, reason, behind=True)

    def _resume(self, sign: Sign) -> Trip | None:
        """Go on with what an Angel began: we in an earlier life, or another that has gone (AN6, AN7)."""
        if sign.holder == self.us:
            return Trip(sign.scope, sign.epoch, "taken over, and not safe yet")
        if sign.left_s <= 0:
            return Trip(sign.scope, sign.epoch, f"{sign.holder} took it over and was not heard of since")
        return None

    def _calm(self, signs: Sequence[Sign]) -> str:
        held = sorted(sign.scope for sign in signs if sign.standing is Standing.HELD)
        doubt = [scope for scope in held if self._overdue.get(scope) or self._ill.get(scope)]
        said = f"no action: {len(held)} of {len(signs)} accounts have somebody"
        return f"{said}; doubtful: {', '.join(doubt)}" if doubt else said


def _count(counts: dict[Scope, int], scope: Scope, bad: bool) -> int:
    """Return how many looks in a row were bad, this one included."""
    counts[scope] = counts.get(scope, 0) + 1 if bad else 0
    return counts[scope]


def _lasting(since: dict[Scope, float], scope: Scope, so: bool, now_s: float) -> float:
    """Return for how long something has been so, as far as we have seen."""
    if not so:
        since.pop(scope, None)
        return 0.0
    return now_s - since.setdefault(scope, now_s)


@dataclass(frozen=True, slots=True)
class Window:
    """How long after a change of epoch a request of the old holder may still arrive; seconds."""

    send_s: float = 1.0  # from the commit of an intent to its first byte
    http_s: float = 5.0
    expiry_s: float = 5.0  # after this the venue refuses
    skew_s: float = 0.5

    @property
    def last_s(self) -> float:
        """Return after how long nothing of it can come any more."""
        return self.send_s + self.http_s + self.expiry_s + self.skew_s
