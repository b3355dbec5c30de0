"""A small chat on fakes: a dispatcher of the test's own, reception and delivery."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count

from bot.delivery import Delivery
from bot.dispatcher import Dispatcher, Middleware
from bot.events import Event, Message
from bot.outage import Outage
from bot.ports import Json
from bot.reception import Reception
from bot.replies import Reply, Text
from bot.router import Router
from tests.fakes.chat import (
    FakeClock,
    FakeConversations,
    FakeInbox,
    FakeMessenger,
    FakeOutbox,
    FakeTransactions,
)


class StoreAway(Exception):
    """The store does not answer."""


class OpenDoor:
    """Lets everybody do everything that has a name."""

    def knows(self, permission: str) -> bool:
        return bool(permission)

    async def admit(self, user_id: str, permission: str) -> None:
        pass


class PlainRenderer:
    """Words every kind as itself; ``unwordable`` breaks."""

    def render(self, kind: str, params: Mapping[str, Json], language: str) -> Sequence[Reply]:
        if kind == "unwordable":
            raise KeyError(kind)
        return [Text(" ".join([language, kind, *(f"{name}={value}" for name, value in params.items())]))]


def is_private(event: Event) -> bool:
    """Tell whether something was said in the sender's own room."""
    return event.conversation_id == f"room-{event.sender_id}"


@dataclass
class SmallChat:
    """Everything of the chat but its business."""

    router: Router
    services: dict[str, object] = field(default_factory=dict)
    middleware: list[Middleware] = field(default_factory=list)
    clock: FakeClock = field(default_factory=FakeClock)
    inbox: FakeInbox = field(default_factory=FakeInbox)
    outbox: FakeOutbox = field(default_factory=FakeOutbox)
    conversations: FakeConversations = field(default_factory=FakeConversations)
    messenger: FakeMessenger = field(default_factory=FakeMessenger)

    def __post_init__(self) -> None:
        self.transactions = FakeTransactions(self.inbox, self.outbox, self.conversations)
        self.numbers = count(1)
        self.delivery = Delivery(self.outbox, PlainRenderer(), self.messenger, self.clock)
        self.renew()

    def renew(self, patience_s: float = 5.0) -> None:
        """Start the process anew: only the stores remain."""
        self.reception = Reception(
            self.inbox,
            self.outbox,
            self.transactions,
            Dispatcher(self.router, self.services, OpenDoor(), self.middleware),
            self.clock,
            outage=Outage(self.messenger, PlainRenderer(), ("en", "zh"), is_private),
            transient=(StoreAway,),
            on_answer=self.delivery.ring,
            patience_s=patience_s,
        )

    def message(self, text: str, sender: str = "alice", **facts: str) -> Message:
        return Message(
            text=text,
            sender_id=sender,
            conversation_id=facts.get("conversation_id", f"room-{sender}"),
            message_id=facts.get("message_id", f"m{next(self.numbers)}"),
            representative_id=facts.get("representative_id", ""),
            sent_at=self.clock.now(),
        )

    async def says(self, text: str, sender: str = "alice", **facts: str) -> list[str]:
        """Have a person say something; return what they are told then."""
        before = len(self.messenger.shown)
        await self.reception.receive(self.message(text, sender, **facts))
        await self.reception.drain()
        await self.delivery.drain()
        return self.told()[before:]

    def told(self, user_id: str | None = None) -> list[str]:
        """Return all texts shown, or those of one person."""
        shown = [one for one in self.messenger.shown.values() if user_id in (None, one.user_id)]
        return [one.reply.text for one in shown if isinstance(one.reply, Text)]


async def until(happened: Callable[[], bool], tries: int = 500) -> None:
    """Return when something has happened in another task; fail when it does not within seconds."""
    for _ in range(tries):
        if happened():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it did not happen")
