"""Start the emulator: ``python -m sandbox.mixin --state DIR --port P --world FILE``.

Prints one JSON line when it is up; SIGTERM or Ctrl-C stops it cleanly. State stays in DIR; of a world
file only the second bot is read when the state is not new.
"""

import argparse
import asyncio
import json
import logging
import os
import signal
import time
from pathlib import Path

from sandbox.mixin.core import genesis
from sandbox.mixin.core.world import Settings, World
from sandbox.mixin.server import listen
from sandbox.mixin.store import Store


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="sandbox.mixin", description="An offline Mixin on one port.")
    parser.add_argument("--state", type=Path, required=True, help="directory that keeps the state")
    parser.add_argument("--world", type=Path, required=True, help="JSON file with bot, people and assets")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0 takes any free one")
    parser.add_argument("--rails", default="", help="where the other side of the chains takes payments")
    parser.add_argument("--settle-ms", type=int, default=500, help="from signed to spent")
    return parser.parse_args()


def _world(store: Store, options: argparse.Namespace) -> World:
    settings = Settings(settle_ns=options.settle_ms * 1_000_000)
    world = World(store.state, time.time_ns, os.urandom, settings)
    facts = json.loads(options.world.read_text())
    with store.unit():
        if not len(store.state.users):
            genesis.begin(world, facts)
        genesis.ensure_stop_bot(world, facts)
    return world


async def _serve(options: argparse.Namespace) -> None:
    store = Store(options.state)
    world = _world(store, options)
    runner, urls = await listen(world, store, options.host, options.port, options.rails)
    print(json.dumps({"ready": True, "urls": urls}), flush=True)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stop.set)
    await stop.wait()
    await runner.cleanup()
    store.close()


def main() -> None:
    """Run until told to stop."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s mixin %(levelname)s %(message)s")
    asyncio.run(_serve(_options()))


if __name__ == "__main__":
    main()
