"""The rules a transaction must obey (mixin.md §5.2, §11.2)."""

from collections.abc import Sequence

from nacl.bindings import crypto_core_ed25519_is_valid_point
from nacl.exceptions import BadSignatureError
from nacl.signing import VerifyKey

from sandbox.mixin.core import rows
from sandbox.mixin.core.assets import DUST, amount_units, check_destination
from sandbox.mixin.core.decode import SCRIPT, WITHDRAWAL, Out, Tx
from sandbox.mixin.core.errors import ApiError, invalid, locked
from sandbox.mixin.core.world import World

Checked = tuple[Tx, Sequence[rows.Output]]

MOST_INPUTS = MOST_OUTPUTS = 256
MOST_REFERENCES = 16
LONGEST_EXTRA = 256
HIGHEST_THRESHOLD = 64
FEE_USER = "674d6776-d600-4346-af46-58e77d8df185"
STORAGE_ASSET = "c94ac88f-4671-3976-b60a-09064f1811e8"  # XIN
STORAGE_UNITS = 10_000  # 0.0001 XIN per kilobyte begun


def spent_by(world: World, owner: rows.User, tx: Tx) -> list[rows.Output]:
    """Return the outputs this transaction spends, all of one wallet of the caller's and all free."""
    if not 1 <= len(tx.inputs) <= MOST_INPUTS:
        raise invalid("raw", f"1 to {MOST_INPUTS} inputs are expected")
    if len(set(tx.inputs)) != len(tx.inputs):
        raise invalid("raw", "an input stands there twice")
    outputs = [_owned(world, owner, name) for name in tx.inputs]
    if any(output.asset_id != outputs[0].asset_id for output in outputs):
        raise invalid("raw", "the inputs are of several assets")
    if world.state.assets.get(outputs[0].asset_id).kernel_asset_id != tx.asset:
        raise invalid("raw", "the inputs are not of this transaction's asset")
    if any(o.receivers != outputs[0].receivers or o.threshold != outputs[0].threshold for o in outputs):
        raise invalid("raw", "the inputs belong to several wallets")
    return outputs


def _owned(world: World, owner: rows.User, name: str) -> rows.Output:
    output = world.state.outputs.find(name)
    if output is None or owner.user_id not in output.receivers:
        raise ApiError(10106, "Invalid UTXO: not found or not yours.", reason=name)
    if output.state == rows.SIGNED:
        raise locked(f"The input {name} is locked by another transaction.")
    if output.state == rows.SPENT:
        raise locked(f"The input {name} is spent by other transaction.")
    return output


def check(world: World, tx: Tx, spent: Sequence[rows.Output]) -> None:
    """Refuse a transaction that the network would refuse, apart from its signatures."""
    if not 1 <= len(tx.outputs) <= MOST_OUTPUTS:
        raise invalid("raw", f"1 to {MOST_OUTPUTS} outputs are expected")
    if any(out.units <= 0 for out in tx.outputs):
        raise invalid("raw", "an amount is not positive")
    if sum(out.units for out in tx.outputs) != sum(output.units for output in spent):
        raise invalid("raw", "the inputs do not equal the outputs")
    stores = _check_extra(tx, spent[0].asset_id)
    _check_references(world, tx)
    for index, out in enumerate(tx.outputs):
        if out.kind == WITHDRAWAL:
            _check_withdrawal(index, out, world.state.assets.get(spent[0].asset_id))
        else:
            _check_script(world, index, out, burnt=stores and index == 0)
    keys = [key for out in tx.outputs for key in out.keys]
    if len(set(keys)) != len(keys):
        raise invalid("raw", "a key stands there twice")
    for key in keys:
        _check_unused(world, key)


