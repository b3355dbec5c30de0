"""One event in, what to say out: event -> middleware -> router -> handler -> replies."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from bot.context import Context
from bot.events import Event
from bot.replies import Say, says_of
from bot.router import Router, WiringError

Handle = Callable[[Context], Awaitable[list[Say]]]

STALE = timedelta(minutes=10)
"""A message that moves money and is older than this is not acted on (MS3)."""


class Middleware(Protocol):
    """Something that happens around every event."""

    async def __call__(self, context: Context, inner: Handle) -> list[Say]:
        """Return the answer: that of ``inner``, a changed one, or another."""
        ...


class Dispatcher:
    """A router with everything its handlers ask for, checked when it is made."""

    def __init__(
        self, router: Router, services: Mapping[str, object], middleware: Sequence[Middleware] = ()
    ) -> None:
        """Wire the handlers.

        Raises:
            WiringError: a handler asks for a name that neither a service, its event nor a filter gives.
        """
        self._routes = list(router.routes())
        self._services = dict(services)
        for route in self._routes:
            if missing := route.asks - route.gives - self._services.keys():
                raise WiringError(f"{route.handler.__name__} asks for {', '.join(sorted(missing))}")
        self._handle: Handle = self._route
        for one in reversed(middleware):
            self._handle = _around(one, self._handle)

    async def answer(self, event: Event, now: datetime) -> list[Say]:
        """Return what to say to an event; an empty list is silence."""
        return await self._handle(Context(event, now))

    async def _route(self, context: Context) -> list[Say]:
        for route in self._routes:
            learned = route.match(context)
            if learned is None:
                continue
            if route.moves_money and context.age > STALE:
                return [Say("message_too_old", {"minutes": int(context.age / timedelta(minutes=1))})]
            known = {**self._services, **learned}
            return says_of(await route.handler(**{name: known[name] for name in route.asks}))
        return []


def _around(one: Middleware, inner: Handle) -> Handle:
    async def handle(context: Context) -> list[Say]:
        return await one(context, inner)

    return handle
