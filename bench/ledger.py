"""Posted transfers per second: through the ledger's port, as a ratio to the bare SQL function.

``python bench/ledger.py`` starts a throw-away cluster with production's durability. Both sides post
deposits by turns into the same database; the bare side calls ``post_transfers`` over asyncpg with
arguments made beforehand.
"""

import asyncio
import itertools
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import asyncpg

sys.path.insert(0, str(Path(__file__).parents[1]))

from adapters.db.config import connection_of
from adapters.db.ledger import PostgresLedger, post_call
from adapters.db.migrate import migrate
from adapters.db.store import PostgresStore
from domain.ids import AssetId, UserId
from domain.ledger.model import Cause, Posting, Transfer, available, mixin
from domain.money import Coin, Token
from sandbox.postgres import create_database, start_postgres

TOKENS = [Token(AssetId(f"token-{number}"), Coin("USDT"), f"Network {number}") for number in range(64)]
PEOPLE = [UserId(f"person-{number}") for number in range(1000)]
ROUNDS = 6
_numbers = itertools.count()


def transfers(many: int) -> list[Transfer]:
    """Return fresh deposits, spread over wallets so that connections seldom wait for one another."""
    made = []
    for number in itertools.islice(_numbers, many):
        source = mixin(TOKENS[number % len(TOKENS)])
        posting = Posting(source, available(PEOPLE[number * 7 % len(PEOPLE)], Coin("USDT")), Decimal("1.5"))
        made.append(Transfer(Cause("bench", str(number)), (posting,)))
    return made


async def drain(work: Iterator[Callable[[], Awaitable[object]]], workers: int) -> float:
    """Return how many seconds so many workers need for all the work."""

    async def one() -> None:
        for deed in work:
            await deed()

    began = time.perf_counter()
    await asyncio.gather(*(one() for _ in range(workers)))
    return time.perf_counter() - began


class Bench:
    """One shape of load on both sides."""

    def __init__(self, ledger: PostgresLedger, bare: list[Any], workers: int, batch: int, many: int) -> None:
        self.ledger, self.bare = ledger, bare
        self.workers, self.batch, self.many = workers, batch, many

    def batches(self) -> list[list[Transfer]]:
        return [transfers(self.batch) for _ in range(self.many // self.batch)]

    async def through_port(self) -> float:
        """Return seconds through the port."""
        work = [partial(self.ledger.post_all, batch) for batch in self.batches()]
        return await drain(iter(work), self.workers)

    async def bare_function(self) -> float:
        """Return seconds of the SQL function alone."""
        calls = [post_call(batch) for batch in self.batches()]
        free = list(self.bare[: self.workers])

        async def call(sql: str, args: Sequence[object]) -> None:
            connection = free.pop()
            await connection.fetchval(sql, *args)
            free.append(connection)

        return await drain(iter([partial(call, *arguments) for arguments in calls]), self.workers)

    async def ratio(self) -> tuple[float, float, float]:
        """Return transfers per second of both, and their ratio, from the better half of all rounds."""
        port, bare = [], []
        for _ in range(ROUNDS):
            bare.append(await self.bare_function())
            port.append(await self.through_port())
        best = ROUNDS // 2
        port_rate, bare_rate = (self.many * best / sum(sorted(times)[:best]) for times in (port, bare))
        return port_rate, bare_rate, port_rate / bare_rate


async def measure(database_url: str) -> bool:
    """Print a line per shape; return whether every ratio reached its target."""
    await migrate(database_url)
    bare = [await asyncpg.connect(**connection_of(database_url)) for _ in range(8)]
    good = True
    async with PostgresStore(database_url, connections=8) as store:
        ledger = PostgresLedger(store)
        await ledger.post_all(transfers(2000))
        for workers, batch, many, target in ((1, 1, 1000, 0.7), (8, 1, 2000, 0.7), (1, 100, 4000, 0.5)):
            port_rate, bare_rate, ratio = await Bench(ledger, bare, workers, batch, many).ratio()
            good = good and ratio >= target
            print(
                f"ledger: {workers} connections, batches of {batch}: {port_rate:,.0f}/s, "
                f"bare {bare_rate:,.0f}/s, ratio {ratio:.2f} (target {target})"
            )
        assert await ledger.faults() == []
    for connection in bare:
        await connection.close()
    return good


def main() -> None:
    """Measure, and fail when a target was missed."""
    with tempfile.TemporaryDirectory() as state:
        server = start_postgres(Path(state), durable=True)
        try:
            good = asyncio.run(measure(create_database(server, "bench")))
        finally:
            server.stop()
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
