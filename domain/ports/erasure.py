"""What is erased of a person who asks to be forgotten."""

from datetime import datetime
from typing import Protocol

from domain.ids import UserId


class ErasureStore(Protocol):
    """Everything that is kept of a person; calls join the ambient transaction."""

    async def forget(self, user_id: UserId, at: datetime) -> None:
        """Erase language, messages both ways, dialogue and unpaid links; what was booked stays under the id.

        Messages sent up to then are not answered any more, whenever they arrive.

        Raises:
            Refused: ``still_here``: something of theirs is here, or they are more than a user.
        """
        ...
