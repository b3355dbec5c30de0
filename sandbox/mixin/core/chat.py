"""Conversations and messages: at least once, until the reader says READ."""

import base64
from typing import Any

from adapters.mixin.codec.ids import conversation_id
from sandbox.mixin.core import contents, rows
from sandbox.mixin.core.calls import Call, uuid_text
from sandbox.mixin.core.errors import TooLarge, forbidden, invalid, missing, unparsable
from sandbox.mixin.core.times import rfc3339
from sandbox.mixin.core.world import SECOND, World

MOST_MESSAGES = 100
MOST_BYTES = 128 * 1024
KEPT_NS = 7 * 24 * 3600 * SECOND  # an unread message is dropped after a week


def ensure_contact(world: World, one: str, other: str) -> rows.Conversation:
    """Return the private conversation of two users, made now if they never met."""
    name = conversation_id(one, other)
    known = world.state.conversations.find(name)
    return known or world.state.conversations.put(
        rows.Conversation(name, "CONTACT", tuple(sorted((one, other))), world.stamp())
    )


def create_conversation(world: World, call: Call) -> dict[str, Any]:
    """Open a private conversation; harmless when it exists."""
    body = call.json()
    if not isinstance(body, dict) or not isinstance(body.get("participants"), list):
        raise unparsable("an object with participants is expected")
    if body.get("category") != "CONTACT":
        raise invalid("category", "this Mixin opens CONTACT conversations only")
    others = [str(p.get("user_id")) for p in body["participants"] if isinstance(p, dict)]
    others = [user_id for user_id in others if user_id != call.caller.user_id]
    if len(others) != 1 or others[0] not in world.state.users:
        raise invalid("participants", "one other known user is expected")
    if body.get("conversation_id") != conversation_id(call.caller.user_id, others[0]):
        raise invalid("conversation_id", "is not the id of this pair")
    return _conversation_shape(world, ensure_contact(world, call.caller.user_id, others[0]))


def show_conversation(world: World, call: Call) -> dict[str, Any]:
    conversation = world.state.conversations.find(call.words["id"])
    if conversation is None or call.caller.user_id not in conversation.participants:
        raise missing("conversation")
    return _conversation_shape(world, conversation)


def _conversation_shape(world: World, conversation: rows.Conversation) -> dict[str, Any]:
    at = rfc3339(conversation.created_at)
    people = [
        {"type": "participant", "user_id": p, "role": "", "created_at": at} for p in conversation.participants
    ]
    sessions = [
        {"type": "participant_session", "user_id": p, "session_id": world.state.users.get(p).session_id}
        for p in conversation.participants
    ]
    return {
        "type": "conversation",
        "conversation_id": conversation.conversation_id,
        "category": conversation.category,
        "creator_id": conversation.participants[0],
        "name": "",
        "announcement": "",
        "participants": people,
        "participant_sessions": sessions,
        "created_at": at,
    }


def post_messages(world: World, call: Call) -> dict[str, Any]:
    """Take one message or a list of them; all go or none."""
    if len(call.request.body) > MOST_BYTES:
        raise TooLarge
    body = call.json()
    entries = [body] if isinstance(body, dict) else call.objects(MOST_MESSAGES)
    for entry in entries:
        send(world, call.caller, entry)
    return {}


def send(world: World, sender: rows.User, entry: dict[str, Any]) -> rows.Message:
    """Deliver a message to the other side of its conversation; a repeated id changes nothing."""
    message_id = uuid_text(entry.get("message_id"), "message_id")
    conversation = world.state.conversations.find(uuid_text(entry.get("conversation_id"), "conversation_id"))
    if conversation is None or sender.user_id not in conversation.participants:
        raise forbidden("not a participant of this conversation")
    recipient = next(p for p in conversation.participants if p != sender.user_id)
    if entry.get("recipient_id") not in {None, "", recipient}:
        raise forbidden("the recipient is not in this conversation")
    category, data = str(entry.get("category")), contents.decoded(entry)
    contents.check(world, sender, category, data)
    known = world.state.messages.find(f"{sender.user_id}:{message_id}:{recipient}")
    if known:
        return known
    if category == "MESSAGE_RECALL":
        _recall(world, sender, recipient, contents.parsed(data)["message_id"])
    return deliver(
        world,
        conversation,
        sender_id=sender.user_id,
        recipient_id=recipient,
        message_id=message_id,
        category=category,
        data=data,
        quote=str(entry.get("quote_message_id") or ""),
        representative=str(entry.get("representative_id") or ""),
        silent=entry.get("silent") is True,
    )


def deliver(
    world: World,
    conversation: rows.Conversation,
    *,
    sender_id: str,
    recipient_id: str,
    message_id: str,
    category: str,
    data: bytes,
    quote: str = "",
    representative: str = "",
    silent: bool = False,
) -> rows.Message:
    """Put a message into the recipient's queue."""
    now, number = world.stamp(), world.next_sequence()
    return world.state.messages.put(
        rows.Message(
            message_id=message_id,
            conversation_id=conversation.conversation_id,
            sender_id=sender_id,
            recipient_id=recipient_id,
            category=category,
            data=base64.b64encode(data).decode(),
            quote_message_id=quote,
            representative_id=representative,
            silent=silent,
            status=rows.SENT,
            recalled=False,
            sequence=number,
            version=number,
            created_at=now,
            updated_at=now,
        )
    )


def _recall(world: World, sender: rows.User, recipient: str, message_id: object) -> None:
    message = world.state.messages.find(f"{sender.user_id}:{message_id}:{recipient}")
    if message is None:
        raise invalid("message_id", "no such message of yours")
    world.state.messages.change(message, recalled=True, version=world.next_sequence())


def pending(world: World, user_id: str) -> list[rows.Message]:
    """Return what this user has not read, oldest first, without what is older than a week."""
    oldest = world.clock() - KEPT_NS
    waiting = [m for m in world.state.messages.by("pending", user_id) if m.created_at >= oldest]
    return sorted(waiting, key=lambda m: m.sequence)


def post_acknowledgements(world: World, call: Call) -> dict[str, Any]:
    for entry in call.objects(MOST_MESSAGES):
        acknowledge(world, call.caller, entry)
    return {}


def acknowledge(world: World, reader: rows.User, entry: dict[str, Any]) -> list[rows.Message]:
    """Note that a message arrived or was read; return what changed: nothing for unknown or foreign ids."""
    status = entry.get("status")
    if status not in {rows.DELIVERED, rows.READ}:
        raise invalid("status", "DELIVERED or READ is expected")
    return [
        world.state.messages.change(
            message, status=status, version=world.next_sequence(), updated_at=world.stamp()
        )
        for message in world.state.messages.by("inbound", f"{reader.user_id}:{entry.get('message_id')}")
        if message.status not in {status, rows.READ}
    ]


def wire(world: World, message: rows.Message, source: str = "CREATE_MESSAGE") -> dict[str, Any]:
    """Return a message as Blaze pushes it."""
    sender = world.state.users.get(message.sender_id)
    return {
        "type": "message",
        "representative_id": message.representative_id,
        "quote_message_id": message.quote_message_id,
        "conversation_id": message.conversation_id,
        "user_id": message.sender_id,
        "session_id": sender.session_id,
        "message_id": message.message_id,
        "category": message.category,
        "data": message.data,
        "data_base64": message.data.replace("+", "-").replace("/", "_").rstrip("="),
        "status": rows.SENT,
        "source": source,
        "silent": message.silent,
        "expire_in": 0,
        "created_at": rfc3339(message.created_at),
        "updated_at": rfc3339(message.created_at),
    }
