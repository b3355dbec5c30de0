"""From Blaze's messages to the bot's events: lenient in what it reads, exact in what it says."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from adapters.mixin.codec.ids import unb64
from bot.events import Event, Ignored, Message, Payment, Unsupported

_TEXTS = ("PLAIN_TEXT",)
_PAYMENTS = ("SYSTEM_SAFE_SNAPSHOT",)
_SILENT = (
    "MESSAGE_RECALL",
    "MESSAGE_PIN",
    "SYSTEM_CONVERSATION",
    "SYSTEM_SAFE_INSCRIPTION",
    "SYSTEM_ACCOUNT_SNAPSHOT",
    "",
)
_LARGEST_DATA = 128 * 1024


def as_event(data: Mapping[str, Any], received_at: datetime) -> Event | None:
    """Return the event in the ``data`` of a ``CREATE_MESSAGE``, or ``None`` when it names no message.

    A category we do not know is an event too: it must be acknowledged, and the person told.
    """
    facts = {name: str(data.get(name) or "") for name in ("user_id", "conversation_id", "message_id")}
    if not all(facts.values()):
        return None
    about: dict[str, Any] = {
        "sender_id": facts["user_id"],
        "conversation_id": facts["conversation_id"],
        "message_id": facts["message_id"],
        "sent_at": as_time(str(data.get("created_at") or "")) or received_at,
        "representative_id": str(data.get("representative_id") or ""),
    }
    category = str(data.get("category") or "")
    content = _content(data)
    if category in _TEXTS:
        return (
            Message(text=content, **about) if content is not None else Unsupported(category=category, **about)
        )
    if category in _PAYMENTS:
        return Payment(snapshot_id=_snapshot_id(content or ""), **about)
    if category in _SILENT:
        return Ignored(category=category, **about)
    return Unsupported(category=category, **about)


def as_time(text: str) -> datetime | None:
    """Return an RFC 3339 instant, cut to microseconds; ``None`` when it is none."""
    moment, _, fraction = text.removesuffix("Z").partition(".")
    try:
        return datetime.fromisoformat(f"{moment}.{(fraction + '000000')[:6]}").replace(tzinfo=UTC)
    except ValueError:
        return None


def _content(data: Mapping[str, Any]) -> str | None:
    """Return the decoded text of a message, from either field and either alphabet; ``None`` if unreadable."""
    encoded = str(data.get("data_base64") or data.get("data") or "")
    if len(encoded) > _LARGEST_DATA * 4 // 3 + 4:
        return None
    try:
        return unb64(encoded).decode(errors="replace")
    except ValueError:
        return None


def _snapshot_id(content: str) -> str:
    try:
        facts = json.loads(content)
    except ValueError:
        return ""
    return str(facts.get("snapshot_id") or "") if isinstance(facts, dict) else ""
