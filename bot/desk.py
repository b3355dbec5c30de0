"""Where conversations are begun, continued, interrupted and left."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from bot.conversation import Conversation, ConversationStore, Place
from bot.replies import Question, Say

Open = Callable[[str], Conversation[Any]]
"""Make a person's conversation at its first state, with an empty draft."""


class Desk:
    """All flows there are, and the store of where people stand in them."""

    def __init__(self, store: ConversationStore, flows: Mapping[str, Open]) -> None:
        self._store = store
        self._flows = dict(flows)

    async def begin(self, flow: str, user_id: str, now: datetime, said: str = "") -> list[Say]:
        """Start a flow from its beginning; one that was open is left with a word.

        What was ``said`` with the command answers the first question.
        """
        says = await self.leave(user_id)
        conversation = self._flows[flow](user_id)
        await conversation.begin()
        if said and not conversation.is_over:
            await conversation.hear(said)
        return says + await self._go_on(conversation, now)

    async def answer(self, place: Place, user_id: str, text: str, now: datetime) -> list[Say]:
        """Give an open conversation what the person said, and ask what comes next."""
        conversation = self._resume(place, user_id)
        if conversation is None:
            return await self._lost(place, user_id)
        await conversation.hear(text)
        return await self._go_on(conversation, now)

    async def remind(self, place: Place, user_id: str, now: datetime) -> list[Say]:
        """Ask again what an interrupted conversation waits for."""
        conversation = self._resume(place, user_id)
        if conversation is None:
            return await self._lost(place, user_id)
        return [Say("conversation_goes_on", {"flow": place.flow}), *await self._go_on(conversation, now)]

    async def leave(self, user_id: str) -> list[Say]:
        """Leave whatever conversation is open, with a word."""
        place = await self._store.find(user_id)
        if place is None:
            return []
        await self._store.forget(user_id)
        return [Say("conversation_left", {"flow": place.flow})]

    def _resume(self, place: Place, user_id: str) -> Conversation[Any] | None:
        """Return the conversation as stored; ``None`` when an update took its flow, state or draft away."""
        if place.flow not in self._flows:
            return None
        conversation = self._flows[place.flow](user_id)
        try:
            conversation.draft = conversation.draft_type(**place.draft)
        except TypeError:
            return None
        conversation.state = place.state
        return conversation if place.state in conversation.states else None

    async def _lost(self, place: Place, user_id: str) -> list[Say]:
        await self._store.forget(user_id)
        return [Say("conversation_lost", {"flow": place.flow})]

    async def _go_on(self, conversation: Conversation[Any], now: datetime) -> list[Say]:
        """Ask the next question and keep the place, or forget it when all is said."""
        if conversation.is_over:
            await self._store.forget(conversation.user_id)
            return conversation.says
        questions = [Question(say.kind, say.params) for say in await conversation.question()]
        if conversation.state in conversation.last:  # there is nothing left to ask for
            await self._store.forget(conversation.user_id)
            return [*conversation.says, *questions]
        await self._store.keep(conversation.user_id, conversation.place(now))
        return [*conversation.says, *questions]
