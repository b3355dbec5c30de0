"""Whether anybody could be heard: a listener that is deaf for long must not pass for well."""

from collections.abc import Callable

DEAF_AFTER_S = 120.0
"""How long Mixin may be out of reach before the process says that it does no work."""


class Hearing:
    """Knows since when nobody can be heard; ``look`` is called at every round."""

    def __init__(self, connected: Callable[[], bool], monotonic: Callable[[], float]) -> None:
        """Begin as if one had just heard something."""
        self._connected, self._monotonic = connected, monotonic
        self._heard_s = monotonic()

    def look(self) -> None:
        """Note whether somebody could be heard now."""
        if self._connected():
            self._heard_s = self._monotonic()

    def deaf(self) -> str:
        """Return why nobody is heard now, or nothing."""
        return "" if self._connected() else "not connected to Mixin"

    def stuck(self) -> str:
        """Return for how long nobody could be heard, when that is long, or nothing."""
        deaf_s = self._monotonic() - self._heard_s
        return f"has heard nobody for {deaf_s:.0f} s" if deaf_s > DEAF_AFTER_S else ""
