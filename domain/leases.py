"""Who may act for a venue account or the wallet, and until when by one's own clock (D4, safety §2.9)."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NewType

from domain.errors import Refused
from domain.ids import VenueAccountName

Scope = NewType("Scope", str)

WALLET = Scope("wallet")


def venue_scope(account: VenueAccountName) -> Scope:
    """Return the scope of one venue account."""
    return Scope(f"venue:{account}")


_SEAT = "seat:"


def seat_scope(number: int) -> Scope:
    """Return the scope of one worker's place among the workers: nobody acts for it, it is only counted."""
    return Scope(f"{_SEAT}{number}")


def seat_number(scope: Scope) -> int:
    """Return the number of a seat; zero for what is none."""
    return int(scope.removeprefix(_SEAT)) if scope.startswith(_SEAT) else 0


@dataclass(frozen=True, slots=True)
class LeaseTiming:
    """How long a lease lasts, how often it is renewed, how long an answer may take; seconds.

    ``margin_s`` is by how much we stop before the store lets others in: our clock may be slower than its.
    """

    ttl_s: float = 10.0
    renew_s: float = 2.0
    timeout_s: float = 2.0
    margin_s: float = 2.0

    def __post_init__(self) -> None:
        """Refuse a timing in which one lost renewal loses the lease.

        Raises:
            ValueError: a time is not positive, or renew + 2 · timeout + margin is more than the ttl.
        """
        needed_s = self.renew_s + 2 * self.timeout_s + self.margin_s
        if min(self.renew_s, self.timeout_s, self.margin_s) <= 0 or needed_s > self.ttl_s:
            raise ValueError(
                f"must be at least the renewal's interval, twice its timeout and {self.margin_s:g} s more,"
                f" which is {needed_s:g} s"
            )

    def deadline_s(self, asked_s: float) -> float:
        """Return until when we may act, given when the renewal that succeeded was sent: before, not after."""
        return asked_s + self.ttl_s - self.margin_s


_NEVER = float("-inf")


@dataclass(slots=True)
class Grip:
    """One process's hold on one scope, by its own clock: the keeper tightens it, those who act look at it.

    ``monotonic`` is the clock's. What nobody renews ends by itself: at ``deadline_s`` we stop, at ``ends_s``
    others may begin. What is ``leaving`` goes to another process once those who act have ended their
    round and ``left``.
    """

    scope: Scope
    monotonic: Callable[[], float]
    epoch: int = 0
    deadline_s: float = _NEVER
    ends_s: float = _NEVER
    wavering: bool = False  # the last renewal failed: nothing new until one succeeds
    leaving: bool = False
    left: bool = False

    @property
    def held(self) -> bool:
        """Tell whether this process acts for the scope at this moment."""
        return self.epoch > 0 and self.monotonic() < self.deadline_s

    @property
    def sure(self) -> bool:
        """Tell whether this process may begin something new."""
        return self.held and not self.wavering

    @property
    def alone(self) -> bool:
        """Tell whether nobody else can act for the scope yet, though we may have stopped."""
        return self.epoch > 0 and self.monotonic() < self.ends_s

    @property
    def left_s(self) -> float:
        """Return for how many seconds we may still act, if nobody renews."""
        return max(0.0, self.deadline_s - self.monotonic()) if self.epoch else 0.0

    def tighten(self, epoch: int, asked_s: float, timing: LeaseTiming) -> None:
        """Note that the store agreed to what was asked for at an instant."""
        self.epoch, self.wavering = epoch, False
        self.deadline_s, self.ends_s = timing.deadline_s(asked_s), asked_s + timing.ttl_s

    def drop(self) -> None:
        """Let go: somebody else acts, or may."""
        self.epoch, self.deadline_s, self.ends_s, self.wavering = 0, _NEVER, _NEVER, False
        self.leaving = self.left = False

    def require(self) -> None:
        """Let a harmful write pass; call it in the last function before the socket.

        Raises:
            Refused: ``lease_lost``: not held any more, or no longer certain; no byte has left.
        """
        if not self.sure:
            raise Refused("lease_lost", scope=self.scope, epoch=self.epoch)
