"""What crosses between this network and the chains: withdrawals going out, deposits coming in."""

from typing import Any

from adapters.mixin.codec.ids import members_hash, output_id, unique_id
from sandbox.mixin.core import ghosts, rows
from sandbox.mixin.core.assets import DUST, amount_text, amount_units, chain_key, get_asset
from sandbox.mixin.core.calls import Call
from sandbox.mixin.core.decode import Out
from sandbox.mixin.core.errors import invalid, missing
from sandbox.mixin.core.times import rfc3339
from sandbox.mixin.core.world import SECOND, World, deposit_transaction
from sandbox.rails.crossing import (
    BROADCAST,
    CREDITED,
    DELIVERED,
    SEEN,
    STRAY,
    WAITING,
    Arrival,
    Crossing,
    Departure,
)
from sandbox.rails.networks import BY_CHAIN

_MS = SECOND // 1000


def depart(world: World, transaction: rows.Transaction, out: Out) -> None:
    """Promise to a chain what a final transaction withdraws; a chain the sandbox lacks swallows it."""
    asset = world.state.assets.get(transaction.asset_id)
    network = BY_CHAIN.get(asset.chain_id)
    if network is None:
        return
    world.state.departures.put(
        Departure(
            hash=network.hash_of(f"mixin {transaction.transaction_hash}"),
            chain_id=asset.chain_id,
            asset_key=chain_key(asset),
            units=out.units,
            sender=network.address_of("mixin"),
            address=out.address,
            tag=out.tag,
            name=transaction.transaction_hash,
            due_ms=_now_ms(world) + world.mishaps.send_after_ms,
        )
    )


def cross(world: World) -> list[Departure]:
    """Let what is due be broadcast or become final; return what the other side has yet to see."""
    now_ms = _now_ms(world)
    for waiting in world.state.departures.by("going", WAITING):
        if gone := world.mishaps.broadcast(waiting, now_ms):
            world.state.departures.put(gone)
    for gone in world.state.departures.by("going", BROADCAST):
        if _entry_of(world, gone):  # to one of our own
            see(world, gone)
            delivered(world, gone)
    for arrival in world.state.arrivals.by("waiting", SEEN):
        if arrival.confirmations(now_ms, world.mishaps.block_ms) >= arrival.network.confirmations:
            _credit(world, arrival)
    return world.state.departures.by("going", BROADCAST)


def delivered(world: World, departure: Departure) -> None:
    """Remember that the other side has seen it."""
    world.state.departures.change(departure, state=DELIVERED)


def see(world: World, crossing: Crossing) -> None:
    """Note what a chain shows, once; what is for nobody here, or too little, stays where it is."""
    if crossing.hash in world.state.arrivals:
        return
    entry, asset = _entry_of(world, crossing), _asset_of(world, crossing)
    taken = entry and asset and crossing.units >= _least(asset)
    world.state.arrivals.put(
        Arrival(
            **crossing.facts(),
            owner=entry.members[0] if entry else "",
            seen_ms=_now_ms(world),
            state=SEEN if taken else STRAY,
        )
    )


def _entry_of(world: World, crossing: Crossing) -> rows.DepositEntry | None:
    for entry in world.state.entries.by("place", crossing.address):
        if entry.chain_id == crossing.chain_id and entry.tag == crossing.tag:
            return entry
    return None


def _asset_of(world: World, crossing: Crossing) -> rows.Asset | None:
    found = (a for a in world.state.assets if a.chain_id == crossing.chain_id)
    return next((a for a in found if chain_key(a) == crossing.asset_key), None)


def _least(asset: rows.Asset) -> int:
    return amount_units(str(asset.details.get("dust", DUST)))


def _now_ms(world: World) -> int:
    return world.clock() // _MS


def _credit(world: World, arrival: Arrival) -> None:
    """Make what arrived an output of its owner, with a snapshot that names the chain's transaction."""
    world.state.arrivals.change(arrival, state=CREDITED)
    asset = _asset_of(world, arrival)
    assert asset is not None
    name, now = deposit_transaction(arrival.hash), world.stamp()
    ghost = ghosts.issue(world, (arrival.owner,), 0, unique_id(name, "DEPOSIT"))
    world.state.outputs.put(
        rows.Output(
            output_id=output_id(name, 0),
            transaction_hash=name,
            output_index=0,
            asset_id=asset.asset_id,
            units=arrival.units,
            mask=ghost.mask,
            keys=ghost.keys,
            receivers=(arrival.owner,),
            threshold=1,
            senders=(),
            senders_threshold=0,
            extra="",
            request_id="",
            sequence=world.next_sequence(),
            state=rows.UNSPENT,
            signed_by="",
            signed_at=0,
            spent_at=0,
            created_at=now,
        )
    )
    world.state.snapshots.put(
        rows.Snapshot(
            snapshot_id=unique_id(f"{name}:0", arrival.owner),
            user_id=arrival.owner,
            opponent_id="",
            transaction_hash=name,
            output_index=0,
            asset_id=asset.asset_id,
            units=arrival.units,
            memo="",
            request_id="",
            receiver="",
            created_at=now,
        )
    )


