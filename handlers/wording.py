"""The pieces that renderers are made of: a text, a text with buttons, a list of choices."""

from collections.abc import Callable, Iterable, Mapping, Sequence

from bot.ports import Json
from bot.replies import BLUE, GREEN, MOST_BUTTONS, RED, Button, Buttons, Reply, Text, sends
from bot.words import Words, named

Params = Mapping[str, Json]
Render = Callable[[Words, Params], list[Reply]]

Tap = tuple[str, str, str]
"""A button: the key of its label, what it sends, its colour."""

CANCEL: Tap = ("button_cancel", "/cancel", RED)


def text(key: str) -> Render:
    """Say one text."""
    return lambda words, params: [Text(words(key, **params))]


def with_buttons(key: str, *taps: Tap) -> Render:
    """Say one text and offer things to tap."""
    return lambda words, params: [
        Text(words(key, **params)),
        *groups(sends(words(label), sent, colour) for label, sent, colour in taps),
    ]


def groups(buttons: Iterable[Button]) -> list[Reply]:
    """Return buttons in groups that every client shows."""
    rest = list(buttons)
    return [Buttons(tuple(rest[i : i + MOST_BUTTONS])) for i in range(0, len(rest), MOST_BUTTONS)]


def cancels(words: Words) -> Button:
    """Return the button that leaves a conversation."""
    label, sent, colour = CANCEL
    return sends(words(label), sent, colour)


def choice_buttons(words: Words, names: Iterable[str], colour: str = BLUE) -> list[Reply]:
    """Return a button for each choice that sends its name, and one that leaves."""
    return groups([*(sends(name, name, colour) for name in names), cancels(words)])


def records(params: Params, name: str) -> Sequence[dict[str, Json]]:
    """Return a parameter that is a list of records."""
    found = params[name]
    assert isinstance(found, list), name
    return [one for one in found if isinstance(one, dict)]


def names(params: Params, name: str) -> list[str]:
    """Return a parameter that is a list of texts."""
    found = params[name]
    assert isinstance(found, list), name
    return [str(one) for one in found]


def lines(*parts: str) -> Text:
    """Return one text of several lines, empty ones left out."""
    return Text("\n".join(part for part in parts if part))


def sections(*texts: Text) -> Text:
    """Return several texts as one, with an empty line between them."""
    return Text("\n\n".join(one.text for one in texts))


def confirm_buttons(words: Words, token: str) -> Buttons:
    """Return the buttons under a summary."""
    return Buttons(
        (
            sends(words("button_confirm"), f"/confirm {token}", GREEN),
            cancels(words),
        )
    )


def with_reason(key: str) -> Render:
    """Say something whose reason is a code; a code without words of its own is shown as it is."""

    def render(words: Words, params: Params) -> list[Reply]:
        return [Text(words(key, **{**params, "reason": named(words, "reason_", str(params["reason"]))}))]

    return render
