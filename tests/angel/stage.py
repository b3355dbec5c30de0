"""Two exchanges in this process, and beside it a worker and an Angel as processes of their own."""

import asyncio
import json
import os
import signal
import sys
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import aiohttp

from adapters.build import build_name, schema_version
from adapters.db.grants import Role
from adapters.db.leases import Claimant, PostgresLeases
from adapters.db.store import PostgresStore
from domain.ids import RunId, VenueAccountName
from domain.ledger.model import AccountKind, Cause, Posting, Transfer, own, venue
from domain.market.model import Pair
from domain.market.runs import Run, RunState
from domain.money import Coin
from domain.services.trading_strategy import funding
from domain.strategies.base import show
from domain.strategies.pure_market_making import TIGHT
from sandbox.venue.app import Options, serve
from tests.clocks import WallClock
from tests.domain.services.trading_world import World

ROOT = Path(__file__).parents[2]
PAIR = Pair.parse("BTC/USDT")
FLOAT = {"USDT": "200000", "BTC": "4"}
DELAY_MS = 50


@dataclass
class Stage:
    """Where everything is, and the processes that run."""

    store: PostgresStore
    admin: Any
    url_of: Callable[[Role], str]
    state: Path
    urls: dict[str, dict[str, str]]
    orders: int
    timing: dict[str, float]
    expiry_ms: int
    every_s: float
    http: aiohttp.ClientSession
    refused: int = 0  # tries of a worker that was not let in any more
    runs: dict[str, RunId] = field(default_factory=dict)
    processes: list[asyncio.subprocess.Process] = field(default_factory=list)
    _heard: list[asyncio.Task[None]] = field(default_factory=list)

    @property
    def accounts(self) -> list[dict[str, Any]]:
        return [
            {
                "name": f"mm-{venue}",
                "venue": venue,
                "api_key": "key-of-mm-1",
                "secret": "secret-of-mm-1",
                "urls": urls,
            }
            for venue, urls in self.urls.items()
        ]

    async def plant(self) -> None:
        """Open both accounts, and give each a run with coins."""
        for account in self.accounts:
            world = World(self.store, account=account["name"])
            await world.person(**{coin: str(Decimal(amount) / 4) for coin, amount in FLOAT.items()})
            name = VenueAccountName(account["name"])
            await world.accounts.register(name, account["venue"], 10)
            postings = tuple(
                Posting(venue(name, Coin(coin)), own(AccountKind.INVENTORY, Coin(coin)), Decimal(amount))
                for coin, amount in FLOAT.items()
            )
            await world.ledger.post(Transfer(Cause("opening", name), postings))
            await world.accounts.mark_opened(name)
            facts = (
                "pure_market_making",
                "",
                show(TIGHT),
                1,
                RunState.RUNNING,
                Decimal("0.2"),
                Decimal(10_000),
            )
            run = Run(RunId(str(uuid.uuid4())), 0, world.user, name, PAIR, *facts, WallClock().now())
            await world.ledger.post(funding(await world.runs.add(run)))
            self.runs[account["name"]] = run.id

    async def start_worker(self, holder: str) -> asyncio.subprocess.Process:
        """Start a worker, which waits for its accounts as long as the Angel has them."""
        file = self.state / f"{holder}.json"
        accounts = [{**account, "run": self.runs[account["name"]]} for account in self.accounts]
        facts = {
            "dsn": self.url_of(Role.WORKERS),
            "accounts": accounts,
            "timing": self.timing,
            "every_s": self.every_s,
        }
        file.write_text(
            json.dumps({**facts, "holder": holder, "orders": self.orders, "expiry_ms": self.expiry_ms})
        )
        return await self._start("-m", "tests.angel.main", str(file), log=holder, piped=True)

    async def at_work(self, worker: asyncio.subprocess.Process) -> None:
        """Let the runs go on, and return when all of a worker's orders rest."""
        assert worker.stdout is not None
        recovering = asyncio.create_task(self.recover())
        async with asyncio.timeout(120):
            while line := await worker.stdout.readline():
                if b"ready" in line:
                    break
            else:
                said = [file.read_text()[-3000:] for file in self.state.glob("worker-*.log")]
                raise AssertionError("\n".join(said))
        recovering.cancel()
        self.listens(worker)

    def listens(self, worker: asyncio.subprocess.Process) -> None:
        """Hear what a worker says from now on: one that nobody hears would stand still."""
        assert worker.stdout is not None
        self._heard.append(asyncio.create_task(self._listen(worker.stdout)))

    async def recover(self) -> None:
        """Let runs go on that were halted, as recovery does."""
        while True:
            for was, to in (("halted", "recovering"), ("recovering", "running")):
                await self.admin.execute("UPDATE runs SET state = $2 WHERE state = $1", was, to)
            await asyncio.sleep(0.5)

    async def give_back(self, holder: str) -> None:
        """Give back what a worker held, as it does itself when it ends in order."""
        leases = PostgresLeases(self.store, Claimant(holder, build_name(), schema_version()))
        held = {lease.scope: lease.epoch for lease in await leases.all() if lease.holder == holder}
        assert await leases.release(held) == set(held)

    async def ends(self, process: asyncio.subprocess.Process) -> int:
        """Return with which code a process ends by itself."""
        async with asyncio.timeout(60):
            return await process.wait()

    async def start_angel(self, *, looks: bool = True, **more: str) -> asyncio.subprocess.Process:
        """Start the Angel with more settings; return when it looks, if it is to."""
        venues = self.state / "venues.json"
        venues.write_text(json.dumps([{**a, "limits": {"price_band_bps": 9_900}} for a in self.accounts]))
        own = {
            "MRMARKET_DATABASE_URL": self.url_of(Role.ANGEL),
            "MRMARKET_VENUE_ACCOUNTS_FILE": str(venues),
            "MRMARKET_ANGEL_DIR": str(self.state / "angel"),
            "MRMARKET_REQUEST_EXPIRY_MS": str(self.expiry_ms),
            "MRMARKET_FAILSAFE": "cancel_only",
            "MRMARKET_LOG_FORMAT": "json",
            "MRMARKET_ENV_FILE": "",
            **{f"MRMARKET_LEASE_{name.upper()}": str(value) for name, value in self.timing.items()},
            **more,
        }
        angel = await self._start("-m", "angel", log="angel", env=own)
        if not looks:
            return angel
        async with asyncio.timeout(60):
            while "accounts answer" not in self.angels_log():
                assert angel.returncode is None, self.angels_log()[-3000:]
                await asyncio.sleep(0.1)
        return angel

    def angels_log(self) -> str:
        file = self.state / "angel.log"
        return file.read_text() if file.exists() else ""

    async def _start(
        self, *words: str, log: str, env: dict[str, str] | None = None, piped: bool = False
    ) -> asyncio.subprocess.Process:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("MRMARKET_")}
        with (self.state / f"{log}.log").open("ab") as output:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                *words,
                cwd=ROOT,
                env={**kept, "MRMARKET_BUILD": "tests", "NO_PROXY": "127.0.0.1,localhost", **(env or {})},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE if piped else output,
                stderr=output,
            )
        self.processes.append(process)
        return process

    async def resting(self) -> list[dict[str, Any]]:
        """Return our orders that rest, as the exchanges know them."""
        return [order for name in self.urls for order in (await self._books(name))["open_orders"]]

    async def until(self, done: Callable[[], Any], within_s: float, what: str) -> float:
        """Wait until something is so; return how long that took."""
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        while not await done():
            waited_s = loop.time() - began_s
            assert waited_s < within_s, f"{what}: not within {within_s} s\n{self.angels_log()[-4000:]}"
            await asyncio.sleep(0.05)
        return loop.time() - began_s

    async def is_clear(self) -> bool:
        return not await self.resting()

    async def times_safe(self) -> dict[str, int]:
        """Return how often each account was given back by the Angel."""
        count = "SELECT scope, count(*) AS n FROM angel_entries WHERE kind = 'safe' GROUP BY scope"
        return {row["scope"]: row["n"] for row in await self.admin.fetch(count)}

    async def was_safe(self, before: dict[str, int]) -> bool:
        """Tell whether every account was given back since."""
        now = await self.times_safe()
        return len(now) == len(self.urls) and all(n > before.get(scope, 0) for scope, n in now.items())

    async def is_taken(self) -> bool:
        states = await self.admin.fetch("SELECT state FROM leases WHERE scope LIKE 'venue:%'")
        return {row["state"] for row in states} <= {"angel", "released"}

    async def rest(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def now_ms(self) -> dict[str, int]:
        """Return what each exchange's clock shows."""
        return {name: (await self._books(name))["now_ms"] for name in self.urls}

    async def accepted_since(self, fence_ms: dict[str, int]) -> list[str]:
        """Return the exchanges that took an order of anybody of ours after an instant of theirs."""
        newest = {name: (await self._books(name))["newest_order_ms"] for name in self.urls}
        return [f"{name}: {newest[name] - at} ms" for name, at in fence_ms.items() if newest[name] > at]

    async def accepted(self) -> dict[str, list[str]]:
        """Return every order that was ever taken, by account, in the order in which they were."""
        taken = {}
        for name, urls in self.urls.items():
            async with self.http.get(urls["control"] + "/orders") as answer:
                names = [each["clientOrderId"] for each in await answer.json()]
            taken[f"mm-{name}"] = [each.removeprefix("t-") for each in names]  # gate wants that before names
        return taken

    async def intents(self) -> int:
        """Return how many orders of workers were ever written down."""
        count = "SELECT count(*) FROM order_intents WHERE NOT immediate"
        return int(await self.admin.fetchval(count))

    async def left_behind(self) -> list[str]:
        """Return what no worker of any later day would understand: orders without an end."""
        rows = await self.admin.fetch(
            "SELECT state, count(*) AS n FROM order_intents WHERE state IN ('open', 'partial') GROUP BY state"
        )
        return [f"{row['n']} {row['state']}" for row in rows]

    async def _listen(self, worker: asyncio.StreamReader) -> None:
        while line := await worker.readline():
            self.refused += b"epoch_lost" in line or b"lease_lost" in line

    async def _books(self, name: str) -> dict[str, Any]:
        async with self.http.get(self.urls[name]["control"] + "/books") as answer:
            books: dict[str, Any] = await answer.json()
        return books


@asynccontextmanager
async def open_stage(
    store: PostgresStore,
    admin: Any,
    url_of: Callable[[Role], str],
    state: Path,
    *,
    orders: int,
    timing: dict[str, float],
    expiry_ms: int,
    every_s: float,
) -> AsyncIterator[Stage]:
    """Open both exchanges and plant the runs; end every process that was started."""
    world = state / "world.json"
    account = {"name": "mm", "api_key": "key-of-mm-1", "secret": "secret-of-mm-1", "balances": FLOAT}
    world.write_text(json.dumps({"venue": {"accounts": [account]}}))
    async with (
        serve(Options(state / "binance", 0, world, seed=7)) as binance,
        serve(Options(state / "gate", 0, world, seed=8)) as gate,
        aiohttp.ClientSession() as http,
    ):
        urls = {"binance": binance, "gate": gate}
        how = (orders // 2, timing, expiry_ms, every_s)
        stage = Stage(store, admin, url_of, state, urls, *how, http=http)
        for each in urls.values():
            await http.post(each["control"] + "/faults", json={"delay_ms": DELAY_MS})
        await stage.plant()
        try:
            yield stage
        finally:
            for process in stage.processes:
                if process.returncode is None:
                    process.send_signal(signal.SIGKILL)
                await process.wait()
