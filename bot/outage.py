"""The store does not answer: what people write cannot be kept, and they are told so (PG2)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog

from bot.events import Event, Message
from bot.loop import outcome
from bot.outbox import Messenger, Notice, Outgoing, Renderer
from bot.replies import Undeliverable

log = structlog.get_logger()

KIND = "read_only"

UNNOTICED = timedelta(seconds=10)
"""A database that is only restarted is back before anybody has to hear of it."""


@dataclass(slots=True)
class Outage:
    """Remembers since when nothing can be kept, and tells whoever writes meanwhile, once.

    What they wrote is not acknowledged: Mixin brings it again until it is kept, and then it is answered.
    Their language lies in the store, so it is said in each. The ids of what is said follow from what was
    written: a process that starts anew repeats itself in nobody's eyes.
    """

    messenger: Messenger
    renderer: Renderer
    languages: Sequence[str]
    is_private: Callable[[Event], bool]
    _since: datetime | None = None
    _told: set[str] = field(default_factory=set)

    def over(self) -> None:
        """Note that the store answers."""
        self._since = None
        self._told.clear()

    async def tell(self, events: Sequence[Event], now: datetime) -> None:
        """Note that the store does not answer; once that has lasted, tell those who wrote."""
        self._since = self._since or now
        if now - self._since < UNNOTICED:
            return
        writers = {event.sender_id: event for event in reversed(events) if self._is_for_us(event)}
        unaware = [event for sender_id, event in writers.items() if sender_id not in self._told]
        if unaware and isinstance(
            await self._say(unaware), Undeliverable
        ):  # whoever is to blame keeps nobody else waiting
            for event in unaware:
                await self._say([event])

    def _is_for_us(self, event: Event) -> bool:
        return isinstance(event, Message) and not event.representative_id and self.is_private(event)

    async def _say(self, events: Sequence[Event]) -> object:
        fault = await outcome(self.messenger.send([one for event in events for one in self._worded(event)]))
        if isinstance(fault, Exception):
            log.warning("people were not told that the store is away", count=len(events), reason=str(fault))
        else:
            self._told |= {event.sender_id for event in events}
        return fault

    def _worded(self, event: Event) -> list[Outgoing]:
        said = []
        for language in self.languages:
            notice = Notice(event.sender_id, KIND, f"{event.key}#{language}", {})
            replies = self.renderer.render(KIND, {}, language)
            said += [
                Outgoing(event.sender_id, notice.message_id(i), reply) for i, reply in enumerate(replies)
            ]
        return said
