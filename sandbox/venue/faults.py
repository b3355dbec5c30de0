"""Bad days of the venue, switched on over the control address; all off by default, all seeded."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from random import Random
from typing import Any


@dataclass(slots=True)
class Settings:
    """Which faults are on. Shares are per cent of the requests whose "METHOD /path" contains `only`."""

    only: str = ""  # e.g. "POST /api/v3/order"; empty means every signed request
    withhold_percent: int = 0  # the request is executed, the answer never comes
    withhold_how: str = "cut"  # or "hang"
    refuse_percent: int = 0  # not executed, answered with `refuse_status`
    refuse_status: int = 503
    delay_ms: int = 0  # before the answer
    hide_orders_ms: int = 0  # new orders do not show in openOrders for so long
    hide_fills_ms: int = 0  # own trades do not show in lists for so long
    duplicate_percent: int = 0  # of stream events are sent twice
    lose_deltas: int = 0  # so many of the next depth events are lost
    limit_percent: int = 0  # answered with 429 and -1003
    wrong_echo_percent: int = 0  # of placed orders are answered with another client id
    skew_ms: int = 0  # how far the venue's clock is ahead; behind, when negative


@dataclass(slots=True)
class Faults:
    """The dice and the settings they are thrown against."""

    random: Random
    settings: Settings = field(default_factory=Settings)

    def change(self, wanted: dict[str, Any]) -> dict[str, Any]:
        """Replace the settings by the defaults and what is wanted; an unknown name is an error."""
        fresh = Settings()
        for name, value in wanted.items():
            if not hasattr(fresh, name) or type(value) is not type(getattr(fresh, name)):
                raise ValueError(f"no fault is called {name} with a value like {value!r}")
            setattr(fresh, name, value)
        self.settings = fresh
        return self.shown()

    def shown(self) -> dict[str, Any]:
        """Return the settings as they are."""
        return asdict(self.settings)

    def concerns(self, request: str) -> bool:
        """Whether the faults apply to a request, written "METHOD /path"."""
        return self.settings.only in request

    def strikes(self, percent: int) -> bool:
        """Throw the dice once; a fault that is off throws none."""
        return percent > 0 and self.random.randrange(100) < percent

    def copies(self) -> int:
        """How often the next stream event is sent."""
        return 2 if self.strikes(self.settings.duplicate_percent) else 1

    def loses_delta(self) -> bool:
        """Whether the next depth event is lost."""
        if self.settings.lose_deltas:
            self.settings.lose_deltas -= 1
            return True
        return False
