"""The network's part: signed transactions become spent, with outputs, snapshots and notices."""

import json
from dataclasses import dataclass

from adapters.mixin.codec.ids import output_id, unique_id
from sandbox.mixin.core import chat, crossings, rows, shapes
from sandbox.mixin.core.decode import SCRIPT, WITHDRAWAL, Out, Tx, read
from sandbox.mixin.core.world import World


def settle(world: World, *, at_once: bool = False) -> list[rows.Transaction]:
    """Settle every signed transaction that has waited long enough, oldest first; return them."""
    due = [
        transaction
        for transaction in world.state.transactions.by("state", rows.SIGNED)
        if at_once or world.clock() - transaction.created_at >= world.settings.settle_ns
    ]
    return [_settle_one(world, transaction) for transaction in sorted(due, key=lambda t: t.created_at)]


def _settle_one(world: World, transaction: rows.Transaction) -> rows.Transaction:
    tx, now = read(transaction.raw), world.stamp()
    spent = [world.state.outputs.get(name) for name in tx.inputs]
    for output in spent:
        world.state.outputs.change(output, state=rows.SPENT, spent_at=now)
    _Landing(world, transaction, tx, spent[0], now).land()
    if tx.outputs[0].kind == WITHDRAWAL:
        crossings.depart(world, transaction, tx.outputs[0])
    return world.state.transactions.change(transaction, state=rows.SPENT, updated_at=now)


@dataclass(frozen=True, slots=True)
class _Landing:
    """One transaction arriving: ``source`` is any output it spends, all are of one wallet."""

    world: World
    transaction: rows.Transaction
    tx: Tx
    source: rows.Output
    now: int

    def land(self) -> None:
        """Create the outputs; write a snapshot per payee, and one for the payer."""
        payer = self.source.receivers[0] if len(self.source.receivers) == 1 else ""
        paid, opponent = 0, ""
        for index, out in enumerate(self.tx.outputs):
            receivers = self._receivers(out)
            if out.kind == SCRIPT:
                self._create(index, out, receivers)
            if receivers == self.source.receivers:
                continue  # change
            paid += out.units
            if len(receivers) == 1:
                opponent = opponent or receivers[0]
                name = unique_id(f"{self.tx.hash}:{index}", receivers[0])
                self._record(name, receivers[0], payer, index, out.units)
        if paid and payer:
            self._record(unique_id(payer, self.tx.hash), payer, opponent, 0, -paid)

    def _receivers(self, out: Out) -> tuple[str, ...]:
        ghost = self.world.state.ghosts.find(out.mask)
        return ghost.receivers if ghost else ()

    def _create(self, index: int, out: Out, receivers: tuple[str, ...]) -> None:
        self.world.state.outputs.put(
            rows.Output(
                output_id=output_id(self.tx.hash, index),
                transaction_hash=self.tx.hash,
                output_index=index,
                asset_id=self.transaction.asset_id,
                units=out.units,
                mask=out.mask,
                keys=out.keys,
                receivers=receivers,
                threshold=out.threshold,
                senders=self.source.receivers,
                senders_threshold=self.source.threshold,
                extra=self.tx.extra.hex(),
                request_id=self.transaction.request_id,
                sequence=self.world.next_sequence(),
                state=rows.UNSPENT,
                signed_by="",
                signed_at=0,
                spent_at=0,
                created_at=self.now,
            )
        )

    def _record(self, name: str, user_id: str, opponent_id: str, index: int, units: int) -> None:
        """Write one side's snapshot, and its chat message when the other side is a user."""
        snapshot = self.world.state.snapshots.put(
            rows.Snapshot(
                snapshot_id=name,
                user_id=user_id,
                opponent_id=opponent_id,
                transaction_hash=self.tx.hash,
                output_index=index,
                asset_id=self.transaction.asset_id,
                units=units,
                memo=self.tx.extra.hex(),
                request_id=self.transaction.request_id,
                receiver=self.tx.outputs[0].address if units < 0 else "",
                created_at=self.now,
            )
        )
        if not opponent_id:
            return
        chat.deliver(
            self.world,
            chat.ensure_contact(self.world, user_id, opponent_id),
            sender_id=opponent_id if units > 0 else user_id,
            recipient_id=user_id,
            message_id=unique_id(name, "MESSAGE"),
            category="SYSTEM_SAFE_SNAPSHOT",
            data=json.dumps(shapes.note(self.world, snapshot)).encode(),
        )
