"""What the bot says, as Mixin's messages: batches by HTTP, ids given by the outbox."""

import base64
import json
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from adapters.mixin.codec.ids import b64url, unb64
from adapters.mixin.http import MixinHttp
from bot.outbox import Outgoing
from bot.replies import Button, Buttons, Card, Image, Post, Reply, Text, Undeliverable
from domain.errors import Refused, Unavailable

MOST_MESSAGES = 100
MOST_BYTES = 120 * 1024  # 128 KB at Mixin, envelope included
_NEVER = frozenset({"forbidden", "request_invalid", "request_too_large"})


class MixinMessenger:
    """The bot's ``Messenger``: a repeated message id is shown once, so a send may be repeated at will."""

    def __init__(self, http: MixinHttp) -> None:
        """Send through one HTTP client."""
        self._http = http
        self._met: set[str] = set()

    async def send(self, messages: Sequence[Outgoing]) -> None:
        """Send messages in this order, in as few requests as Mixin takes.

        Raises:
            Undeliverable: Mixin will never take at least one of them.
            Unavailable: no clear answer; sending again is harmless.
        """
        packed = [await self._packed(message) for message in messages]
        for batch in batches(packed):
            await self._send(batch)

    async def _send(self, batch: list[dict[str, str]]) -> None:
        try:
            await self._http.ask("/messages", batch)
        except Refused as e:
            if e.code == "request_too_large" and len(batch) > 1:
                middle = len(batch) // 2
                await self._send(batch[:middle])
                await self._send(batch[middle:])
            elif e.code == "forbidden" and await self._meet(batch):
                await self._send(batch)
            elif e.code in _NEVER:
                raise Undeliverable(str(e)) from e
            else:
                raise

    async def _meet(self, batch: list[dict[str, str]]) -> bool:
        """Open conversations with those we have not tried yet; return whether there was anybody to try.

        Only an answer counts as having tried: who was not reached because of a fault is tried again.
        """
        pairs = {m["recipient_id"]: m["conversation_id"] for m in batch if m["recipient_id"] not in self._met}
        for user_id, conversation_id in pairs.items():
            people = [{"user_id": user_id}]
            body = {"category": "CONTACT", "conversation_id": conversation_id, "participants": people}
            with suppress(Refused):  # the message itself will tell that nobody is there
                await self._http.ask("/conversations", body)
            self._met.add(user_id)
        return bool(pairs)

    async def _packed(self, message: Outgoing) -> dict[str, str]:
        from mixinsdk.utils import get_conversation_id_of_two_users  # slow to import, used only here

        category, data_base64 = await self._content(message.reply)
        return {
            "conversation_id": get_conversation_id_of_two_users(self._http.app_id, message.user_id),
            "recipient_id": message.user_id,
            "message_id": message.message_id,
            "category": category,
            "data_base64": data_base64,
        }

    async def _content(self, reply: Reply) -> tuple[str, str]:
        """Return category and data, by mixinsdk's packers where they are sound (mixin.md §9)."""
        from mixinsdk.types import message as sdk

        match reply:
            case Text(text):
                packed = sdk.pack_text_data(text)
            case Post(markdown):
                packed = sdk.pack_post_data(markdown)
            case Buttons(buttons):
                packed = sdk.pack_button_group_data([_button(button) for button in buttons])
            case Card():  # its packer knows the old style only
                return "APP_CARD", b64url(_json(_card(reply, self._http.app_id)))
            case Image():
                packed = sdk.pack_image_data(**await self._uploaded(reply))
        return packed.category, b64url(unb64(packed.b64encoded_data))

    async def _uploaded(self, image: Image) -> dict[str, Any]:
        place = await self._http.ask("/attachments")
        if not isinstance(place, dict) or not {"upload_url", "attachment_id"} <= place.keys():
            raise Unavailable("mixin_answer_unreadable", path="/attachments")
        await self._http.put_bytes(str(place["upload_url"]), image.content)
        return {
            "attachment_id": place["attachment_id"],
            "mime_type": image.mime_type,
            "size": len(image.content),
            "width": image.width,
            "height": image.height,
            "thumbnail": base64.b64encode(image.thumbnail).decode(),
        }


def batches(packed: Sequence[dict[str, str]]) -> list[list[dict[str, str]]]:
    """Return the messages in order, in groups that Mixin takes: at most 100, at most 128 KB."""
    groups: list[list[dict[str, str]]] = []
    size = 0
    for message in packed:
        weight = len(_json(message)) + 1
        if not groups or len(groups[-1]) == MOST_MESSAGES or size + weight > MOST_BYTES:
            groups.append([])
            size = 0
        groups[-1].append(message)
        size += weight
    return groups


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
