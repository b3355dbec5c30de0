"""What a message may hold, by category (mixin.md §3.3–3.6)."""

import base64
import binascii
import json
import re
from typing import Any
from urllib.parse import urlsplit

from sandbox.mixin.core.calls import uuid_text
from sandbox.mixin.core.errors import forbidden, invalid
from sandbox.mixin.core.rows import User
from sandbox.mixin.core.world import World

MOST_BUTTONS = 18
MOST_CARD_ACTIONS = 6
LONGEST_LABEL = 64
LONGEST_TITLE = 36
LONGEST_DESCRIPTION = 1024
_COLOUR = re.compile(r"#[0-9A-Fa-f]{6}")
_MIXIN_HOSTS = {"mixin.one", "www.mixin.one", "mixin.zone"}


def decoded(message: dict[str, Any]) -> bytes:
    """Return the bytes of ``data_base64`` or ``data``; either alphabet, padding optional."""
    text = message.get("data_base64") or message.get("data") or ""
    if not isinstance(text, str):
        raise invalid("data", "base64 text is expected")
    plain = text.replace("-", "+").replace("_", "/").rstrip("=")
    try:
        return base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except (binascii.Error, ValueError) as e:
        raise invalid("data", "not base64") from e


def check(world: World, sender: User, category: str, data: bytes) -> None:
    """Refuse a category that clients may not send, or a content that clients could not show."""
    judge = _JUDGES.get(category)
    if judge is None:
        raise invalid("category", f"{category!r} can't be sent")
    judge(world, sender, data)


def parsed(data: bytes) -> Any:
    try:
        return json.loads(data)
    except ValueError as e:
        raise invalid("data", "not JSON") from e


def _object(data: bytes, *names: str) -> dict[str, Any]:
    value = parsed(data)
    if not isinstance(value, dict):
        raise invalid("data", "an object is expected")
    for name in names:
        if not value.get(name):
            raise invalid("data", f"{name} is missing")
    return value


def _text(world: World, sender: User, data: bytes) -> None:
    try:
        text = data.decode()
    except UnicodeDecodeError as e:
        raise invalid("data", "not UTF-8") from e
    if not text:
        raise invalid("data", "is empty")


def _attachment(world: World, sender: User, data: bytes) -> None:
    value = _object(data, "attachment_id", "mime_type", "size")
    attachment = world.state.attachments.find(uuid_text(value["attachment_id"], "attachment_id"))
    if attachment is None or not attachment.content:
        raise invalid("attachment_id", "was not uploaded")


def _image(world: World, sender: User, data: bytes) -> None:
    value = _object(data, "width", "height")
    if not all(type(value[side]) is int and value[side] > 0 for side in ("width", "height")):
        raise invalid("data", "width and height are whole numbers above zero")
    _attachment(world, sender, data)


def _buttons(world: World, sender: User, data: bytes) -> None:
    buttons = parsed(data)
    if not isinstance(buttons, list) or not 1 <= len(buttons) <= MOST_BUTTONS:
        raise invalid("data", f"a list of 1 to {MOST_BUTTONS} buttons is expected")
    for button in buttons:
        _check_button(sender, button)


def _check_button(sender: User, button: Any) -> None:
    if not isinstance(button, dict):
        raise invalid("data", "a button is an object")
    label, colour, action = (button.get(name) for name in ("label", "color", "action"))
    if not isinstance(label, str) or not 0 < len(label) <= LONGEST_LABEL:
        raise invalid("label", f"1 to {LONGEST_LABEL} characters are expected")
    if not isinstance(colour, str) or not _COLOUR.fullmatch(colour):
        raise invalid("color", "#RRGGBB is expected")
    _check_action(sender, action)


def _check_action(sender: User, action: Any) -> None:
    if not isinstance(action, str) or not action:
        raise invalid("action", "is missing")
    if action.startswith("input:"):
        if not action.removeprefix("input:").strip():
            raise invalid("action", "input without text")
        return
    url = urlsplit(action)
    if url.scheme == "mixin" or url.hostname in _MIXIN_HOSTS:
        return
    if url.scheme not in {"https", "http"} or not url.hostname:
        raise invalid("action", "input:, https:// or mixin:// is expected")
    if url.scheme == "http" and url.hostname not in {"127.0.0.1", "localhost"}:
        raise invalid("action", "a page outside this machine needs https")
    if sender.resource_patterns and not any(
        action.startswith(p.rstrip("*")) for p in sender.resource_patterns
    ):
        raise forbidden("the page is outside the bot's resource patterns")


def _card(world: World, sender: User, data: bytes) -> None:
    card = _object(data, "app_id", "title", "description")
    if card["app_id"] != sender.user_id:
        raise forbidden("the card names another app")
    if not isinstance(card["title"], str) or len(card["title"]) > LONGEST_TITLE:
        raise invalid("title", f"at most {LONGEST_TITLE} characters")
    if not isinstance(card["description"], str) or len(card["description"]) > LONGEST_DESCRIPTION:
        raise invalid("description", f"at most {LONGEST_DESCRIPTION} characters")
    if card.get("action"):  # the old style
        return _check_action(sender, card["action"])
    actions = card.get("actions", [])
    if not isinstance(actions, list) or len(actions) > MOST_CARD_ACTIONS:
        raise invalid("actions", f"a list of at most {MOST_CARD_ACTIONS} is expected")
    for button in actions:
        _check_button(sender, button)
    return None


def _named(*names: str) -> Any:
    def judge(world: World, sender: User, data: bytes) -> None:
        _object(data, *names)

    return judge


_JUDGES: dict[str, Any] = {
    "PLAIN_TEXT": _text,
    "PLAIN_POST": _text,
    "PLAIN_IMAGE": _image,
    "PLAIN_DATA": _attachment,
    "PLAIN_AUDIO": _attachment,
    "PLAIN_VIDEO": _attachment,
    "PLAIN_STICKER": _named("sticker_id"),
    "PLAIN_CONTACT": _named("user_id"),
    "PLAIN_LIVE": _named("url", "width", "height"),
    "PLAIN_LOCATION": _named("latitude", "longitude"),
    "APP_BUTTON_GROUP": _buttons,
    "APP_CARD": _card,
    "MESSAGE_RECALL": _named("message_id"),
    "MESSAGE_PIN": _named("action", "message_ids"),
}
