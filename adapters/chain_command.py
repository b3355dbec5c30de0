"""Look at the chain of transfers from outside: ``python -m adapters.chain_command head`` or ``verify``.

Needs ``MRMARKET_DATABASE_URL`` and a right to read. Exit code 0: whole, 1: broken, 2: could not look.
"""

import argparse
import asyncio
import os
import sys
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta

from adapters.db.chain import PostgresChain
from adapters.db.store import PostgresStore
from domain.errors import Unavailable
from domain.ledger.chain import START, Break, Fault, Head, breaks_after

_PAGE = 2_000
_SHOWN = 20
_LINKED_WITHIN = timedelta(minutes=1)


async def walk(chain: PostgresChain, noted: Head | None = None) -> AsyncIterator[tuple[Head, list[Break]]]:
    """Yield, page by page, how far the chain was read and what is wrong there; in the end, what has no place.

    ``noted`` is a head that was kept elsewhere: whoever rewrote the end of the chain cannot have changed it.
    """
    head = START
    while read := await chain.read(head.number, _PAGE):
        broken = breaks_after(head, read)
        head = read[-1][0].head
        yield head, broken
    if noted and await chain.hash_at(noted.number) != noted.hash:
        yield head, [Break(Fault.CHAIN_REWRITTEN, noted.number)]
    forgotten = await chain.forgotten(_LINKED_WITHIN, _SHOWN)
    yield head, [Break(Fault.TRANSFER_UNCHAINED, 0, transfer_id) for transfer_id in forgotten]


async def verify(chain: PostgresChain, noted: Head | None) -> int:
    """Say what is wrong with the chain, or that it is whole and where it ends; return the exit code."""
    head, found = START, 0
    async for reached, broken in walk(chain, noted):
        head = reached
        for each in broken[: max(0, _SHOWN - found)]:
            _say(str(each))
        found += len(broken)
    _say(f"{'broken' if found else 'whole'}: {head.number} links read, head {head}")
    return 1 if found else 0


async def tell_head(chain: PostgresChain) -> int:
    """Say the head: note it where nobody who can write the database can write."""
    _say(str(await chain.head()))
    return 0


def noted_head(text: str) -> Head:
    """Return a head as it was noted: ``number:hash``."""
    number, _, digest = text.partition(":")
    if not number.isdecimal() or len(digest) != len(START.hash):
        raise argparse.ArgumentTypeError("a head is NUMBER:HASH, as the command head says it")
    return Head(int(number), digest)


def arguments() -> argparse.ArgumentParser:
    """Return what may be asked."""
    parser = argparse.ArgumentParser(prog="python -m adapters.chain_command", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("head", help="say number and hash of the newest link")
    verifying = commands.add_parser("verify", help="read the whole chain and say what is wrong with it")
    verifying.add_argument("noted", nargs="?", type=noted_head, help="a head noted earlier, NUMBER:HASH")
    return parser


async def answer(dsn: str, asked: argparse.Namespace) -> int:
    """Look, and return the exit code."""
    async with PostgresStore(dsn, connections=1) as store:
        chain = PostgresChain(store)
        return await (verify(chain, asked.noted) if asked.command == "verify" else tell_head(chain))


def main(argv: Sequence[str] | None = None) -> int:
    """Do what the command line asks and return the exit code."""
    asked = arguments().parse_args(argv)
    dsn = os.environ.get("MRMARKET_DATABASE_URL")
    if not dsn:
        sys.stderr.write("Set MRMARKET_DATABASE_URL to the database's address.\n")
        return 2
    try:
        return asyncio.run(answer(dsn, asked))
    except Unavailable as error:
        sys.stderr.write(f"The database does not answer: {error}\n")
        return 2


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")


if __name__ == "__main__":
    sys.exit(main())
