"""The machines under our conversations stay in the task and the transaction of the message."""

import asyncio
from dataclasses import dataclass

import pytest

from bot.replies import Say
from conversations.machine import MachineConversation, Table, machine_of

STATES = frozenset({"first", "second", "over"})
TABLE: Table = [["answer", "first", "second", ["is_heard_here", "is_good"]], ["answer", "second", "over"]]


@dataclass
class Nothing:
    """No draft."""


class Steps(MachineConversation[Nothing]):
    """Two steps whose guards note where they run."""

    flow, first, last, states, draft_type = "steps", "first", frozenset({"over"}), STATES, Nothing
    machine = machine_of(STATES, "first", TABLE)

    def __init__(self) -> None:
        super().__init__("alice", "first", Nothing())
        self.tasks: list[asyncio.Task[object] | None] = []

    async def question(self) -> list[Say]:
        return []

    async def is_heard_here(self) -> bool:
        self.tasks.append(asyncio.current_task())
        return True

    async def is_good(self) -> bool:
        self.tasks.append(asyncio.current_task())
        if self.heard == "wait":
            await asyncio.Event().wait()
        return self.heard == "good" or self.complain("not_good")


async def test_guards_run_in_the_task_that_asks() -> None:
    steps = Steps()
    assert await steps.hear("good")
    assert steps.tasks == [asyncio.current_task()] * 2
    assert steps.state == "second"


async def test_refused_answer_moves_nothing_and_says_why() -> None:
    steps = Steps()
    assert not await steps.hear("bad")
    assert (steps.state, steps.says) == ("first", [Say("not_good")])


async def test_cancellation_is_no_answer() -> None:
    steps = Steps()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(steps.hear("wait"), 0.01)
    assert steps.state == "first"


async def test_machine_forgets_people_it_has_answered() -> None:
    for text in ("good", "bad"):
        await Steps().hear(text)
    assert Steps.machine.models == []


async def test_many_people_walk_through_one_machine() -> None:
    people = [Steps() for _ in range(50)]
    await asyncio.gather(*(steps.hear("good" if n % 2 else "bad") for n, steps in enumerate(people)))
    assert [steps.state for steps in people] == ["first", "second"] * 25
