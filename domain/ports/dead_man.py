"""A venue's own timer that takes our orders off when it hears nothing of us (D5, safety §1.2)."""

from typing import Protocol


class DeadManTimer(Protocol):
    """The timer of one account. What it cancels is the account's, whoever placed it."""

    @property
    def least_s(self) -> int:
        """Return the shortest time it can be set to."""
        ...

    @property
    def most_s(self) -> int:
        """Return the longest time it can be set to."""
        ...

    @property
    def harmless(self) -> bool:
        """Tell whether nothing here is worth anything, so that it may be let strike to see that it does."""
        ...

    async def set(self, seconds: int) -> None:
        """Have it strike after so many seconds, in place of what was set before; 0: never.

        Raises:
            Refused: ``lease_lost``: we do not act here any more; any other code: the venue declined.
            OutcomeUnknown: no clear answer: it may have been set.
        """
        ...