def _check_extra(tx: Tx, asset_id: str) -> bool:
    """Say whether this transaction pays for storing a long extra; refuse one that does not."""
    if len(tx.extra) <= LONGEST_EXTRA:
        return False
    first = tx.outputs[0]
    price = STORAGE_UNITS * (len(tx.extra) // 1024 + 1)
    if asset_id != STORAGE_ASSET or first.threshold != HIGHEST_THRESHOLD or first.units < price:
        raise invalid("raw", f"extra is longer than {LONGEST_EXTRA} bytes")
    return True


def _check_references(world: World, tx: Tx) -> None:
    if len(tx.references) > MOST_REFERENCES:
        raise invalid("raw", f"more than {MOST_REFERENCES} references")
    for name in tx.references:
        if not world.state.transactions.by("hash", name) and not world.state.drafts.by("hash", name):
            raise invalid("raw", f"the reference {name} is not a known transaction")


def _check_withdrawal(index: int, out: Out, asset: rows.Asset) -> None:
    if index != 0:
        raise invalid("raw", "only output 0 can be a withdrawal")
    if out.keys or out.script or out.mask != "00" * 32:
        raise invalid("raw", "a withdrawal has no keys, mask or script")
    check_destination(asset, out.address, out.tag)
    if asset.details.get("suspended"):
        raise ApiError(20137, "Withdrawal is suspended.")
    if out.units < amount_units(str(asset.details.get("dust", DUST))):
        raise ApiError(20127, "The withdrawal amount is too small.")


def _check_script(world: World, index: int, out: Out, *, burnt: bool) -> None:
    if out.kind != SCRIPT or out.address:
        raise invalid("raw", f"output {index} is of an unknown type")
    if len(out.script) != 3 or out.script[:2] != b"\xff\xfe":
        raise invalid("raw", f"the script of output {index} is not fffe and a threshold")
    for point in (out.mask, *out.keys):
        if not crypto_core_ed25519_is_valid_point(bytes.fromhex(point)):
            raise ApiError(2000001, "Invalid output key.", reason=f"output {index}")
    if burnt:
        return
    if not 1 <= out.threshold <= min(HIGHEST_THRESHOLD, len(out.keys)):
        raise invalid("raw", f"the threshold of output {index} does not fit its keys")
    ghost = world.state.ghosts.find(out.mask)
    if ghost is None or ghost.keys != out.keys:
        raise invalid("raw", f"the keys of output {index} were not issued")
    if ghost.index != index:
        raise invalid("raw", f"the keys of output {index} were issued for output {ghost.index}")


def _check_unused(world: World, key: str) -> None:
    if world.state.outputs.by("one_time", key) or key in world.state.used_keys:
        raise invalid("raw", "a key was used before")


def check_fees(world: World, fresh: Sequence[Checked], call: Sequence[Checked]) -> None:
    """Refuse a fresh withdrawal whose fee is neither in it nor in a companion that refers to it."""
    for tx, spent in fresh:
        if tx.outputs[0].kind != WITHDRAWAL:
            continue
        asset = world.state.assets.get(spent[0].asset_id)
        if not asset.fee_amount:
            continue
        payers = [(tx, spent)] if asset.fee_asset_id == asset.asset_id else []
        payers += [(t, s) for t, s in call if tx.hash in t.references and s[0].asset_id == asset.fee_asset_id]
        paid = max((_paid_fee(world, payer) for payer, _ in payers), default=0)
        if paid == 0:
            raise ApiError(20124, "Insufficient fee.")
        if paid < amount_units(asset.fee_amount):
            raise ApiError(20135, "Withdrawal fee is too small.")


def _paid_fee(world: World, tx: Tx) -> int:
    return sum(out.units for out in tx.outputs if _receivers(world, out) == (FEE_USER,))


def _receivers(world: World, out: Out) -> tuple[str, ...]:
    ghost = world.state.ghosts.find(out.mask)
    return ghost.receivers if ghost else ()


def check_signatures(tx: Tx, spent: Sequence[rows.Output]) -> None:
    """Refuse a submission whose signatures do not open every input."""
    if len(tx.signatures) != len(spent):
        raise invalid("raw", "there must be one signature map per input")
    for output, signatures in zip(spent, tx.signatures, strict=True):
        if len(signatures) < output.threshold:
            raise invalid("raw", "too few signatures")
        for index, signature in signatures.items():
            _verify(output, index, bytes.fromhex(tx.hash), signature)


def _verify(output: rows.Output, index: int, message: bytes, signature: bytes) -> None:
    try:
        VerifyKey(bytes.fromhex(output.keys[index])).verify(message, signature)
    except (BadSignatureError, IndexError) as e:
        raise ApiError(2000003, "Invalid signature.", reason=f"key {index}") from e
