"""``mrmarket keys``: seals the instance's keys in the database, and looks after what opens them."""

import asyncio
import getpass
import json
import os
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from adapters.cli.command import CannotDo, Command
from adapters.db.secrets import PostgresSecrets
from adapters.db.store import PostgresStore
from adapters.exchange.account import VenueKey
from adapters.ids import RandomIds
from adapters.mixin.keystore import BadKeystore, Keystore, load_keystore, load_spend_key
from adapters.opening import key_source
from adapters.sealing.contents import BOT, open_keystore, pack_session, pack_spend_key
from adapters.sealing.envelope import CannotOpen, Kind
from adapters.sealing.keyring import KeySource, load_masters, meet_masters
from adapters.sealing.masters import (
    BadMasterKey,
    MasterKey,
    angel_file,
    bot_file,
    master_of,
    new_root,
    write_masters,
    write_parts,
)
from adapters.sealing.sealing import Sealing
from adapters.sealing.venue_keys import pack_angel_key, pack_venue_key
from adapters.settings import load_settings, venue_key_in
from domain.secrets import Secret

KINDS = {"session": Kind.SESSION_KEY, "spend": Kind.SPEND_KEY, "venue": Kind.VENUE_KEY}
"""What people call the kinds."""


@dataclass(frozen=True, slots=True)
class Desk:
    """What the commands work with."""

    source: KeySource
    secrets: PostgresSecrets
    sealing: Sealing

    async def masters(self, *, may_be_new: bool = False) -> list[MasterKey]:
        """Return the master keys; a passphrase nobody met before is a misspelling, unless it may be new."""
        if may_be_new or self.source.key_file:
            return await meet_masters(self.source, self.secrets)
        return await load_masters(self.source, self.secrets)


def init(asked: Namespace) -> int:
    """Make a key file."""
    path: Path = asked.file
    if path.exists():
        raise CannotDo(f"{path} is there already. Whatever it opens would be lost with it: keep it.")
    _make_key_file(path)
    print(f"Made {path} for the workers, and {bot_file(path)} for the bot, which cannot move money with it,")
    print(f"and {angel_file(path)} for the Angel, which trades with it and pays out nothing.")
    print("Copy them to where backups of the database do not go: without them what is sealed is lost.")
    return 0


async def take_in(desk: Desk, asked: Namespace) -> list[str]:
    """Seal what stands in plain files."""
    keystore = load_keystore(asked.keystore, asked.spend_key)
    venues = _venue_keys(asked.venues) if asked.venues else {}
    masters = await desk.masters(may_be_new=not await desk.secrets.masters())
    if desk.source.key_file:
        write_parts(desk.source.key_file, masters)  # an older file may lack the Angel's
    await _refuse_another_bot(desk, keystore)
    packed = [(Kind.SESSION_KEY, BOT, pack_session(keystore))]
    if keystore.spend_seed:
        packed.append((Kind.SPEND_KEY, BOT, pack_spend_key(keystore.spend_seed)))
    packed += [(Kind.VENUE_KEY, name, pack_venue_key(key)) for name, key in venues.items()]
    packed += [(Kind.ANGEL_KEY, name, pack_angel_key(key)) for name, key in venues.items()]
    said = [
        await desk.sealing.put(keystore.app_id, kind, name, value, masters) for kind, name, value in packed
    ]
    plain = [str(path) for path in (asked.keystore, asked.spend_key) if path]
    said.append(f"Now remove {' and '.join(plain)} from this machine.")
    if venues:
        said.append(f"Now take api_key, secret, passphrase and withdrawal_key out of {asked.venues}.")
    return said


