"""What happened, in full and read-only: for tests and for the curious."""

from typing import Any

from sandbox.mixin.core import assets, person, rows, shapes
from sandbox.mixin.core.decode import WITHDRAWAL, read
from sandbox.mixin.core.world import World


def books(world: World) -> dict[str, Any]:
    """Return every transaction, every output by owner, and the totals that must add up."""
    owners: dict[str, list[dict[str, Any]]] = {user.user_id: [] for user in world.state.users}
    for output in world.state.outputs:
        for owner in output.receivers:
            owners[owner].append(shapes.output(world, output))
    return {
        "transactions": [shapes.transaction(world, each, None) for each in world.state.transactions],
        "drafts": len(world.state.drafts),
        "outputs": owners,
        "totals": {asset.asset_id: _totals(world, asset) for asset in world.state.assets},
        "unread": {
            user.user_id: len(world.state.messages.by("pending", user.user_id)) for user in world.state.users
        },
    }


def _totals(world: World, asset: rows.Asset) -> dict[str, str]:
    """Return one asset's sums; issued = unspent + signed + withdrawn, always."""
    outputs = [output for output in world.state.outputs if output.asset_id == asset.asset_id]
    units = {
        "issued": sum(o.units for o in outputs if not o.senders),
        "unspent": sum(o.units for o in outputs if o.state == rows.UNSPENT),
        "signed": sum(o.units for o in outputs if o.state == rows.SIGNED),
        "withdrawn": sum(
            withdrawn(t)
            for t in world.state.transactions.by("state", rows.SPENT)
            if t.asset_id == asset.asset_id
        ),
    }
    return {"symbol": asset.symbol} | {name: assets.amount_text(value) for name, value in units.items()}


def withdrawn(transaction: rows.Transaction) -> int:
    """Return the units that left this network with a transaction."""
    first = read(transaction.raw).outputs[0]
    return first.units if first.kind == WITHDRAWAL else 0


def message_list(world: World) -> list[dict[str, Any]]:
    """Return every message between the bot and its people, oldest first, as tests read them."""
    names = {user.user_id: user.name for user in (*person.everybody(world), world.bot())}
    return [
        {
            "message_id": message.message_id,
            "from": names.get(message.sender_id, message.sender_id),
            "to": names.get(message.recipient_id, message.recipient_id),
            "category": message.category,
            "data": message.data,
            "status": message.status,
        }
        for message in sorted(world.state.messages, key=lambda m: m.sequence)
    ]
