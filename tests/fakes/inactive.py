"""People who have done nothing for long, as a test says."""

from collections.abc import Sequence
from datetime import datetime

from domain.ports.inactive import Inactive


class FakeInactive:
    """A list of people, as ``domain.ports.inactive.InactiveStore``."""

    def __init__(self) -> None:
        self.rows: list[Inactive] = []

    async def inactive(self, before: datetime, after: str, limit: int) -> Sequence[Inactive]:
        found = [each for each in self.rows if each.since < before and each.user_id > after]
        return sorted(found, key=lambda each: each.user_id)[:limit]
