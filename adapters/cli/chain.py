"""``mrmarket chain head`` and ``chain verify``: look at the chain of all transfers from outside.

Exit code 0: whole; 1: broken, or it could not be looked at.
"""

import argparse
import asyncio
import os
from collections.abc import AsyncIterator
from datetime import timedelta

from adapters.cli.command import Command
from adapters.db.chain import PostgresChain
from adapters.db.store import PostgresStore
from adapters.settings import load_settings
from domain.ledger.chain import START, Break, Fault, Head, breaks_after

_PAGE = 2_000
_SHOWN = 20
_LINKED_WITHIN = timedelta(minutes=1)


async def walk(
    chain: PostgresChain, noted: Head | None = None, *, at_rest: bool = False
) -> AsyncIterator[tuple[Head, list[Break]]]:
    """Yield, page by page, how far the chain was read and what is wrong there; in the end, what has no place.

    ``noted`` is a head that was kept elsewhere: whoever rewrote the end of the chain cannot have changed it.
    ``at_rest``: nobody has been linking since the newest transfer, as in a database just restored.
    """
    head = START
    while read := await chain.read(head.number, _PAGE):
        broken = breaks_after(head, read)
        head = read[-1][0].head
        yield head, broken
    if noted and await chain.hash_at(noted.number) != noted.hash:
        yield head, [Break(Fault.CHAIN_REWRITTEN, noted.number)]
    forgotten = await chain.forgotten(_LINKED_WITHIN, _SHOWN, at_rest=at_rest)
    yield head, [Break(Fault.TRANSFER_UNCHAINED, 0, transfer_id) for transfer_id in forgotten]


async def verify(chain: PostgresChain, noted: Head | None, *, at_rest: bool = False) -> int:
    """Say what is wrong with the chain, or that it is whole and where it ends; return the exit code."""
    head, found = START, 0
    async for reached, broken in walk(chain, noted, at_rest=at_rest):
        head = reached
        for each in broken[: max(0, _SHOWN - found)]:
            print(str(each))
        found += len(broken)
    print(f"{'broken' if found else 'whole'}: {head.number} links read, head {head}")
    return 1 if found else 0


async def tell_head(chain: PostgresChain) -> int:
    """Say the head: note it where nobody who can write the database can write."""
    print(str(await chain.head()))
    return 0


def noted_head(text: str) -> Head:
    """Return a head as it was noted: ``number:hash``."""
    number, _, digest = text.partition(":")
    if not number.isdecimal() or len(digest) != len(START.hash):
        raise argparse.ArgumentTypeError("a head is NUMBER:HASH, as `chain head` says it")
    return Head(int(number), digest)


def arguments(parser: argparse.ArgumentParser) -> None:
    """Take what may be asked."""
    questions = parser.add_subparsers(dest="question", metavar="QUESTION", required=True)
    questions.add_parser("head", help="say number and hash of the newest link")
    verifying = questions.add_parser("verify", help="read the whole chain and say what is wrong with it")
    verifying.add_argument(
        "noted", nargs="?", type=noted_head, metavar="NUMBER:HASH", help="a head noted earlier"
    )


async def answer(dsn: str, asked: argparse.Namespace) -> int:
    """Look, and return the exit code."""
    async with PostgresStore(dsn, connections=1) as store:
        chain = PostgresChain(store)
        return await (verify(chain, asked.noted) if asked.question == "verify" else tell_head(chain))


def run(asked: argparse.Namespace) -> int:
    """Answer the question. An auditor needs a database to read and no other setting."""
    dsn = os.environ.get("MRMARKET_DATABASE_URL") or load_settings(holds_keys=False).database_url.reveal()
    return asyncio.run(answer(dsn, asked))


COMMAND = Command("chain", "look whether booked transfers are as they were booked", run, arguments)
