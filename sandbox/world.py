"""The throw-away world: its people, their bot, its coins and its venue account, made once and kept.

Every key here is fresh chance of this machine and worth nothing elsewhere. The file ``world.json`` is
what the far sides (``sandbox.mixin``, ``sandbox.venue``) begin with; the product is given only the
files below ``keys/``, in the very shape that an owner of a real bot has.
"""

import json
import os
import secrets
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nacl.signing import SigningKey

from adapters.mixin.codec.ids import members_hash
from sandbox.children import CannotStart
from sandbox.rails.networks import BITCOIN, ETHEREUM

World = dict[str, Any]

VERSION = 1
BTC = "c6d0c728-2624-429b-8e0d-d9d19b6592fa"
ETH = "43d61dcd-e413-450d-80b8-101d5e903357"
USDT = "4d8c508b-91c5-375b-92b0-ee702ed2dac5"
LOOK_ALIKE = "0f5ad9f3-6a3c-4b0e-9d3e-7a1d6f1c2b58"
VENUE_ACCOUNT = "main"
GATE_ACCOUNT = "gate-1"

_ASSETS = [
    {
        "asset_id": BTC,
        "chain_id": BTC,
        "symbol": "BTC",
        "name": "Bitcoin",
        "network": "Bitcoin",
        "price_usd": "60000",
        "precision": 8,
        "confirmations": 2,
        "fee": {"asset_id": BTC, "amount": "0.00005"},
    },
    {
        "asset_id": ETH,
        "chain_id": ETH,
        "symbol": "ETH",
        "name": "Ether",
        "network": "Ethereum",
        "price_usd": "2500",
        "precision": 8,
        "confirmations": 16,
        "fee": {"asset_id": ETH, "amount": "0.0008"},
    },
    {
        "asset_id": USDT,
        "chain_id": ETH,
        "symbol": "USDT",
        "name": "Tether USD",
        "network": "Ethereum",
        "display_name": "Tether USD (ERC-20)",
        "asset_key": "0xdac17f958d2ee523a2206206994597c13d831ec7",
        "price_usd": "1",
        "precision": 6,
        "confirmations": 16,
        "fee": {"asset_id": ETH, "amount": "0.0011"},
    },
    {
        "asset_id": LOOK_ALIKE,
        "chain_id": ETH,
        "symbol": "USDT",
        "name": "Tether USD",
        "network": "Ethereum",
        "asset_key": "0x00000000000000000000000000000000005afe00",
        "price_usd": "0",
        "precision": 6,
        "confirmations": 16,
        "fee": {"asset_id": ETH, "amount": "0.0011"},
    },
]
_FLOAT = {USDT: "100000", BTC: "3", ETH: "30"}
_PEOPLE = [
    ("Alice", "en", {USDT: "25000", BTC: "1", ETH: "10", LOOK_ALIKE: "5000"}),
    ("Bob", "zh", {USDT: "25000", BTC: "1", ETH: "10", LOOK_ALIKE: "5000"}),
    ("Owner", "en", {USDT: "125000", BTC: "4", ETH: "40"}),
]
_VENUE_BALANCES = {"USDT": "250000", "BTC": "6", "ETH": "60"}
_KEYSTORE = ("app_id", "session_id", "server_public_key", "session_private_key", "spend_private_key")


def ensure_world(path: Path) -> World:
    """Return the world kept in a file, making it when there is none.

    Raises:
        CannotStart: the file is not ours to read, or of another release.
    """
    if path.exists():
        world = _read(path)
        if _is_brought_up_to_date(world):
            write_private(path, world)
        return world
    world = create_world()
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_private(path, world)
    return world


def give_stop_bot(path: Path, world: World) -> None:
    """Give a world the second bot account, which hears STOP, if it has none."""
    if "stop" not in world:
        world["stop"] = {**_identity("Stop", "7000100001"), "language": "en"}
        write_private(path, world)


def _is_brought_up_to_date(world: World) -> bool:
    """Add what an older world does not have; return whether that was anything."""
    bot_id, older = world["bot"]["user_id"], False
    for account in world["venue"]["accounts"]:
        if "withdrawal_key" not in account:
            account.update(_way_out(bot_id))
            older = True
    if "gate" not in world:
        world["gate"] = {"accounts": [_account(GATE_ACCOUNT, "gate", bot_id)]}
        older = True
    return older


