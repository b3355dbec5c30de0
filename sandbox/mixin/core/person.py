"""What a person does in Messenger: look, type, press; the control surface speaks through here."""

import base64
import json
import uuid
from typing import Any
from urllib.parse import parse_qs, urlsplit

from sandbox.mixin.core import assets, chat, contents, rows, rules
from sandbox.mixin.core.errors import invalid, missing
from sandbox.mixin.core.times import rfc3339
from sandbox.mixin.core.world import World

PAY = "https://mixin.one/pay/"


def everybody(world: World) -> list[rows.User]:
    """Return the simulated people in the order they were made."""
    return [user for user in world.state.users if not user.is_bot and user.user_id != rules.FEE_USER]


def find(world: World, who: str) -> rows.User:
    """Return a person by name or user id."""
    for user in everybody(world):
        if who.lower() in {user.name.lower(), user.user_id}:
            return user
    raise missing("person")


def introduce(world: World, to: str = "") -> dict[str, Any]:
    """Return a bot, the people and the assets, as a chat client wants them."""
    bot = world.bot(to)
    names = ("user_id", "name", "identity_number", "language")
    return {
        "bot": {name: getattr(bot, name) for name in names},
        "people": [{name: getattr(user, name) for name in names} for user in everybody(world)],
        "assets": [asset_card(world, asset) for asset in world.state.assets],
    }


def asset_card(world: World, asset: rows.Asset) -> dict[str, str]:
    chain = world.state.assets.find(asset.chain_id)
    network = chain.name if chain else str(asset.details.get("chain_name", ""))
    return {
        "asset_id": asset.asset_id,
        "symbol": asset.symbol,
        "name": asset.name,
        "network": str(asset.details.get("network", network)),
        "price_usd": asset.price_usd,
    }


def say(world: World, person: rows.User, words: dict[str, Any], to: str = "") -> rows.Message:
    """Send text to a bot; tests may name category, data, message id and representative themselves."""
    data = words.get("data_base64") or base64.b64encode(str(words.get("text", "")).encode()).decode()
    message_id = words.get("message_id") or str(uuid.UUID(bytes=world.entropy(16), version=4))
    entry = {
        "conversation_id": chat.ensure_contact(world, person.user_id, world.bot(to).user_id).conversation_id,
        "message_id": message_id,
        "category": words.get("category", "PLAIN_TEXT"),
        "data_base64": data,
        "representative_id": words.get("representative_id", ""),
        "quote_message_id": words.get("quote_message_id", ""),
    }
    return chat.send(world, person, entry)


def press(world: World, person: rows.User, message_id: str, index: int, to: str = "") -> dict[str, str]:
    """Press a button of a message: text goes to the bot at once, a link is for the caller to open."""
    found = world.state.messages.by("inbound", f"{person.user_id}:{message_id}")
    if not found:
        raise missing("message")
    return follow(world, person, _action(found[0], index), to)


def _action(message: rows.Message, index: int) -> str:
    content = json.loads(base64.b64decode(message.data)) if message.category.startswith("APP_") else []
    if isinstance(content, dict):
        content = [content] if content.get("action") else content.get("actions", [])
    if not 0 <= index < len(content):
        raise invalid("index", "there is no such button")
    return str(content[index]["action"])


def follow(world: World, person: rows.User, action: str, to: str = "") -> dict[str, str]:
    """Do what a client does with an action."""
    text = _text_of(action)
    if text is not None:
        say(world, person, {"text": text}, to)
        return {"kind": "input", "text": text}
    if action.startswith(PAY):
        return {"kind": "pay", "link": action}
    if action.startswith("mixin://"):
        return {"kind": "mixin", "link": action}
    return {"kind": "page", "link": action}


def _text_of(action: str) -> str | None:
    if action.startswith("input:"):
        return action.removeprefix("input:").strip()
    url = urlsplit(action)
    if url.scheme == "mixin" and url.netloc == "send":
        return parse_qs(url.query).get("text", [None])[0]
    return None


def history(world: World, person: rows.User, after: int, to: str = "") -> dict[str, Any]:
    """Return the person's messages with a bot that are new or changed since a version."""
    conversation = chat.ensure_contact(world, person.user_id, world.bot(to).user_id)
    seen = [
        message
        for message in world.state.messages.by("conversation", conversation.conversation_id)
        if message.version > after and _is_seen_by(person, message)
    ]
    shown = [_bubble(world, person, message) for message in sorted(seen, key=lambda m: m.sequence)]
    return {"messages": shown, "version": max((m.version for m in seen), default=after)}


def _is_seen_by(person: rows.User, message: rows.Message) -> bool:
    mine = message.recipient_id == person.user_id
    sent = message.sender_id == person.user_id and not message.category.startswith("SYSTEM_")
    return (mine or sent) and message.category not in {"MESSAGE_RECALL", "MESSAGE_PIN"}


def _bubble(world: World, person: rows.User, message: rows.Message) -> dict[str, Any]:
    return {
        "message_id": message.message_id,
        "sequence": message.sequence,
        "mine": message.sender_id == person.user_id,
        "category": message.category,
        "status": message.status,
        "recalled": message.recalled,
        "quote_message_id": message.quote_message_id,
        "created_at": rfc3339(message.created_at),
        **({} if message.recalled else _content(world, message)),
    }


def _content(world: World, message: rows.Message) -> dict[str, Any]:
    data = base64.b64decode(message.data)
    match message.category:
        case "PLAIN_TEXT" | "PLAIN_POST":
            return {"text": data.decode(errors="replace")}
        case "APP_BUTTON_GROUP":
            return {"buttons": contents.parsed(data)}
        case "APP_CARD":
            return {"card": contents.parsed(data)}
        case "PLAIN_IMAGE":
            return {"image": _with_address(contents.parsed(data))}
        case "PLAIN_DATA" | "PLAIN_AUDIO" | "PLAIN_VIDEO":
            return {"file": _with_address(contents.parsed(data))}
        case "SYSTEM_SAFE_SNAPSHOT":
            note = contents.parsed(data)
            return {"transfer": note | asset_card(world, assets.get_asset(world, note["asset_id"]))}
        case _:
            return {"content": data.decode(errors="replace")}


def _with_address(attachment: dict[str, Any]) -> dict[str, Any]:
    return attachment | {"view_url": f"/files/{attachment['attachment_id']}"}


def read_all(world: World, person: rows.User) -> list[rows.Message]:
    """Mark everything that was sent to a person as read; return what was not read before."""
    read = []
    for message in chat.pending(world, person.user_id):
        read += chat.acknowledge(world, person, {"message_id": message.message_id, "status": rows.READ})
    return read
