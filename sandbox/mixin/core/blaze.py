"""One Blaze connection without its socket: frames in, frames out."""

import uuid
from typing import Any

from sandbox.mixin.core import chat, rows
from sandbox.mixin.core.errors import ApiError, TooLarge, invalid
from sandbox.mixin.core.world import World

MOST_AT_ONCE = 100

Frame = dict[str, Any]


class Blaze:
    """What one connected session was told, so that it is told again until it has read."""

    def __init__(self, world: World, user_id: str) -> None:
        self._world = world
        self._user_id = user_id
        self._listening = False
        self._listed_at = 0
        self._pushed: dict[tuple[str, str], int] = {}

    def receive(self, frame: Any) -> Frame:
        """Carry out a frame of the client and return the reply to it."""
        if not isinstance(frame, dict) or not isinstance(frame.get("action"), str):
            return {"id": "", "action": "ERROR", "error": invalid("action", "is missing").body()["error"]}
        reply: Frame = {"id": str(frame.get("id", "")), "action": frame["action"]}
        mark = self._world.state.journal.mark()
        try:
            data = self._act(frame["action"], frame.get("params"))
        except (ApiError, TooLarge) as e:
            self._world.state.journal.undo(mark)
            refusal = e if isinstance(e, ApiError) else invalid("params", "is too large")
            return reply | {"error": refusal.body()["error"]}
        return reply | ({"data": data} if data else {})

    def _act(self, action: str, params: Any) -> dict[str, Any] | None:
        user = self._world.state.users.get(self._user_id)
        if action == "LIST_PENDING_MESSAGES":
            self._listening, self._listed_at, self._pushed = True, self._world.stamp(), {}
            return None
        if not isinstance(params, dict):
            raise invalid("params", "is missing")
        if action == "CREATE_MESSAGE":
            message = chat.send(self._world, user, params)
            return {"type": "message", "message_id": message.message_id, "status": rows.SENT, "category": ""}
        if action in {"ACKNOWLEDGE_MESSAGE_RECEIPT", "ACKNOWLEDGE_MESSAGE_RECEIPTS"}:
            for entry in self._receipts(params):
                chat.acknowledge(self._world, user, entry)
            return None
        raise invalid("action", f"{action!r} is unknown")

    def _receipts(self, params: dict[str, Any]) -> list[dict[str, Any]]:
        entries = params.get("messages", [params])
        if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
            raise invalid("messages", "a list of objects is expected")
        if len(entries) > chat.MOST_MESSAGES:
            raise invalid("messages", f"at most {chat.MOST_MESSAGES} entries")
        return entries

    def due(self) -> list[Frame]:
        """Return the pushes to send now: what is new, and what was not read for too long."""
        if not self._listening:
            return []
        now, frames = self._world.clock(), []
        for message in chat.pending(self._world, self._user_id):
            key = (message.sender_id, message.message_id)
            if key in self._pushed and now - self._pushed[key] < self._world.settings.redeliver_ns:
                continue
            self._pushed[key] = now
            frames.append(self._push(message))
            if len(frames) == MOST_AT_ONCE:
                break
        return frames

    def _push(self, message: rows.Message) -> Frame:
        backlog = message.created_at <= self._listed_at
        source = "LIST_PENDING_MESSAGES" if backlog else "CREATE_MESSAGE"
        name = str(uuid.UUID(bytes=self._world.entropy(16), version=4))
        return {"id": name, "action": "CREATE_MESSAGE", "data": chat.wire(self._world, message, source)}


def receipt(message: rows.Message) -> Frame:
    """Return the frame that tells a sender how far a message came."""
    return {
        "id": message.message_id,
        "action": "ACKNOWLEDGE_MESSAGE_RECEIPT",
        "data": {
            "type": "message",
            "message_id": message.message_id,
            "conversation_id": message.conversation_id,
            "status": message.status,
            "source": "ACKNOWLEDGE_MESSAGE_RECEIPT",
        },
    }
