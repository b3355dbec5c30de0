"""One-time keys: handed out for a receiver set and an output index, and recognised when they come back."""

import hashlib
from typing import Any

from adapters.mixin.codec import keys
from sandbox.mixin.core import rows
from sandbox.mixin.core.calls import Call, uuid_text
from sandbox.mixin.core.errors import ApiError, invalid
from sandbox.mixin.core.world import World

MOST_RECEIVERS = 64
HIGHEST_INDEX = 1024


def post_keys(world: World, call: Call) -> list[dict[str, Any]]:
    """Answer keys for each entry, in the order asked."""
    answers = []
    for entry in call.objects(256):
        receivers, index = entry.get("receivers"), entry.get("index")
        if not isinstance(receivers, list) or not 1 <= len(receivers) <= MOST_RECEIVERS:
            raise invalid("receivers", f"1 to {MOST_RECEIVERS} user ids are expected")
        if type(index) is not int or not 0 <= index <= HIGHEST_INDEX:
            raise invalid("index", f"0 to {HIGHEST_INDEX} is expected")
        ghost = issue(world, tuple(map(str, receivers)), index, uuid_text(entry.get("hint"), "hint"))
        answers.append({"type": "ghost_key", "mask": ghost.mask, "keys": list(ghost.keys)})
    return answers


def issue(world: World, receivers: tuple[str, ...], index: int, hint: str) -> rows.Ghost:
    """Return the keys for these receivers; the same question always has the same answer."""
    if sorted(set(receivers)) != list(receivers):
        raise ApiError(20150, "Receivers are duplicate, unsorted or invalid.")
    users = [world.state.users.find(user_id) for user_id in receivers]
    if None in users:
        raise ApiError(10404, "A receiver has not registered to Safe.")
    seed = world.secret() + f"{','.join(receivers)}:{index}:{hint}".encode()
    r = keys.reduce64(hashlib.sha512(seed).digest())
    ghost = rows.Ghost(
        mask=keys.base_point(r).hex(),
        keys=tuple(_key(r, user, index) for user in users if user),
        receivers=receivers,
        index=index,
    )
    return world.state.ghosts.find(ghost.mask) or world.state.ghosts.put(ghost)


def _key(r: bytes, user: rows.User, index: int) -> str:
    view_public = keys.base_point(bytes.fromhex(user.view_key))
    return keys.ghost_public_key(r, view_public, bytes.fromhex(user.spend_public_key), index).hex()


def view(user: rows.User, output: rows.Output) -> str:
    """Return the scalar that, with the owner's spend key, opens this output."""
    return keys.view_of(bytes.fromhex(user.view_key), bytes.fromhex(output.mask), output.output_index).hex()
