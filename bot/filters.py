"""Small predicates: whether a handler is meant, and what it learns from that."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from bot.context import Context
from bot.events import Message, words_of

Learned = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Filter:
    """A predicate: ``None`` is no; a mapping is yes, with values for the parameters named in ``gives``.

    ``name`` is that of the command, for those who list what can be said.
    """

    check: Callable[[Context], Learned | None]
    gives: frozenset[str] = frozenset()
    name: str = ""


def _words(context: Context) -> list[str]:
    return context.event.words if isinstance(context.event, Message) else []


def command(name: str, *aliases: str) -> Filter:
    """Match ``/name`` and its aliases; the handler may ask for ``arguments``, a list of words.

    Every name is understood with a slash and, where at most one word follows, without it:
    ``/stop all``, ``stop all`` and ``停止 全部`` are the same.
    """
    names = {word for alias in (name, *aliases) for word in words_of(alias.removeprefix("/"))}

    def check(context: Context) -> Learned | None:
        words = _words(context)
        if not words or words[0].removeprefix("/") not in names:
            return None
        return {"arguments": words[1:]} if words[0].startswith("/") or len(words) <= 2 else None

    return Filter(check, frozenset({"arguments"}), name)


def payload(name: str) -> Filter:
    """Match ``/name`` followed by one word; the handler may ask for it as ``payload``, as it was typed."""
    [command_word] = words_of(name)

    def check(context: Context) -> Learned | None:
        if not isinstance(context.event, Message):
            return None
        typed = context.event.text.split()
        if len(typed) != 2 or words_of(typed[0]) != [command_word]:
            return None
        return {"payload": typed[1]}

    return Filter(check, frozenset({"payload"}), name)


def is_command() -> Filter:
    """Match anything that begins with a slash."""
    return Filter(lambda context: {} if _words(context)[:1] and _words(context)[0].startswith("/") else None)


def in_state(flow: str | None = None, *states: str) -> Filter:
    """Match people who stand in a conversation: in any, in this flow, or in one of its states."""

    def check(context: Context) -> Learned | None:
        place = context.place
        if place is None or (flow is not None and place.flow != flow):
            return None
        return {} if not states or place.state in states else None

    return Filter(check)
