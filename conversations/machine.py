"""Conversations driven by ``transitions``: read the table and you have read the conversation.

The table names guards. A guard understands what was said: it notes it in the draft and
returns true, or adds to ``says`` what was wrong and returns false; then nothing has changed.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, ClassVar, Generic

from transitions.extensions.asyncio import AsyncMachine

from bot.conversation import Conversation, Draft
from bot.replies import Say
from conversations.refusal import worded
from domain.errors import Refused

Table = list[list[Any]]


class InTurn(AsyncMachine):
    """A machine that does everything in the task that called it, one thing after the other.

    The library's own asks guards in tasks of their own, which stand outside the message's
    transaction, and takes a cancellation for an answer.
    """

    async def process_context(self, func: Callable[[], Awaitable[Any]], model: object) -> Any:
        """Run a trigger; a cancellation goes up."""
        return await self._process_async(func, model)

    @staticmethod
    async def await_all(callables: Sequence[Callable[[], Awaitable[Any]]]) -> list[Any]:
        """Return what each gives, in order."""
        return [await one() for one in callables]


def machine_of(states: frozenset[str], first: str, table: Table) -> InTurn:
    """Return the machine of a flow; one serves all people, each only while their message is answered."""
    rows = [dict(zip(("trigger", "source", "dest", "conditions"), row, strict=False)) for row in table]
    return InTurn(model=None, states=sorted(states), initial=first, transitions=rows, auto_transitions=False)


class MachineConversation(Conversation[Draft], Generic[Draft]):
    """A conversation whose moves are the table of its ``machine``."""

    machine: ClassVar[Any]
    heard: str = ""

    async def hear(self, text: str) -> bool:
        """Let the table decide where the answer leads; an answer that leads nowhere changes nothing."""
        self.heard = text
        self.machine.add_model(self, initial=self.state)
        try:
            return bool(await self.trigger("answer"))  # type: ignore[attr-defined]  # the machine adds it
        finally:
            self.machine.remove_model(self)

    def complain(self, kind: str, **params: Any) -> bool:
        """Say what was wrong with an answer, and refuse it."""
        self.says.append(Say(kind, params))
        return False

    def object(self, refusal: Refused) -> bool:
        """Say why the domain refused an answer, and refuse it."""
        self.says.append(worded(refusal))
        return False
