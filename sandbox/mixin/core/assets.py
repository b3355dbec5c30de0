"""Assets, chains, prices and rates, as the world file states them."""

from decimal import Decimal
from typing import Any

from sandbox.mixin.core import rows
from sandbox.mixin.core.calls import Call
from sandbox.mixin.core.errors import ApiError, invalid, missing
from sandbox.mixin.core.times import nanoseconds, rfc3339
from sandbox.mixin.core.world import World
from sandbox.rails.networks import BY_CHAIN

UNIT_DIGITS = 8
DUST = "0.0001"  # the least that is withdrawn or taken in, where the world file says nothing else

# Rounded market rates per US dollar; Mixin shows people their values with such a table.
FIATS = {
    "AED": 3.67,
    "CNY": 7.12,
    "EUR": 0.92,
    "GBP": 0.78,
    "HKD": 7.8,
    "JPY": 149.5,
    "KRW": 1340.0,
    "USD": 1.0,
}


def amount_text(units: int) -> str:
    """Return units of 10⁻⁸ as a decimal text without needless zeros."""
    sign, digits = ("-" if units < 0 else ""), str(abs(units)).rjust(UNIT_DIGITS + 1, "0")
    whole, fraction = digits[:-UNIT_DIGITS], digits[-UNIT_DIGITS:].rstrip("0")
    return f"{sign}{whole}.{fraction}" if fraction else f"{sign}{whole}"


def amount_units(text: str, field: str = "amount") -> int:
    """Return a decimal text as units of 10⁻⁸; refuse anything but plain digits."""
    whole, dot, fraction = text.partition(".")
    plain = text.isascii() and whole.isdigit() and (fraction.isdigit() if dot else True)
    if not plain or len(fraction) > UNIT_DIGITS or len(whole) > 80:
        raise invalid(field, "a plain decimal with at most 8 decimals is expected")
    return int(whole + fraction.ljust(UNIT_DIGITS, "0"))


def find_asset(world: World, name: str) -> rows.Asset | None:
    """Return an asset by its UUID or by its kernel id."""
    return world.state.assets.find(name) or next(iter(world.state.assets.by("kernel", name)), None)


def get_asset(world: World, name: str) -> rows.Asset:
    asset = find_asset(world, name)
    if asset is None:
        raise missing("asset")
    return asset


def shape(world: World, asset: rows.Asset) -> dict[str, Any]:
    """Return an asset with the price fields of both the public and the bot endpoints."""
    return {
        "type": "safe_asset",
        "asset_id": asset.asset_id,
        "chain_id": asset.chain_id,
        "kernel_asset_id": asset.kernel_asset_id,
        "symbol": asset.symbol,
        "display_symbol": asset.symbol,
        "name": asset.name,
        "display_name": asset.name,
        "price_usd": asset.price_usd,
        "price_btc": "0",
        "change_usd": "0",
        "change_btc": "0",
        "price_updated_at": rfc3339(world.clock()),
        "icon_url": "",
        "asset_key": asset.asset_id,
        "precision": UNIT_DIGITS,
        "dust": DUST,
        "confirmations": 1,
        "level": 12,
        "withdrawal_memo_possibility": "negative",
        "capitalization": "0",
        "liquidity": "0",
        **{name: value for name, value in asset.details.items() if name != "network"},  # the chat page's word
    }


def show(world: World, call: Call) -> dict[str, Any]:
    return shape(world, get_asset(world, call.words["id"]))


def fetch(world: World, call: Call) -> list[dict[str, Any]]:
    found = (find_asset(world, name) for name in call.texts())
    return [shape(world, asset) for asset in found if asset]


def every(world: World, call: Call) -> list[dict[str, Any]]:
    """Answer all assets, dearest first."""
    ranked = sorted(world.state.assets, key=lambda asset: Decimal(asset.price_usd), reverse=True)
    return [shape(world, asset) for asset in ranked[:100]]


def search(world: World, call: Call) -> list[dict[str, Any]]:
    text = call.words["text"].lower()
    return [shape(world, a) for a in world.state.assets if text in a.symbol.lower() or text in a.name.lower()]


def ticker(world: World, call: Call) -> dict[str, Any]:
    """Answer a price; the sandbox has no history, so an ``offset`` in the past is unknown: zero."""
    asset = find_asset(world, call.query.get("asset", ""))
    day = 24 * 3600 * 1_000_000_000
    offset = call.query.get("offset")
    old = offset is not None and nanoseconds(offset, "offset") < world.clock() - day
    return {"type": "ticker", "price_usd": asset.price_usd if asset and not old else "0", "price_btc": "0"}


def fees(world: World, call: Call) -> list[dict[str, Any]]:
    """Answer the withdrawal fee alternatives of an asset."""
    asset = get_asset(world, call.words["id"])
    if not call.query.get("destination"):
        raise invalid("destination", "is missing")
    fee = {
        "type": "withdrawal_fee",
        "asset_id": asset.fee_asset_id,
        "amount": asset.fee_amount,
        "priority": 0,
    }
    return [fee] if asset.fee_amount else []


def check_address(world: World, call: Call) -> dict[str, Any]:
    asset = get_asset(world, call.query.get("asset", ""))
    destination = call.query.get("destination", "")
    check_destination(asset, destination, call.query.get("tag", ""))
    return {
        "type": "address",
        "asset_id": asset.asset_id,
        "destination": destination,
        "tag": call.query.get("tag", ""),
    }


def check_destination(asset: rows.Asset, destination: str, tag: str) -> None:
    """Refuse what is no address on the asset's chain, and a tag too many or too few."""
    network = BY_CHAIN.get(asset.chain_id)
    if not (network.is_address(destination) if network else plausible_address(destination)):
        raise ApiError(30102, "Invalid address format.")
    memo = asset.details.get("withdrawal_memo_possibility", "possible" if network is None else "negative")
    if memo == ("positive" if not tag else "negative"):
        raise ApiError(20131, "Invalid withdrawal memo.", reason=f"a tag is {memo} here")


def chain_key(asset: rows.Asset) -> str:
    """Return what names an asset on its chain: nothing for the chain's own coin."""
    own = asset.asset_id == asset.chain_id
    return "" if own else str(asset.details.get("asset_key", asset.asset_id))


def plausible_address(destination: str) -> bool:
    """Say whether this could be an address of any chain, where the sandbox does not know the chain."""
    return destination.isascii() and destination.isalnum() and 20 <= len(destination) <= 120


def chains(world: World, call: Call) -> list[dict[str, Any]]:
    own = [asset for asset in world.state.assets if asset.asset_id == asset.chain_id]
    return [_chain(asset) for asset in own]


def chain(world: World, call: Call) -> dict[str, Any]:
    asset = get_asset(world, call.words["id"])
    if asset.asset_id != asset.chain_id:
        raise missing("chain")
    return _chain(asset)


def _chain(asset: rows.Asset) -> dict[str, Any]:
    return {
        "type": "chain",
        "chain_id": asset.chain_id,
        "name": asset.name,
        "symbol": asset.symbol,
        "is_synchronized": True,
        "withdrawal_pending_count": 0,
        "deposit_block_height": 1,
        "managed_block_height": 1,
    }


def network(world: World, call: Call) -> dict[str, Any]:
    return {"type": "network", "assets": every(world, call), "chains": chains(world, call)}


def fiats(world: World, call: Call) -> list[dict[str, Any]]:
    return [{"code": code, "rate": rate} for code, rate in FIATS.items()]
