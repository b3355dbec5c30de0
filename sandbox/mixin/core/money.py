"""Wallets: outputs, checked and submitted transactions, and how they settle."""

from typing import Any

from adapters.mixin.codec.ids import members_hash
from sandbox.mixin.core import assets, rows, rules, shapes
from sandbox.mixin.core.calls import Call, uuid_text
from sandbox.mixin.core.decode import read
from sandbox.mixin.core.errors import ApiError, invalid, missing
from sandbox.mixin.core.times import nanoseconds
from sandbox.mixin.core.world import World


def list_outputs(world: World, call: Call) -> list[dict[str, Any]]:
    """Answer the outputs of one wallet of the caller's from a sequence number on, that one included."""
    query = call.query
    members = query.get("members") or members_hash([call.caller.user_id])
    threshold, state = query.get("threshold", "1"), query.get("state")
    if state not in {None, "", rows.UNSPENT, rows.SIGNED, rows.SPENT}:
        raise invalid("state", "unspent, signed or spent is expected")
    found = [
        output
        for output in world.state.outputs.by("receiver", call.caller.user_id)
        if members_hash(output.receivers) == members and str(output.threshold) == threshold
    ]
    if query.get("asset"):
        asset = assets.find_asset(world, query["asset"])
        found = [output for output in found if asset and output.asset_id == asset.asset_id]
    found = sorted((o for o in found if not state or o.state == state), key=lambda o: o.sequence)
    found = _from_sequence(found, query.get("offset") or "", query.get("order", "ASC"))
    return [shapes.output(world, output) for output in found[: call.limit()]]


def _from_sequence(found: list[rows.Output], offset: str, order: str) -> list[rows.Output]:
    if offset and not (offset.isascii() and offset.isdigit()):
        raise invalid("offset", "a sequence number is expected")
    if order.upper() == "DESC":
        return [o for o in reversed(found) if not offset or o.sequence <= int(offset)]
    return [o for o in found if o.sequence >= int(offset or 0)]


def show_output(world: World, call: Call) -> dict[str, Any]:
    """Answer one output by its id or by hash:index."""
    word = call.words["id"]
    output = world.state.outputs.find(word) or next(iter(world.state.outputs.by("id", word)), None)
    if output is None or call.caller.user_id not in output.receivers:
        raise missing("output")
    return shapes.output(world, output)


def fetch_outputs(world: World, call: Call) -> list[dict[str, Any]]:
    body = call.json()
    wanted = body.get("ids") if isinstance(body, dict) else body
    if not isinstance(wanted, list) or not all(isinstance(word, str) for word in wanted):
        raise invalid("ids", "a list of output ids is expected")
    found = [output for word in wanted for output in world.state.outputs.by("id", word)]
    return [shapes.output(world, output) for output in found if call.caller.user_id in output.receivers]


def post_requests(world: World, call: Call) -> list[dict[str, Any]]:
    """Check unsigned transactions and hand out the views to sign them with."""
    return check_drafts(world, call.caller, [_entry(entry) for entry in call.objects()])


def check_drafts(world: World, caller: rows.User, entries: list[tuple[str, str]]) -> list[dict[str, Any]]:
    """Check (request id, raw) pairs; one that was submitted before is answered as it stands."""
    answers, checked = [], []
    for request_id, raw in entries:
        known = world.state.transactions.find(request_id)
        if known:
            answers.append(shapes.transaction(world, _own(known, caller), caller))
            continue
        tx, spent = _check(world, caller, raw)
        draft = rows.Draft(caller.user_id, request_id, tx.hash, raw, world.stamp())
        checked.append((tx, spent))
        answers.append(shapes.draft(world, world.state.drafts.put(draft)))
    rules.check_fees(world, checked, checked)
    return answers


def _own(transaction: rows.Transaction, caller: rows.User) -> rows.Transaction:
    if transaction.user_id != caller.user_id:
        raise ApiError(20125, "The trace id was used by someone else.")
    return transaction


def _entry(entry: dict[str, Any]) -> tuple[str, str]:
    raw = entry.get("raw")
    if not isinstance(raw, str):
        raise invalid("raw", "hex text is expected")
    return uuid_text(entry.get("request_id"), "request_id"), raw


def _check(world: World, caller: rows.User, raw: str) -> rules.Checked:
    tx = read(raw)
    spent = rules.spent_by(world, caller, tx)
    rules.check(world, tx, spent)
    return tx, spent


