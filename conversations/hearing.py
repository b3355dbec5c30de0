"""What people mean by a word: yes, no, all, and one of several choices."""

from collections.abc import Mapping
from typing import TypeVar

from bot.events import words_of

Choice = TypeVar("Choice")

YES = frozenset({"yes", "y", "ok", "confirm", "是", "是的", "好", "好的", "确认", "确定", "可以"})
NO = frozenset({"no", "n", "否", "不", "不是", "不要"})
NONE = frozenset({"nothing", "skip", "无", "不投", "没有", "零"})
DEFAULT = frozenset({"default", "默认", "缺省"})
ALL = frozenset({"all", "everything", "max", "全部", "所有"})


def said(text: str) -> str:
    """Return what was said in comparable form."""
    return " ".join(words_of(text))


def chosen(text: str, choices: Mapping[str, Choice]) -> Choice | None:
    """Return the choice that was named, whatever its letters' case; ``None`` when none was."""
    return {said(name): choice for name, choice in choices.items()}.get(said(text))


def confirmation_in(text: str) -> str | None:
    """Return the token of a tapped ``/confirm TOKEN``, as it was sent."""
    words = text.split()
    return words[1] if len(words) == 2 and said(words[0]) == "/confirm" else None
