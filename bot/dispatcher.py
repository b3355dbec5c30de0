"""One event in, what to say out: event -> middleware -> router -> handler -> replies."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol

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


class Guard(Protocol):
    """Whoever knows what people may do; permissions are plain words to us."""

    def knows(self, permission: str) -> bool:
        """Tell whether there is such a permission."""
        ...

    async def admit(self, user_id: Any, permission: str) -> None:
        """Return when the person has the permission, else raise a refusal."""
        ...


class Dispatcher:
    """A router with everything its handlers ask for, checked when it is made."""

    def __init__(
        self,
        router: Router,
        services: Mapping[str, object],
        guard: Guard,
        middleware: Sequence[Middleware] = (),
    ) -> None:
        """Wire the handlers.

        Raises:
            WiringError: a handler asks for a name that neither a service, its event nor a filter gives, or
                names no permission that the guard knows.
        """
        self._routes = list(router.routes())
        self._services = dict(services)
        self._guard = guard
        for route in self._routes:
            if not guard.knows(route.permission):
                raise WiringError(f"{route.handler.__name__} is for a permission that nobody can have")
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
            await self._guard.admit(context.event.sender_id, route.permission)
            if route.moves_money and context.age > STALE:
                return [Say("message_too_old", {"minutes": int(context.age / timedelta(minutes=1))})]
            known = {**self._services, **learned}
            return says_of(await route.handler(**{name: known[name] for name in route.asks}))
        return []


def _around(one: Middleware, inner: Handle) -> Handle:
    async def handle(context: Context) -> list[Say]:
        return await one(context, inner)

    return handle
