"""What happens around every event: who it is, how fast, in whose name, and what if not."""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Protocol

import structlog

from bot.context import Context, Person
from bot.conversation import ConversationStore
from bot.desk import Desk
from bot.dispatcher import Handle
from bot.events import Event, Message
from bot.ports import Transactions
from bot.replies import Question, Say

log = structlog.get_logger()


async def log_context(context: Context, inner: Handle) -> list[Say]:
    """Bind who and which message to every line logged meanwhile."""
    event = context.event
    with structlog.contextvars.bound_contextvars(flow_id=event.message_id, user_id=event.sender_id):
        says = await inner(context)
        log.info("event answered", event_kind=event.kind, replies=[say.kind for say in says])
        return says


@dataclass(frozen=True, slots=True)
class PrivateOnly:
    """Answer in the private conversation of bot and person, nowhere else (MS7)."""

    is_private: Callable[[Event], bool]

    async def __call__(self, context: Context, inner: Handle) -> list[Say]:
        """Return nothing for a group: what is said there is not meant for us, nor ours for them."""
        if not self.is_private(context.event):
            log.info("group message ignored")
            return []
        return await inner(context)


async def own_words_only(context: Context, inner: Handle) -> list[Say]:
    """Refuse what another bot says in a person's name (MS6)."""
    if context.event.representative_id:
        log.warning("representative refused", representative_id=context.event.representative_id)
        return [Say("representative_refused")]
    return await inner(context)


@dataclass(slots=True)
class _Bucket:
    """What is left of a person's allowance, and when it was counted."""

    tokens: float
    at: datetime
    noticed_at: datetime | None = None
    admitted: str = ""  # the last event that was let through: it comes again when it could not be answered


class RateLimit:
    """A token bucket per person: ``burst`` messages in ``window``, then one notice a minute and silence.

    Counted by the time of sending, so that a backlog after an outage is not taken for a flood. What another
    bot says in a person's name is no word of theirs, and counted by itself.
    """

    def __init__(
        self, burst: int = 20, window: timedelta = timedelta(seconds=10), remembered: int = 10_000
    ) -> None:
        self._burst = burst
        self._per_second = burst / window.total_seconds()
        self._remembered = remembered
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    async def __call__(self, context: Context, inner: Handle) -> list[Say]:
        """Pass on, or say to slow down, or say nothing."""
        bucket, key = self._bucket(context.event), context.event.key
        if key == bucket.admitted:
            return await inner(context)
        if bucket.tokens >= 1:
            bucket.tokens -= 1
            bucket.admitted = key
            return await inner(context)
        if bucket.noticed_at is not None and bucket.at - bucket.noticed_at < timedelta(minutes=1):
            return []
        bucket.noticed_at = bucket.at
        return [Say("slow_down")]

    def _bucket(self, event: Event) -> _Bucket:
        """Return the person's bucket, filled up to the time of this event."""
        speaker = event.representative_id or event.sender_id
        bucket = self._buckets.setdefault(speaker, _Bucket(self._burst, event.sent_at))
        self._buckets.move_to_end(speaker)
        if len(self._buckets) > self._remembered:
            self._buckets.popitem(last=False)
        gone = max(timedelta(0), event.sent_at - bucket.at)
        bucket.tokens = min(self._burst, bucket.tokens + gone.total_seconds() * self._per_second)
        bucket.at += gone
        return bucket


class People(Protocol):
    """Who we know."""

    async def ensure(self, user_id: Any, first_text: str, said_at: datetime) -> Person | None:
        """Return the person; one unknown so far is noted, with the language of ``first_text``.

        ``None`` when they have asked to be forgotten after they said it.

        ``user_id`` is text; what type of its own the business gives it is not ours to know.
        """
        ...


@dataclass(frozen=True, slots=True)
class KnownPerson:
    """Every event comes from somebody we know from now on."""

    people: People

    async def __call__(self, context: Context, inner: Handle) -> list[Say]:
        """Pass on with the person; of one who was forgotten since, nothing is answered."""
        text = context.event.text if isinstance(context.event, Message) else ""
        person = await self.people.ensure(context.event.sender_id, text, context.event.sent_at)
        if person is None:
            log.info("word of a forgotten person dropped")
            return []
        return await inner(replace(context, person=person))


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """Where the person stands; an answer in between ends with the question that is still open."""

    store: ConversationStore
    desk: Desk
    kept_for: timedelta = timedelta(hours=24)

    async def __call__(self, context: Context, inner: Handle) -> list[Say]:
        """Pass on with the place; afterwards ask again what an interrupted conversation waits for."""
        user_id = context.event.sender_id
        place = await self.store.find(user_id)
        before: list[Say] = []
        if place is not None and context.now - place.at > self.kept_for:
            await self.store.forget(user_id)
            before, place = [Say("conversation_expired", {"flow": place.flow})], None
        says = await inner(replace(context, place=place))
        if not says or any(isinstance(say, Question) for say in says):
            return before + says
        still = await self.store.find(user_id)
        return before + says + (await self.desk.remind(still, user_id, context.now) if still else [])


@dataclass(frozen=True, slots=True)
class Refusals:
    """A refusal undoes what the handler did and becomes a sentence; any other error goes up."""

    transactions: Transactions
    refusals: tuple[type[Exception], ...]
    worded: Callable[[Any], Say]  # takes whatever ``refusals`` are

    async def __call__(self, context: Context, inner: Handle) -> list[Say]:
        """Return the handler's answer or the reason of its refusal."""
        try:
            async with self.transactions.transaction():
                return await inner(context)
        except self.refusals as refusal:
            log.info("refused", reason=str(refusal))
            return [self.worded(refusal)]