async def tell(desk: Desk, _: Namespace) -> list[str]:
    """Tell what is sealed, never what it is."""
    rows = [
        (
            kept.sealed.label.kind,
            kept.sealed.label.name,
            str(kept.sealed.label.version),
            kept.sealed.kid,
            f"{kept.created_at:%Y-%m-%d %H:%M}",
            f"revoked {kept.revoked_at:%Y-%m-%d %H:%M}" if kept.revoked_at else "",
        )
        for kept in await desk.secrets.every()
    ]
    table = [("KIND", "NAME", "VERSION", "MASTER KEY", "SEALED (UTC)", ""), *rows]
    widths = [max(len(row[column]) for row in table) for column in range(len(table[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in table]
    counts = await desk.sealing.users_of()
    return [*(line.rstrip() for line in lines), *(f"{kid} wraps {count}" for kid, count in counts.items())]


async def replace(desk: Desk, asked: Namespace) -> list[str]:
    """Seal another value in a key's place, as its next version."""
    kind, masters = KINDS[asked.kind], await desk.masters()
    keystore = await open_keystore(desk.secrets, masters, spends=False)
    angels = []
    if kind is Kind.VENUE_KEY:
        key = _read_venue_key(asked.name, asked.file)
        value, packed = pack_venue_key(key), pack_angel_key(key)
        angels = [await desk.sealing.put(keystore.app_id, Kind.ANGEL_KEY, asked.name, packed, masters)]
    elif asked.file is None:
        raise CannotDo(f"Name the file with the new {kind}: --file FILE.")
    elif kind is Kind.SPEND_KEY:
        value = pack_spend_key(load_spend_key(asked.file))
    else:
        value = pack_session(load_keystore(asked.file))
    name = asked.name if kind is Kind.VENUE_KEY else BOT
    said = await desk.sealing.put(keystore.app_id, kind, name, value, masters)
    return [
        said,
        *angels,
        "Restart the workers (and the bot, for its session). When all is well, delete the old key where it",
        f"was made, and run mrmarket keys revoke {asked.kind} {name} VERSION for the old version.",
    ]


async def revoke(desk: Desk, asked: Namespace) -> list[str]:
    """Let an old version count no more."""
    name = asked.name if KINDS[asked.kind] is Kind.VENUE_KEY else BOT
    return [await desk.sealing.revoke(KINDS[asked.kind], name, asked.version)]


async def rotate(desk: Desk, _: Namespace) -> list[str]:
    """Wrap everything with a new master key, row by row; an interrupted rotation goes on."""
    if desk.source.key_file:
        masters = await desk.sealing.begin_rotation(desk.source.key_file)
    else:
        masters = await desk.masters(may_be_new=True)
    said = [line async for line in desk.sealing.rotate(masters)]
    counts = await desk.sealing.users_of()
    for kid, count in counts.items():
        if kid == masters[0].kid:
            said.append(f"{kid} is the present master key and wraps {count}.")
        elif count:
            said.append(f"{kid} still wraps {count}: give it too, and rotate again.")
        else:
            said.append(f"{kid} wraps nothing any more: mrmarket keys retire takes it away.")
    if len(masters) == 1 and not desk.source.key_file:
        said.append(
            "To change the passphrase, put the new one on a line above the old one, and rotate again."
        )
    return said


async def retire(desk: Desk, _: Namespace) -> list[str]:
    """Take away master keys that wrap nothing any more."""
    masters = await desk.masters()
    said = [f"{kid} is retired." for kid in await desk.sealing.retire(masters[0].kid)]
    if desk.source.key_file:
        dropped = await desk.sealing.drop_retired(desk.source.key_file)
        said += [f"{kid} is gone from {desk.source.key_file}." for kid in dropped]
    elif said:
        said.append("Now take its passphrase out of the file, wherever there is a copy.")
    in_use = [f"{kid} stays: it wraps {n}." for kid, n in (await desk.sealing.users_of()).items() if n]
    return [*(said or ["There is nothing to retire."]), *in_use]


@asynccontextmanager
async def desk_of(source: KeySource, dsn: Secret[str]) -> AsyncIterator[Desk]:
    """Open the tables of secrets."""
    async with PostgresStore(dsn.reveal(), connections=2) as store:
        secrets = PostgresSecrets(store)
        yield Desk(source, secrets, Sealing(store, secrets, RandomIds()))


Task = Callable[[Desk, Namespace], Awaitable[list[str]]]


def _on_the_database(task: Task) -> Callable[[Namespace], int]:
    def run(asked: Namespace) -> int:
        settings = load_settings(holds_keys=False)
        source = key_source(settings)
        if asked.ask:
            source = KeySource(ask=_ask_for_passphrases)
        elif source.key_file and getattr(asked, "make_key", False) and not source.key_file.exists():
            _make_key_file(source.key_file)
        owner = os.environ.get("MRMARKET_MIGRATE_DATABASE_URL")
        return asyncio.run(_do(task, asked, source, Secret(owner) if owner else settings.database_url))

    return run


async def _do(task: Task, asked: Namespace, source: KeySource, dsn: Secret[str]) -> int:
    try:
        async with desk_of(source, dsn) as desk:
            print("\n".join(await task(desk, asked)))
    except (BadMasterKey, BadKeystore, CannotOpen) as error:
        raise CannotDo(str(error)) from error
    except OSError as error:
        raise CannotDo(f"{error.filename} cannot be written: {error.strerror}.") from error
    return 0


def _ask_for_passphrases() -> list[Secret[str]]:
    print("Passphrases, the one in use first; an empty line ends.", file=sys.stderr)
    said = []
    while word := getpass.getpass("Master passphrase: "):
        said.append(Secret(word))
    return said


def _make_key_file(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_masters(path, [master_of(new_root())])


async def _refuse_another_bot(desk: Desk, keystore: Keystore) -> None:
    sealed = (await desk.secrets.current(Kind.SESSION_KEY)).get(BOT)
    if sealed and sealed.label.instance != keystore.app_id:
        raise CannotDo(
            "This database holds the keys of another bot: every instance has a database of its own."
        )


def _venue_keys(path: Path) -> dict[str, VenueKey]:
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))
        return {row["name"]: venue_key_in(row) for row in rows}
    except (OSError, ValueError, TypeError, KeyError) as error:
        form = '{"name", "venue", "api_key", "secret"}'
        raise CannotDo(f"{path} must be a JSON list of {form}: {type(error).__name__} {error}") from None


def _read_venue_key(name: str, path: Path | None) -> VenueKey:
    if path is not None:
        keys = _venue_keys(path)
        if name not in keys:
            raise CannotDo(f"{path} has no account {name}.")
        return keys[name]
    row: dict[str, object] = {"name": name, **_ask_for_key()}
    row["passphrase"] = getpass.getpass("Passphrase (empty: none): ")
    if (withdraws := _ask_for_key("Withdrawal "))["api_key"]:
        row["withdrawal_key"] = withdraws
    try:
        return venue_key_in(row)
    except ValueError as error:
        raise CannotDo(str(error)) from None


def _ask_for_key(what: str = "") -> dict[str, str]:
    """Ask for both parts of a key; without the first there is none, and withdrawals are made by hand."""
    api_key = getpass.getpass(f"{what}API key{' (empty: none)' if what else ''}: ")
    return {"api_key": api_key, "secret": getpass.getpass(f"{what}Secret: ") if api_key else ""}


def _arguments(parser: ArgumentParser) -> None:
    words = parser.add_subparsers(title="what to do", metavar="WHAT", required=True)
    made = words.add_parser("init", help="make a key file", description="Make a key file, once.")
    made.add_argument("file", type=Path)
    made.set_defaults(keys_run=init)
    for name, task, summary, more in _TASKS:
        part = words.add_parser(name, help=summary, description=summary)
        part.add_argument("--ask", action="store_true", help="ask for the master passphrase at the terminal")
        more(part)
        part.set_defaults(keys_run=_on_the_database(task))


def _import_arguments(part: ArgumentParser) -> None:
    part.add_argument(
        "--keystore", type=Path, required=True, help="the bot's keystore, as the dashboard gave it"
    )
    part.add_argument("--spend-key", type=Path, help="the spend key alone, when the keystore has it not")
    part.add_argument("--venues", type=Path, help="venue accounts with api_key and secret")
    part.add_argument("--make-key", action="store_true", help="make the key file first, if there is none")


def _replace_arguments(part: ArgumentParser) -> None:
    part.add_argument("kind", choices=KINDS)
    part.add_argument("name", help="the venue account's name, or bot")
    part.add_argument("--file", type=Path, help="where the new one stands (a venue key is asked for without)")


def _revoke_arguments(part: ArgumentParser) -> None:
    part.add_argument("kind", choices=KINDS)
    part.add_argument("name", help="the venue account's name, or bot")
    part.add_argument("version", type=int)


def _none(_: ArgumentParser) -> None:
    """Take no more arguments."""


_TASKS: tuple[tuple[str, Task, str, Callable[[ArgumentParser], None]], ...] = (
    ("import", take_in, "seal what stands in plain files", _import_arguments),
    ("list", tell, "tell what is sealed: names, versions, master keys", _none),
    ("replace", replace, "seal another value as a key's next version", _replace_arguments),
    ("revoke", revoke, "let an old version count no more", _revoke_arguments),
    ("rotate", rotate, "wrap everything with a new master key; goes on where it was interrupted", _none),
    ("retire", retire, "take away master keys that wrap nothing any more", _none),
)


def run(asked: Namespace) -> int:
    """Do what was asked with the keys."""
    code: int = asked.keys_run(asked)
    return code


COMMAND = Command(
    "keys", "seal the instance's keys, replace them, and rotate what opens them", run, _arguments
)
