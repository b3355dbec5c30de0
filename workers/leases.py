"""The loop that keeps the leases of this process; it begins first and ends last."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog

from domain.services.lease_keeping import LeaseKeeper
from workers.loops import Loop

NAME = "leases"
EVERY_S = 0.5
"""How soon a failed renewal is tried again, and what others gave back is taken."""

log = structlog.get_logger(__name__)


@asynccontextmanager
async def keeping(keeper: LeaseKeeper) -> AsyncIterator[None]:
    """Keep leases while the body runs, then give them back, so that another process takes over at once."""
    over = asyncio.Event()
    loop = Loop(NAME, EVERY_S, keeper.round, keeper.clock)
    running = asyncio.create_task(loop.run(over), name=NAME)
    try:
        yield
    finally:
        over.set()
        await running
        log.info("leases given back", said=await keeper.give_back())
