"""Handlers by event and filter, in a tree; the first match wins."""

import inspect
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from bot.context import Context
from bot.events import Event, Message, Payment, Unsupported
from bot.filters import Filter
from bot.replies import Answer

Handler = Callable[..., Awaitable[Answer]]
AnyHandler = TypeVar("AnyHandler", bound=Callable[..., Awaitable[Any]])


class WiringError(Exception):
    """A handler asks for something that nobody gives."""


@dataclass(frozen=True, slots=True)
class Route:
    """One handler: for which event and filters, for whose permission, and whether it moves money."""

    handler: Handler
    event_type: type[Event]
    filters: Sequence[Filter]
    permission: str
    moves_money: bool

    @property
    def command(self) -> str:
        """Return the name of the command it is for, empty when it is for none."""
        return next((one.name for one in self.filters if one.name), "")

    @property
    def asks(self) -> frozenset[str]:
        """Return the names of the handler's parameters."""
        return frozenset(inspect.signature(self.handler).parameters)

    @property
    def gives(self) -> frozenset[str]:
        """Return the names that event and filters provide."""
        return frozenset(
            {self.event_type.kind, "person", "place", "now"}.union(*(f.gives for f in self.filters))
        )

    def match(self, context: Context) -> Mapping[str, object] | None:
        """Return what the handler may ask for, or ``None`` when it is not meant."""
        if not isinstance(context.event, self.event_type):
            return None
        learned: dict[str, object] = {
            self.event_type.kind: context.event,
            "person": context.person,
            "place": context.place,
            "now": context.now,
        }
        for one in self.filters:
            more = one.check(context)
            if more is None:
                return None
            learned |= more
        return learned


class Router:
    """A named list of routes and further routers, asked in the order in which they were given."""

    def __init__(self, name: str, *children: "Router") -> None:
        self.name = name
        self._routes: list[Route] = []
        self._children = children

    def message(
        self, *filters: Filter, permission: str, moves_money: bool = False
    ) -> Callable[[AnyHandler], AnyHandler]:
        """Register a handler of texts for those who have a permission.

        One that moves money does not act on an old message (MS3). What permissions there are and who has
        them is not ours to know; nothing can be registered without one.
        """
        return self._register(Message, filters, permission, moves_money)

    def payment(self, *filters: Filter, permission: str) -> Callable[[AnyHandler], AnyHandler]:
        """Register a handler of payment hints."""
        return self._register(Payment, filters, permission, moves_money=False)

    def unsupported(self, *filters: Filter, permission: str) -> Callable[[AnyHandler], AnyHandler]:
        """Register a handler of what we cannot read."""
        return self._register(Unsupported, filters, permission, moves_money=False)

    def _register(
        self, event_type: type[Event], filters: Sequence[Filter], permission: str, moves_money: bool
    ) -> Callable[[AnyHandler], AnyHandler]:
        def register(handler: AnyHandler) -> AnyHandler:
            self._routes.append(Route(handler, event_type, filters, permission, moves_money))
            return handler

        return register

    def routes(self) -> Iterator[Route]:
        """Yield all routes in the order in which they are asked."""
        yield from self._routes
        for child in self._children:
            yield from child.routes()
