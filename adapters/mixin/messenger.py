"""What the bot says, as Mixin's messages: batches by HTTP, ids given by the outbox."""

import json
from collections.abc import Sequence
from typing import Any

from adapters.mixin.codec.ids import b64url
from adapters.mixin.http import MixinHttp
from bot.outbox import Outgoing
from bot.replies import Button, Buttons, Card, Image, Post, Reply, Text, Undeliverable
from domain.errors import Refused

MOST_MESSAGES = 100
MOST_BYTES = 120 * 1024  # 128 KB at Mixin, envelope included


class MixinMessenger:
    """The bot's ``Messenger``: a repeated message id is shown once, so a send may be repeated at will."""

    def __init__(self, http: MixinHttp) -> None:
        """Send through one HTTP client."""
        self._http = http

    async def send(self, messages: Sequence[Outgoing]) -> None:
        """Send messages in this order, in as few requests as Mixin takes.

        Raises:
            Undeliverable: Mixin will never take at least one of them.
            Unavailable: no clear answer; sending again is harmless.
        """
        packed = [await self._packed(message) for message in messages]
        for batch in batches(packed):
            try:
                await self._http.ask("/messages", batch)
            except Refused as e:
                if e.code in ("mixin_forbidden", "mixin_bad_field"):
                    raise Undeliverable(str(e)) from e
                raise

    async def _packed(self, message: Outgoing) -> dict[str, str]:
        category, content = await self._content(message.reply)
        return {
            # mixinsdk's derivation is sound (mixin.md §9) and slow to import: it is used where it is needed.
            "conversation_id": _conversation_with(self._http.app_id, message.user_id),
            "recipient_id": message.user_id,
            "message_id": message.message_id,
            "category": category,
            "data_base64": b64url(content),
        }

    async def _content(self, reply: Reply) -> tuple[str, bytes]:
        match reply:
            case Text(text):
                return "PLAIN_TEXT", text.encode()
            case Post(markdown):
                return "PLAIN_POST", markdown.encode()
            case Buttons(buttons):
                return "APP_BUTTON_GROUP", _json([_button(button) for button in buttons])
            case Card():
                return "APP_CARD", _json(_card(reply, self._http.app_id))
            case Image():
                return "PLAIN_IMAGE", _json(await self._uploaded(reply))

    async def _uploaded(self, image: Image) -> dict[str, Any]:
        place = await self._http.ask("/attachments", {})
        await self._http.put_bytes(str(place["upload_url"]), image.content)
        return {
            "attachment_id": place["attachment_id"],
            "mime_type": image.mime_type,
            "width": image.width,
            "height": image.height,
            "size": len(image.content),
            "thumbnail": b64url(image.thumbnail),
        }


def batches(packed: Sequence[dict[str, str]]) -> list[list[dict[str, str]]]:
    """Return the messages in order, in groups that Mixin takes: at most 100, at most 128 KB."""
    groups: list[list[dict[str, str]]] = []
    size = 0
    for message in packed:
        weight = len(json.dumps(message)) + 1
        if not groups or len(groups[-1]) == MOST_MESSAGES or size + weight > MOST_BYTES:
            groups.append([])
            size = 0
        groups[-1].append(message)
        size += weight
    return groups


def _conversation_with(app_id: str, user_id: str) -> str:
    from mixinsdk.utils import get_conversation_id_of_two_users

    return str(get_conversation_id_of_two_users(app_id, user_id))


def _json(content: object) -> bytes:
    return json.dumps(content, separators=(",", ":"), ensure_ascii=False).encode()


def _button(button: Button) -> dict[str, str]:
    return {"label": button.label, "color": button.colour, "action": button.action}


def _card(card: Card, app_id: str) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "app_id": app_id,
        "title": card.title,
        "description": card.description,
        "actions": [_button(action) for action in card.actions],
        "shareable": card.shareable,
    }
    return facts | ({"cover_url": card.cover_url} if card.cover_url else {})
