"""The simulated machine: virtual time, and one port call at a time, chosen by a seed.

An event loop whose clock stands still while anything can be done. When nothing is ready and no statement is
on its way to Postgres, one of the parked port calls is let go on; when none is parked, time jumps to the next
timer. So a seed decides every interleaving, and the same seed decides the same again.
"""

import asyncio
import hashlib
import heapq
import random
import selectors
import weakref
from collections import defaultdict
from collections.abc import Callable, Coroutine
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, cast

OWNER: ContextVar["Owner | None"] = ContextVar("simulated_process", default=None)

_LOOK_S = 0.02  # a statement that takes longer may be waiting for another one's lock
_LONGEST_STATEMENT_S = 30.0


class SimulatedCrash(BaseException):
    """The process is gone; no handler of ours may catch this."""


class NothingLeftToDo(Exception):
    """Everybody waits for something that cannot come: the simulation itself is stuck."""


@dataclass(eq=False)
class Owner:
    """One simulated process: what it may do ends with it.

    ``die_at`` are the numbers of the boundaries it does not survive; ``passed`` counts those of all its lives
    together, so that a crash of a later life can be planned.
    """

    name: str
    die_at: set[int] = field(default_factory=set)
    passed: int = 0
    alive: bool = True
    tasks: "weakref.WeakSet[asyncio.Task[Any]]" = field(default_factory=weakref.WeakSet)
    crashed: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(eq=False)
class _Turn:
    """A port call at a boundary, waiting to go on."""

    number: int
    owner: Owner
    where: str
    go_on: "asyncio.Future[None]"


@dataclass(frozen=True, slots=True)
class Passed:
    """One boundary that was passed: whose, its number there, where, how many effects of its owner had lasted.

    An effect is what a crash does not undo: a commit, or something done at a far side. Two boundaries of one
    process between the same effects are one crash point, since a crash leaves nothing else behind.
    """

    process: str
    number: int
    where: str
    effects: int

    def __str__(self) -> str:
        """Return it for a report."""
        return f"{self.process}:{self.number} {self.where}"


class Turns:
    """Who goes on next, and a fingerprint of all who went on so far."""

    def __init__(self, dice: random.Random) -> None:
        self._dice = dice
        self._parked: list[_Turn] = []
        self._calls = 0
        self._on_their_way = 0
        self._trace = hashlib.sha256()
        self.effects: defaultdict[str, list[str]] = defaultdict(list)  # by process, in order
        self.deaths = 0
        self.log: list[Passed] = []
        self.locked_out: Callable[[], int] = lambda: 0  # how many statements wait for a lock in Postgres

    @property
    def fingerprint(self) -> str:
        """Return a hash of every boundary passed, in order."""
        return self._trace.hexdigest()

    def leaves_an_effect(self, what: str) -> None:
        """Note what the process that acts now has done and a crash does not undo."""
        if owner := OWNER.get():
            self.effects[owner.name].append(what)

    def call(self) -> int:
        """Return the number of a new port call; both its boundaries bear it, whatever comes between."""
        self._calls += 1
        return self._calls

    async def boundary(self, number: int, where: str) -> None:
        """Wait until it is one's turn to pass; a process that dies here never passes."""
        owner = OWNER.get()
        if owner is None:
            return
        if not owner.alive:
            raise SimulatedCrash(where)
        turn = _Turn(number, owner, where, asyncio.get_running_loop().create_future())
        self._parked.append(turn)
        try:
            await turn.go_on
        finally:
            if turn in self._parked:
                self._parked.remove(turn)
        if not owner.alive:
            raise SimulatedCrash(where)

    def depart(self) -> None:
        """Note that a statement is on its way to Postgres: nobody goes on before it is back."""
        self._on_their_way += 1

    def arrive(self) -> None:
        """Note that a statement is back."""
        self._on_their_way -= 1

    @property
    def on_their_way(self) -> int:
        """Return how many statements are not back yet."""
        return self._on_their_way

    def let_one_go_on(self) -> bool:
        """Let one parked call pass its boundary, or its process die there; ``False`` when none is parked."""
        if not self._parked:
            return False
        ordered = sorted(self._parked, key=lambda turn: turn.number)
        turn = self._dice.choice(ordered)
        self._parked.remove(turn)
        owner = turn.owner
        owner.passed += 1
        passed = Passed(owner.name, owner.passed, turn.where, len(self.effects[owner.name]))
        self._trace.update(str(passed).encode())
        self.log.append(passed)
        if owner.passed in owner.die_at:
            self.deaths += 1
            self.kill(owner)
        elif not turn.go_on.done():
            turn.go_on.set_result(None)
        return True

    def kill(self, owner: Owner) -> None:
        """End a process where it stands; its tasks are for the one who watches ``crashed`` to clear away."""
        owner.alive = False
        for turn in [turn for turn in self._parked if turn.owner is owner]:
            self._parked.remove(turn)
        owner.crashed.set()


