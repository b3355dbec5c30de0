"""Whether those who guard an instance are heard of."""

from typing import Protocol


class Guardians(Protocol):
    """What processes say of themselves, as far as the Angel goes."""

    async def angel_unheard_s(self) -> float | None:
        """Return for how long no Angel was heard of, by the store's clock; ``None``: nobody knows of any.

        Raises:
            Unavailable: the store does not answer.
        """
        ...
