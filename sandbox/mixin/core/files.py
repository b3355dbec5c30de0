"""Attachments: an address to put bytes to, and an address to fetch them from."""

import base64
import uuid
from typing import Any

from sandbox.mixin.core import rows
from sandbox.mixin.core.calls import Call
from sandbox.mixin.core.errors import forbidden, invalid, missing
from sandbox.mixin.core.times import rfc3339
from sandbox.mixin.core.world import World

MOST_BYTES = 20 * 1024 * 1024


def create(world: World, call: Call) -> dict[str, Any]:
    """Open a place for one file."""
    attachment = rows.Attachment(
        attachment_id=str(uuid.UUID(bytes=world.entropy(16), version=4)),
        owner_id=call.caller.user_id,
        secret=world.entropy(16).hex(),
        mime_type="",
        content="",
        created_at=world.stamp(),
    )
    return _shape(world, world.state.attachments.put(attachment))


def show(world: World, call: Call) -> dict[str, Any]:
    attachment = world.state.attachments.find(call.words["id"])
    if attachment is None:
        raise missing("attachment")
    return _shape(world, attachment)


def _shape(world: World, attachment: rows.Attachment) -> dict[str, Any]:
    address = f"{world.settings.base_url}/files/{attachment.attachment_id}"
    return {
        "type": "attachment",
        "attachment_id": attachment.attachment_id,
        "upload_url": f"{address}?key={attachment.secret}",
        "view_url": address,
        "created_at": rfc3339(attachment.created_at),
    }


def upload(world: World, attachment_id: str, key: str, acl: str, content: bytes) -> None:
    """Keep the bytes put to an upload address; it works once."""
    attachment = world.state.attachments.find(attachment_id)
    if attachment is None:
        raise missing("attachment")
    if key != attachment.secret or acl != "public-read":
        raise forbidden("wrong key or x-amz-acl")
    if attachment.content:
        raise forbidden("was uploaded before")
    if not 0 < len(content) <= MOST_BYTES:
        raise invalid("body", f"1 to {MOST_BYTES} bytes are expected")
    world.state.attachments.change(
        attachment, content=base64.b64encode(content).decode(), mime_type=_mime_type(content)
    )


def view(world: World, attachment_id: str) -> tuple[str, bytes]:
    """Return the media type and the bytes of an uploaded file."""
    attachment = world.state.attachments.find(attachment_id)
    if attachment is None or not attachment.content:
        raise missing("attachment")
    return attachment.mime_type, base64.b64decode(attachment.content)


def _mime_type(content: bytes) -> str:
    """Return the type of an image by its first bytes; anything else is only bytes, never a page."""
    known = {b"\x89PNG": "image/png", b"\xff\xd8\xff": "image/jpeg", b"GIF8": "image/gif"}
    return next(
        (kind for start, kind in known.items() if content.startswith(start)), "application/octet-stream"
    )