class SimulatedLoop(asyncio.SelectorEventLoop):
    """An event loop in virtual time that asks ``Turns`` what happens next."""

    def __init__(self) -> None:
        self.begin(Turns(random.Random(0)))
        super().__init__(_Selector(selectors.DefaultSelector(), self))
        self.set_task_factory(cast("Any", _task_of_owner))

    def begin(self, turns: Turns) -> None:
        """Be as new: no time has passed, and nothing is to come."""
        self._turns, self._now_s, self._timers = turns, 0.0, 0
        self._scheduled: list[asyncio.TimerHandle] = []  # of those who are gone
        self._timer_cancelled_count = 0

    def call_at(  # type: ignore[override]  # the same, said without type variables
        self, when: float, callback: Callable[..., Any], *args: Any, context: Any = None
    ) -> asyncio.TimerHandle:
        """Set a timer; of two for one instant the one that was set first goes first."""
        self._timers += 1
        timer = _Timer(when, callback, args, self, context)
        timer.number = self._timers
        heapq.heappush(self._scheduled, timer)
        timer._scheduled = True  # type: ignore[attr-defined]  # as the base class does
        return timer

    def time(self) -> float:
        """Return virtual seconds since the simulation began."""
        return self._now_s

    def nothing_ready(self, real: selectors.BaseSelector, timeout: float | None) -> list[Any]:
        """Wait for Postgres, or let a parked call go on, or let time pass until the next timer."""
        waited_s = 0.0
        while self._turns.on_their_way:
            events = real.select(_LOOK_S)
            if events:
                return events
            if self._turns.locked_out() >= self._turns.on_their_way:
                break  # they wait for one who is parked
            waited_s += _LOOK_S
            if waited_s > _LONGEST_STATEMENT_S:
                raise NothingLeftToDo("a statement never came back")
        if self._turns.let_one_go_on():
            return []
        if timeout is None:
            if self._turns.on_their_way:
                return real.select(_LOOK_S)
            raise NothingLeftToDo("no call is parked and no timer is set")
        self._now_s = self._scheduled[0].when()
        return []


class _Timer(asyncio.TimerHandle):
    """A timer with a place among those for the same instant."""

    __slots__ = ("number",)
    number: int

    def __lt__(self, other: "asyncio.TimerHandle") -> bool:
        assert isinstance(other, _Timer)
        return (self.when(), self.number) < (other.when(), other.number)


class _Selector(selectors.BaseSelector):
    """The real selector, but for what happens when it would wait."""

    def __init__(self, real: selectors.BaseSelector, loop: SimulatedLoop) -> None:
        self._real = real
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[Any]:
        if timeout is not None and timeout <= 0:
            return []  # whoever can go on does, until all wait: answers never come in between
        return self._loop.nothing_ready(self._real, timeout)

    def register(self, *args: Any, **kwargs: Any) -> selectors.SelectorKey:
        return self._real.register(*args, **kwargs)

    def unregister(self, *args: Any, **kwargs: Any) -> selectors.SelectorKey:
        return self._real.unregister(*args, **kwargs)

    def modify(self, *args: Any, **kwargs: Any) -> selectors.SelectorKey:
        return self._real.modify(*args, **kwargs)

    def get_map(self) -> Any:
        return self._real.get_map()

    def close(self) -> None:
        self._real.close()


def _task_of_owner(
    loop: asyncio.AbstractEventLoop, coro: Coroutine[Any, Any, Any], context: Any = None
) -> "asyncio.Task[Any]":
    task = asyncio.Task(coro, loop=loop, context=context)
    owner = context.get(OWNER) if context is not None else OWNER.get()
    if owner is not None:
        owner.tasks.add(task)
    return task