def post_transactions(world: World, call: Call) -> list[dict[str, Any]]:
    """Take signed transactions; the first to spend an input wins, and all of a call go or none."""
    return submit(world, call.caller, [_entry(entry) for entry in call.objects()])


def submit(world: World, caller: rows.User, entries: list[tuple[str, str]]) -> list[dict[str, Any]]:
    """Take (request id, signed raw) pairs."""
    halved = len(entries) == 2 and world.halve_pairs > 0
    if halved:
        world.halve_pairs, entries = world.halve_pairs - 1, entries[:1]
    accepted: list[rows.Transaction] = []
    fresh: list[rules.Checked] = []
    known_too: list[rules.Checked] = []
    for request_id, raw in entries:
        known = world.state.transactions.find(request_id)
        if known:
            accepted.append(_repeated(known, caller, raw))
            tx = read(known.raw)
            known_too.append((tx, [world.state.outputs.get(name) for name in tx.inputs]))
            continue
        fresh.append(_submit_one(world, caller, request_id, raw))
        accepted.append(world.state.transactions.get(request_id))
    if not halved:
        rules.check_fees(world, fresh, fresh + known_too)
    return [shapes.transaction(world, transaction, caller) for transaction in accepted]


def _repeated(known: rows.Transaction, caller: rows.User, raw: str) -> rows.Transaction:
    _own(known, caller)
    if read(raw).hash != known.transaction_hash:
        raise ApiError(20125, "The trace id was already paid with another transaction.")
    return known


def _submit_one(world: World, caller: rows.User, request_id: str, raw: str) -> rules.Checked:
    """Check a signed transaction against its draft and lock what it spends."""
    tx, spent = _check(world, caller, raw)
    draft = world.state.drafts.find(f"{caller.user_id}:{request_id}")
    if draft is None or draft.transaction_hash != tx.hash:
        raise invalid("raw", "is not the transaction that was checked under this request id")
    rules.check_signatures(tx, spent)
    now, asset_id = world.stamp(), spent[0].asset_id
    world.state.transactions.put(
        rows.Transaction(request_id, caller.user_id, tx.hash, raw, asset_id, rows.SIGNED, now, now)
    )
    for output in spent:
        world.state.outputs.change(output, state=rows.SIGNED, signed_by=tx.hash, signed_at=now)
    for key in (key for out in tx.outputs for key in out.keys):
        world.state.used_keys.put(rows.UsedKey(key, tx.hash))
    world.state.drafts.drop(f"{caller.user_id}:{request_id}")
    return tx, spent


def show_transaction(world: World, call: Call) -> dict[str, Any]:
    """Answer a submitted transaction by request id or hash; anyone may ask."""
    transaction = _find_transaction(world, call.words["id"])
    if transaction is None:
        raise missing("transaction")
    return shapes.transaction(world, transaction, call.user)


def fetch_transactions(world: World, call: Call) -> list[dict[str, Any]]:
    found = (_find_transaction(world, word) for word in call.texts())
    return [shapes.transaction(world, transaction, call.user) for transaction in found if transaction]


def _find_transaction(world: World, word: str) -> rows.Transaction | None:
    return world.state.transactions.find(word) or next(iter(world.state.transactions.by("hash", word)), None)


def list_snapshots(world: World, call: Call) -> list[dict[str, Any]]:
    """Answer the caller's balance changes from a time on, that instant included; newest first unless ASC."""
    query = call.query
    if sum(name in query for name in ("asset", "opponent", "app")) > 1:
        raise invalid("query", "asset, opponent and app exclude one another")
    found = world.state.snapshots.by("user", call.caller.user_id)
    if query.get("asset"):
        asset = assets.find_asset(world, query["asset"])
        found = [s for s in found if asset and s.asset_id == asset.asset_id]
    if query.get("opponent"):
        found = [s for s in found if s.opponent_id == query["opponent"]]
    found = sorted(found, key=lambda s: (s.created_at, s.snapshot_id))
    at = nanoseconds(query["offset"], "offset") if query.get("offset") else None
    if query.get("order", "DESC").upper() == "ASC":
        found = [s for s in found if at is None or s.created_at >= at]
    else:
        found = [s for s in reversed(found) if at is None or s.created_at <= at]
    return [shapes.snapshot(world, snapshot) for snapshot in found[: call.limit()]]


def show_snapshot(world: World, call: Call) -> dict[str, Any]:
    snapshot = world.state.snapshots.find(call.words["id"])
    if snapshot is None or snapshot.user_id != call.caller.user_id:
        raise missing("snapshot")
    return shapes.snapshot(world, snapshot)
