"""Money as JSON: outputs, transaction requests, snapshots."""

from typing import Any

from adapters.mixin.codec.ids import members_hash
from sandbox.mixin.core import ghosts, rows
from sandbox.mixin.core.assets import amount_text
from sandbox.mixin.core.decode import Out, read
from sandbox.mixin.core.times import NEVER, rfc3339
from sandbox.mixin.core.world import World


def output(world: World, row: rows.Output) -> dict[str, Any]:
    """Return an output as its owners see it."""
    kernel = world.state.assets.get(row.asset_id).kernel_asset_id
    return {
        "type": "transaction_output",
        "output_id": row.output_id,
        "transaction_hash": row.transaction_hash,
        "output_index": row.output_index,
        "asset_id": row.asset_id,
        "kernel_asset_id": kernel,
        "asset": kernel,
        "amount": amount_text(row.units),
        "mask": row.mask,
        "keys": list(row.keys),
        "senders": list(row.senders),
        "senders_hash": members_hash(row.senders) if row.senders else "",
        "senders_threshold": row.senders_threshold,
        "receivers": list(row.receivers),
        "receivers_hash": members_hash(row.receivers),
        "receivers_threshold": row.threshold,
        "extra": row.extra,
        "state": row.state,
        "sequence": row.sequence,
        "request_id": row.request_id,
        "inscription_hash": "",
        "signers": list(row.receivers[: row.threshold]) if row.signed_by else [],
        "signed_by": row.signed_by,
        "signed_at": rfc3339(row.signed_at) if row.signed_at else None,
        "spent_at": rfc3339(row.spent_at) if row.spent_at else None,
        "created_at": rfc3339(row.created_at),
        "updated_at": rfc3339(max(row.created_at, row.signed_at, row.spent_at)),
    }


def draft(world: World, row: rows.Draft) -> dict[str, Any]:
    """Return a checked, not yet submitted transaction with the views its owner signs with."""
    owner = world.state.users.get(row.user_id)
    at = rfc3339(row.created_at)
    return _request(world, row.request_id, owner, row.raw, owner) | {
        "state": rows.UNSPENT,
        "signers": [],
        "snapshot_hash": "",
        "snapshot_at": NEVER,
        "created_at": at,
        "updated_at": at,
    }


def transaction(world: World, row: rows.Transaction, viewer: rows.User | None) -> dict[str, Any]:
    """Return a submitted transaction; views only for its owner."""
    settled = row.state == rows.SPENT
    return _request(world, row.request_id, world.state.users.get(row.user_id), row.raw, viewer) | {
        "state": row.state,
        "signers": [row.user_id],
        "snapshot_hash": row.transaction_hash if settled else "",
        "snapshot_at": rfc3339(row.updated_at) if settled else NEVER,
        "created_at": rfc3339(row.created_at),
        "updated_at": rfc3339(row.updated_at),
    }


def _request(
    world: World, request_id: str, owner: rows.User, raw: str, viewer: rows.User | None
) -> dict[str, Any]:
    tx = read(raw)
    spent = [world.state.outputs.get(name) for name in tx.inputs]
    senders = list(spent[0].receivers)
    gone = world.state.departures.find(tx.hash)
    receivers = [(out, _receiver(world, out, gone.shown_hash if gone else "")) for out in tx.outputs]
    paid = [(out, receiver) for out, receiver in receivers if receiver["members"] != senders]
    return {
        "type": "kernel_transaction_request",
        "request_id": request_id,
        "transaction_hash": tx.hash,
        "asset": tx.asset,
        "asset_id": spent[0].asset_id,
        "amount": amount_text(sum(out.units for out, _ in paid)),
        "user_id": owner.user_id,
        "extra": tx.extra.hex(),
        "senders": senders,
        "senders_hash": members_hash(senders),
        "senders_threshold": spent[0].threshold,
        "receivers": [receiver for _, receiver in paid],
        "views": [ghosts.view(owner, output) for output in spent] if viewer == owner else [],
        "raw_transaction": raw,
        "snapshot_id": "",
    }


def _receiver(world: World, out: Out, chain_hash: str) -> dict[str, Any]:
    ghost = world.state.ghosts.find(out.mask)
    members = list(ghost.receivers) if ghost else []
    return {
        "members": members,
        "members_hash": members_hash(members) if members else "",
        "threshold": out.threshold,
        "destination": out.address,
        "tag": out.tag,
        "withdrawal_hash": chain_hash if out.address else "",
    }


def snapshot(world: World, row: rows.Snapshot) -> dict[str, Any]:
    """Return one side's record of a balance change."""
    shape: dict[str, Any] = {
        "type": "snapshot",
        "snapshot_id": row.snapshot_id,
        "user_id": row.user_id,
        "opponent_id": row.opponent_id,
        "transaction_hash": row.transaction_hash,
        "output_index": row.output_index,
        "asset_id": row.asset_id,
        "kernel_asset_id": world.state.assets.get(row.asset_id).kernel_asset_id,
        "amount": amount_text(row.units),
        "memo": row.memo,
        "request_id": row.request_id,
        "created_at": rfc3339(row.created_at),
        "level": 1,
        "inscription_hash": "",
    }
    if row.receiver:
        gone = world.state.departures.find(row.transaction_hash)
        shape["withdrawal"] = {
            "withdrawal_hash": gone.shown_hash if gone else "",
            "receiver": row.receiver,
        }
    for arrival in world.state.arrivals.by("kernel", row.transaction_hash):
        shape["deposit"] = {
            "deposit_hash": arrival.hash,
            "deposit_index": 0,
            "sender": arrival.sender,
            "destination": arrival.address,
            "tag": arrival.tag,
        }
    return shape


def note(world: World, row: rows.Snapshot) -> dict[str, Any]:
    """Return the content of the chat message that tells of a balance change."""
    shape = snapshot(world, row) | {"deposit_hash": ""}
    for hidden in ("output_index", "level", "withdrawal"):
        shape.pop(hidden, None)
    return shape
