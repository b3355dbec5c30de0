"""From Blaze's messages to the bot's events: lenient in what it reads, exact in what it says."""

import json
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from adapters.mixin.codec.ids import unb64
from adapters.mixin.times import as_time
from bot.events import Event, Ignored, Message, Payment, Unsupported, kept

_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)
_LONGEST_ID = 36
_SILENT = ("", "MESSAGE_RECALL", "MESSAGE_PIN")
_LARGEST_DATA = 128 * 1024


def as_event(data: Mapping[str, Any], received_at: datetime) -> Event | None:
    """Return the event in the ``data`` of a ``CREATE_MESSAGE``, or ``None`` when it names no message.

    A category we do not know is an event too: it must be acknowledged, and the person told.
    """
    ids = {name: id_of(data, name) for name in ("user_id", "conversation_id", "message_id")}
    if not all(ids.values()):
        return None
    about: dict[str, Any] = {
        "sender_id": ids["user_id"],
        "conversation_id": ids["conversation_id"],
        "message_id": ids["message_id"],
        "sent_at": as_time(data.get("created_at")) or received_at,
        "representative_id": kept(str(data.get("representative_id") or ""))[:_LONGEST_ID],
    }
    category = str(data.get("category") or "")
    match category:
        case "PLAIN_TEXT":
            text = _content(data)
            return Message(text=text, **about) if text else Unsupported(category=category, **about)
        case "SYSTEM_SAFE_SNAPSHOT":
            paid = _incoming(_content(data))
            return Ignored(category=category, **about) if paid is None else Payment(snapshot_id=paid, **about)
        case _ if category in _SILENT or category.startswith("SYSTEM_"):
            return Ignored(category=category, **about)
        case _:
            return Unsupported(category=category, **about)


def id_of(data: Mapping[str, Any], name: str) -> str:
    """Return one of the ids of a message, empty when it is none: nothing else reaches the inbox."""
    text = str(data.get(name) or "").lower()
    return text if _ID.fullmatch(text) else ""


def _content(data: Mapping[str, Any]) -> str | None:
    """Return the decoded text of a message, from either field and either alphabet; ``None`` if unreadable."""
    encoded = str(data.get("data_base64") or data.get("data") or "")
    if len(encoded) > _LARGEST_DATA * 4 // 3 + 4:
        return None
    try:
        return unb64(encoded).decode(errors="replace")
    except ValueError:
        return None


def _incoming(content: str | None) -> str | None:
    """Return the snapshot's id of a payment to us, perhaps empty; ``None`` for one of ours to others."""
    try:
        facts = json.loads(content or "")
    except (ValueError, RecursionError):
        return ""
    if not isinstance(facts, dict):
        return ""
    return None if str(facts.get("amount", "")).startswith("-") else str(facts.get("snapshot_id") or "")
