"""What we say: ``Say`` in the program's words, and what it is rendered to, as values.

Handlers return ``Say``: a kind and parameters, never words. It waits in the outbox until a
renderer turns it into texts, buttons and cards in the person's language. The limits are
those of ``mixin.md`` §3.4–3.5 and are checked where a value is made, not by the far side.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from bot.ports import Json

LONGEST_TEXT = 4_000
LONGEST_POST_BYTES = 60_000
LONGEST_LABEL = 24
LONGEST_ACTION = 2_000
LONGEST_TITLE = 36
LONGEST_DESCRIPTION = 1_024
MOST_BUTTONS = 6

BLUE, GREEN, RED, TEAL, BROWN, VIOLET = "#5979F0", "#5FB05F", "#C5595A", "#52A98B", "#AA8A46", "#8F7AC5"
"""Colours that Mixin recommends: readable on light and dark."""

_COLOUR = re.compile(r"#[0-9A-F]{6}", re.ASCII)
_ACTIONS = ("input:", "https://", "mixin://", "http://127.0.0.1:", "http://localhost:")
"""Pages without encryption are opened on this machine alone."""


class Undeliverable(Exception):
    """Mixin will never take this message for this person: blocked, or not a participant."""


@dataclass(frozen=True, slots=True)
class Say:
    """One thing to say: its kind, and the facts it needs as JSON (amounts as plain text)."""

    kind: str
    params: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Question(Say):
    """Something said that waits for the person's answer: the end of a step of a conversation."""


Answer = Say | Sequence[Say] | None
"""What a handler may return."""


def says_of(answer: Answer) -> list[Say]:
    """Return the answer as a list."""
    if answer is None:
        return []
    return [answer] if isinstance(answer, Say) else list(answer)


def _check(right: bool, what: str) -> None:
    if not right:
        raise ValueError(what)


@dataclass(frozen=True, slots=True)
class Text:
    """A plain text message."""

    text: str

    def __post_init__(self) -> None:
        """Refuse an empty or an endless text."""
        _check(
            len(self.text.strip()) > 0 and len(self.text) <= LONGEST_TEXT, "a text has 1 to 4,000 characters"
        )


@dataclass(frozen=True, slots=True)
class Post:
    """A Markdown page, shown as a card that opens full screen."""

    markdown: str

    def __post_init__(self) -> None:
        """Refuse an empty page, and one that would not fit into a request."""
        _check(0 < len(self.markdown.encode()) <= LONGEST_POST_BYTES, "a post has 1 to 60,000 bytes")


@dataclass(frozen=True, slots=True)
class Button:
    """Something to tap: sends a text (``input:``) or opens a link."""

    label: str
    action: str
    colour: str = BLUE

    def __post_init__(self) -> None:
        """Refuse what a client would not show or not open."""
        _check(
            len(self.label.strip()) > 0 and len(self.label) <= LONGEST_LABEL, "a label has 1 to 24 characters"
        )
        _check(_COLOUR.fullmatch(self.colour) is not None, "a colour reads #RRGGBB")
        _check(self.action.startswith(_ACTIONS), "an action sends a text or opens a link")
        rest = self.action.split(":", 1)[1]
        _check(
            rest == rest.strip() and 0 < len(rest) <= LONGEST_ACTION, "an action is neither empty nor padded"
        )


def sends(label: str, text: str, colour: str = BLUE) -> Button:
    """Return a button that sends a text as if it had been typed; its label is cut to what clients show."""
    return Button(label[:LONGEST_LABEL], f"input:{text}", colour)


def opens(label: str, address: str, colour: str = BLUE) -> Button:
    """Return a button that opens a page; its label is cut to what clients show."""
    return Button(label[:LONGEST_LABEL], address, colour)


@dataclass(frozen=True, slots=True)
class Buttons:
    """A group of buttons."""

    buttons: tuple[Button, ...]

    def __post_init__(self) -> None:
        """Refuse an empty group and one that some clients would cut."""
        _check(0 < len(self.buttons) <= MOST_BUTTONS, "a group has 1 to 6 buttons")


@dataclass(frozen=True, slots=True)
class Card:
    """A card with a title, a description and things to tap; not shareable unless said so."""

    title: str
    description: str
    actions: tuple[Button, ...] = ()
    cover_url: str = ""
    shareable: bool = False

    def __post_init__(self) -> None:
        """Refuse what a client would cut."""
        _check(
            len(self.title.strip()) > 0 and len(self.title) <= LONGEST_TITLE, "a title has 1 to 36 characters"
        )
        _check(0 < len(self.description) <= LONGEST_DESCRIPTION, "a description has 1 to 1,024 characters")
        _check(len(self.actions) <= MOST_BUTTONS, "a card has at most 6 actions")
        _check(not self.cover_url or self.cover_url.startswith("https://"), "a cover is an https link")


@dataclass(frozen=True, slots=True)
class Image:
    """A picture; the messenger uploads it first."""

    content: bytes
    mime_type: str
    width: int
    height: int
    thumbnail: bytes

    def __post_init__(self) -> None:
        """Refuse what clients do not show."""
        _check(len(self.content) > 0, "a picture has content")
        _check(self.width > 0 and self.height > 0, "a picture has a width and a height")
        _check(0 < len(self.thumbnail) < 5_000, "a thumbnail has less than 5 kB")


Reply = Text | Post | Buttons | Card | Image
