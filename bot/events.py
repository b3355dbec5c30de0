"""What a person sent, frozen: a message, a hint of a payment, or something we cannot read."""

import re
import unicodedata
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

LONGEST_TEXT = 2_000
"""Characters kept of a message; nobody types more to a bot, and a flood stays small."""

_BROKEN = re.compile("[\x00\ud800-\udfff]")


def kept(text: str) -> str:
    """Return the text as we store it: capped, and what no database takes made visible.

    Nothing is removed that could turn nonsense into an amount: ``1`` with a zero-width
    space behind it stays what it is, and the amount grammar refuses it.
    """
    return _BROKEN.sub("\ufffd", text[:LONGEST_TEXT])


def words_of(text: str) -> list[str]:
    """Return the words of a text, made comparable: for commands and choices, never for amounts.

    Compatibility forms are folded (``／余额`` is ``/余额``), case too, and invisible characters
    (zero-width, bidirectional controls) are dropped.
    """
    folded = unicodedata.normalize("NFKC", text).casefold()
    visible = "".join(c for c in folded if c.isspace() or unicodedata.category(c) not in ("Cc", "Cf", "Cs"))
    return visible.split()


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """What every event tells: who, where, which message, when.

    ``message_id`` is chosen by the sender's client, so only the three ids together name an event.
    ``representative_id`` is set when another bot speaks as this person.
    """

    kind: ClassVar[str]

    sender_id: str
    conversation_id: str
    message_id: str
    sent_at: datetime
    representative_id: str = ""

    @property
    def key(self) -> str:
        """Return the name of this event: person, conversation and message."""
        return f"{self.sender_id}:{self.conversation_id}:{self.message_id}"

    @property
    def body(self) -> str:
        """Return the one text that this kind of event carries."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True, kw_only=True)
class Message(Event):
    """A text, typed or tapped: Mixin does not tell which."""

    kind: ClassVar[str] = "message"

    text: str

    @property
    def body(self) -> str:
        """Return the text."""
        return kept(self.text)

    @property
    def words(self) -> list[str]:
        """Return the words, comparable."""
        return words_of(self.text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment(Event):
    """A hint that money moved; it proves nothing, the wallet does."""

    kind: ClassVar[str] = "payment"

    snapshot_id: str

    @property
    def body(self) -> str:
        """Return the snapshot's id."""
        return kept(self.snapshot_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsupported(Event):
    """Something a person sent that we cannot read: a sticker, a voice message, an encrypted text."""

    kind: ClassVar[str] = "unsupported"

    category: str

    @property
    def body(self) -> str:
        """Return Mixin's name of the category."""
        return kept(self.category)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ignored(Event):
    """Something that asks for no answer: a recall, a pin, a change of members."""

    kind: ClassVar[str] = "ignored"

    category: str

    @property
    def body(self) -> str:
        """Return Mixin's name of the category."""
        return kept(self.category)


_BODY_FIELD: dict[str, tuple[type[Event], str]] = {
    Message.kind: (Message, "text"),
    Payment.kind: (Payment, "snapshot_id"),
    Unsupported.kind: (Unsupported, "category"),
    Ignored.kind: (Ignored, "category"),
}


def restore(
    kind: str,
    body: str,
    *,
    sender_id: str,
    conversation_id: str,
    message_id: str,
    sent_at: datetime,
    representative_id: str = "",
) -> Event:
    """Return the event that was stored as ``kind`` and ``body``."""
    event_type, field = _BODY_FIELD[kind]
    return event_type(
        sender_id=sender_id,
        conversation_id=conversation_id,
        message_id=message_id,
        sent_at=sent_at,
        representative_id=representative_id,
        **{field: body},
    )
