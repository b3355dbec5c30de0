"""The beginning: people, assets and first balances out of a world file."""

from typing import Any

from blake3 import blake3

from adapters.mixin.codec import keys
from adapters.mixin.codec.ids import kernel_asset_id, output_id, unique_id
from sandbox.mixin.core import crossings, ghosts, person, rows, rules, wallet
from sandbox.mixin.core.assets import amount_units
from sandbox.mixin.core.settle import settle
from sandbox.mixin.core.world import World
from sandbox.rails.networks import BY_CHAIN

Facts = dict[str, Any]


def begin(world: World, facts: Facts) -> None:
    """Create everything the file names; the payments in it are real transactions to the bot."""
    for asset in facts["assets"]:
        add_asset(world, asset)
    bot = add_user(world, facts["bot"] | {"user_id": facts["bot"]["app_id"]}, is_bot=True)
    for asset in facts["assets"]:
        if asset["asset_id"] == asset["chain_id"] in BY_CHAIN:
            crossings.entry_of(world, bot.user_id, asset["chain_id"])
    _add_fee_user(world)
    for each in facts["people"]:
        someone = add_user(world, each, is_bot=False)
        for asset_id, amount in each.get("balances", {}).items():
            mint(world, someone, asset_id, amount_units(amount))
    for payment in facts.get("payments", []):
        payer = person.find(world, payment["from"])
        memo = str(payment.get("memo", ""))
        wallet.transfer(world, payer, bot.user_id, payment["asset_id"], payment["amount"], memo)
        settle(world, at_once=True)
    ensure_stop_bot(world, facts)


def ensure_stop_bot(world: World, facts: Facts) -> None:
    """Create the second bot account, which hears STOP, if the file names one that is not here yet."""
    named = facts.get("stop")
    if named and named["app_id"] not in world.state.users:
        add_user(world, named | {"user_id": named["app_id"]}, is_bot=True)


def add_asset(world: World, facts: Facts) -> rows.Asset:
    fee: Facts = facts.get("fee") or {}
    named = {"asset_id", "chain_id", "symbol", "name", "price_usd", "fee"}
    return world.state.assets.put(
        rows.Asset(
            asset_id=facts["asset_id"],
            kernel_asset_id=kernel_asset_id(facts["asset_id"]),
            chain_id=facts["chain_id"],
            symbol=facts["symbol"],
            name=facts["name"],
            price_usd=str(facts["price_usd"]),
            fee_asset_id=str(fee.get("asset_id", facts["chain_id"])),
            fee_amount=str(fee.get("amount", "")),
            details={name: value for name, value in facts.items() if name not in named},
        )
    )


def add_user(world: World, facts: Facts, *, is_bot: bool) -> rows.User:
    """Register a user; a bot's spend seed is only used to learn its public key."""
    seed = facts["spend_private_key"]
    return world.state.users.put(
        rows.User(
            user_id=facts["user_id"],
            identity_number=str(facts["identity_number"]),
            name=facts["name"],
            session_id=facts["session_id"],
            session_public_key=_public(facts["session_private_key"]),
            server_public_key=facts.get("server_public_key", ""),
            spend_public_key=_public(seed),
            spend_seed="" if is_bot else seed,
            view_key=facts.get("view_private_key") or _view_key(world),
            language=facts.get("language", "en"),
            is_bot=is_bot,
            resource_patterns=tuple(facts.get("resource_patterns", ())),
            created_at=world.stamp(),
        )
    )


def _public(seed: str) -> str:
    return keys.public_key(bytes.fromhex(seed)).hex()


def _view_key(world: World) -> str:
    return keys.reduce64(world.entropy(64)).hex()


def _add_fee_user(world: World) -> None:
    """Register the account that withdrawal fees are paid to; nobody holds its keys afterwards."""
    seeds = {name: world.entropy(32).hex() for name in ("session_private_key", "spend_private_key")}
    facts = {
        "user_id": rules.FEE_USER,
        "identity_number": "1000",
        "name": "Mixin Fee",
        "session_id": "",
        **seeds,
    }
    user = add_user(world, facts, is_bot=False)
    world.state.users.change(user, spend_seed="")


def mint(world: World, owner: rows.User, asset_id: str, units: int) -> rows.Output:
    """Put coins into a wallet out of nothing; only a beginning may do so."""
    number = world.next_sequence()
    name = blake3(world.secret() + f"mint:{number}".encode()).hexdigest()
    ghost = ghosts.issue(world, (owner.user_id,), 0, unique_id(name, "MINT"))
    return world.state.outputs.put(
        rows.Output(
            output_id=output_id(name, 0),
            transaction_hash=name,
            output_index=0,
            asset_id=asset_id,
            units=units,
            mask=ghost.mask,
            keys=ghost.keys,
            receivers=(owner.user_id,),
            threshold=1,
            senders=(),
            senders_threshold=0,
            extra="",
            request_id="",
            sequence=number,
            state=rows.UNSPENT,
            signed_by="",
            signed_at=0,
            spent_at=0,
            created_at=world.stamp(),
        )
    )