def create_world() -> World:
    """Return a new world with keys of its own."""
    people = [
        {
            **_identity(name, f"70{number:05d}"),
            "language": language,
            "balances": dict(balances),
        }
        for number, (name, language, balances) in enumerate(_PEOPLE, start=1)
    ]
    owner = people[-1]["user_id"]
    bot = {**_identity("MrMarket", "7000100000"), "language": "en"}
    return {
        "version": VERSION,
        "bot": bot,
        "people": people,
        "assets": [dict(asset) for asset in _ASSETS],
        # The owner lends the bot what people are paid from before coins move between venue and wallet.
        "payments": [
            {"from": owner, "asset_id": asset_id, "amount": amount, "memo": "float"}
            for asset_id, amount in _FLOAT.items()
        ],
        "venue": {"accounts": [_account(VENUE_ACCOUNT, "binance", bot["user_id"])]},
        "gate": {"accounts": [_account(GATE_ACCOUNT, "gate", bot["user_id"])]},
    }


def _account(name: str, venue: str, bot_id: str) -> dict[str, Any]:
    return {
        "name": name,
        "venue": venue,
        "api_key": secrets.token_hex(32),
        "secret": secrets.token_hex(32),
        "balances": dict(_VENUE_BALANCES),
        **_way_out(bot_id),
    }


def _way_out(bot_id: str) -> dict[str, Any]:
    """Return the key that withdraws from a venue account, and where to: to the bot's own addresses alone."""
    owner = f"mixin {members_hash([bot_id])}"
    return {
        "withdrawal_key": {"api_key": secrets.token_hex(32), "secret": secrets.token_hex(32)},
        "withdrawal_addresses": [
            {"network": network.name, "address": network.address_of(owner)} for network in (BITCOIN, ETHEREUM)
        ],
    }


Venues = Mapping[str, dict[str, str]]
"""Which parts of the world the product trades at, and each one's addresses."""

_SPOKEN = {"binance": ("rest", "sapi", "ws", "ws_api"), "gate": ("gate", "gate_ws")}


def write_keys(world: World, directory: Path, venues: Venues) -> dict[str, str]:
    """Write what the product and test clients sign with, as an owner would have it; return paths by name."""
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    paths = {}
    named = [("bot", world["bot"]), *((each["name"].lower(), each) for each in world["people"])]
    if "stop" in world:
        named.append(("stop", world["stop"]))
    for name, someone in named:
        paths[name] = directory / f"{name}.json"
        write_private(paths[name], {field: someone[field] for field in _KEYSTORE})
    fields = ("name", "venue", "api_key", "secret", "withdrawal_key")
    accounts = [
        {
            **{field: account[field] for field in fields},
            "withdrawals": "by key",
            "rehearsal": True,
            "urls": {kind: urls[kind] for kind in _SPOKEN[account["venue"]]},
        }
        for part, urls in venues.items()
        for account in world[part]["accounts"]
    ]
    if len(venues) > 1:  # the chat offers each pair at one account
        for account, pair in zip(accounts, ("BTC/USDT", "ETH/USDT"), strict=True):
            account["pairs"] = [pair]
    paths["venues"] = directory / "venues.json"
    write_private(paths["venues"], accounts)
    paths["accounts"] = directory / "accounts.json"  # the same, once the keys are sealed
    keys = ("api_key", "secret", "withdrawal_key")
    bare = [{name: row[name] for name in row if name not in keys} for row in accounts]
    write_private(paths["accounts"], bare)
    return {name: str(path) for name, path in paths.items()}


def owner_of(world: World) -> str:
    """Return the user id of the instance's owner."""
    owner_id: str = next(person["user_id"] for person in world["people"] if person["name"] == "Owner")
    return owner_id


def write_private(path: Path, value: object) -> None:
    """Write JSON that only we may read, whole or not at all."""
    draft = path.with_name(f"{path.name}.new")
    draft.unlink(missing_ok=True)
    draft.touch(mode=0o600)
    with draft.open("w", encoding="utf-8") as file:
        json.dump(value, file, indent=2, ensure_ascii=False)
        file.write("\n")
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def _identity(name: str, number: str) -> dict[str, Any]:
    server = SigningKey.generate()
    user_id = str(uuid.uuid4())
    return {
        "user_id": user_id,
        "app_id": user_id,
        "identity_number": number,
        "name": name,
        "session_id": str(uuid.uuid4()),
        "session_private_key": secrets.token_hex(32),
        "server_public_key": server.verify_key.encode().hex(),
        "server_private_key": server.encode().hex(),
        "spend_private_key": secrets.token_hex(32),
    }


def _read(path: Path) -> World:
    try:
        world: World = json.loads(path.read_text(encoding="utf-8"))
        version = world["version"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CannotStart(
            f"{path} cannot be read ({type(error).__name__}). Move {path.parent} away to begin a new world."
        ) from error
    if version != VERSION:
        raise CannotStart(
            f"The world in {path} has form {version}, and this release knows form {VERSION}. "
            f"Move {path.parent} away to begin a new world, or run the release that made it."
        )
    return world