def post_entries(world: World, call: Call) -> list[dict[str, Any]]:
    """Answer the address of a wallet on a chain; the same wallet has the same one for ever."""
    body = call.json()
    facts = body if isinstance(body, dict) else {}
    members, threshold = facts.get("members") or [call.caller.user_id], facts.get("threshold", 1)
    if members != [call.caller.user_id] or threshold != 1:
        raise invalid("members", "the sandbox has addresses for wallets of one member")
    if facts.get("chain_id") not in BY_CHAIN:
        raise invalid("chain_id", "the sandbox does not know this chain")
    return [_entry(world, entry_of(world, call.caller.user_id, facts["chain_id"]))]


def entry_of(world: World, user_id: str, chain_id: str) -> rows.DepositEntry:
    """Return the address of a user's wallet on a chain; an allow-list may name it before it is asked for."""
    entry_id, network = unique_id(user_id, f"ENTRY:{chain_id}"), BY_CHAIN[chain_id]
    known = world.state.entries.find(entry_id)
    if known:
        return known
    owner = f"mixin {members_hash([user_id])}"
    destination = network.address_of("mixin" if network.tagged else owner)
    return world.state.entries.put(
        rows.DepositEntry(entry_id, chain_id, (user_id,), 1, destination, network.tag_of(owner))
    )


def _entry(world: World, entry: rows.DepositEntry) -> dict[str, Any]:
    asset = get_asset(world, entry.chain_id)
    return {
        "type": "deposit_entry",
        "entry_id": entry.entry_id,
        "chain_id": entry.chain_id,
        "members": list(entry.members),
        "threshold": entry.threshold,
        "destination": entry.destination,
        "tag": entry.tag,
        "signature": "",
        "is_primary": True,
        "minimum": str(asset.details.get("dust", DUST)),
        "maximum": "",
    }


def list_deposits(world: World, call: Call) -> list[dict[str, Any]]:
    """Answer what chains show and what is not final yet, oldest first; anybody may ask."""
    query = call.query
    shown = [_pending(world, arrival) for arrival in world.state.arrivals.by("waiting", SEEN)]
    wanted = {"asset": "asset_id", "destination": "destination", "tag": "tag"}
    for asked, field in wanted.items():
        if asked in query:
            shown = [row for row in shown if row[field] == query[asked]]
    return shown[: call.limit()]


def _pending(world: World, arrival: Arrival) -> dict[str, Any]:
    asset = _asset_of(world, arrival)
    assert asset is not None
    seen_at = rfc3339(arrival.seen_ms * _MS)
    return {
        "deposit_id": unique_id(arrival.hash, "DEPOSIT"),
        "chain_id": arrival.chain_id,
        "asset_id": asset.asset_id,
        "kernel_asset_id": asset.kernel_asset_id,
        "asset_key": arrival.asset_key,
        "amount": amount_text(arrival.units),
        "destination": arrival.address,
        "tag": arrival.tag,
        "sender": arrival.sender,
        "transaction_hash": arrival.hash,
        "output_index": 0,
        "block_hash": "",
        "block_number": 0,
        "extra": "",
        "confirmations": arrival.confirmations(_now_ms(world), world.mishaps.block_ms),
        "threshold": arrival.network.confirmations,
        "state": "pending",
        "created_at": seen_at,
        "updated_at": seen_at,
    }


def show_deposit(world: World, call: Call) -> dict[str, Any]:
    """Answer which chain's transaction an output came in with."""
    for output in world.state.outputs.by("id", call.words["id"]):
        for arrival in world.state.arrivals.by("kernel", output.transaction_hash):
            if call.caller.user_id in output.receivers:
                return {"chain": arrival.chain_id, "deposit_hash": arrival.hash, "deposit_index": 0}
    raise missing("deposit")
