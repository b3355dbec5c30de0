"""A small CoinGecko on a socket: it says what the test says, and remembers what it was asked."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web


@dataclass
class Gecko:
    """What it answers next, and the questions so far."""

    url: str = ""
    body: str = ""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    asked: list[web.Request] = field(default_factory=list)

    async def answer(self, request: web.Request) -> web.Response:
        self.asked.append(request)
        return web.Response(text=self.body, status=self.status, headers=self.headers)


def row(price: str, change: str = "-1.25", at: float | None = None) -> str:
    """Return one coin's row as CoinGecko writes it."""
    at = time.time() if at is None else at
    return f'{{"usd": {price}, "usd_24h_change": {change}, "last_updated_at": {int(at)}}}'


@asynccontextmanager
async def coingecko() -> AsyncIterator[Gecko]:
    """Run one that knows bitcoin and tether."""
    gecko = Gecko(body=f'{{"bitcoin": {row("60000")}, "tether": {row("1.0")}, "other": {row("7")}}}')
    app = web.Application()
    app.router.add_get("/api/v3/simple/price", gecko.answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    gecko.url = f"http://127.0.0.1:{runner.addresses[0][1]}/api/v3"
    try:
        yield gecko
    finally:
        await runner.cleanup()
