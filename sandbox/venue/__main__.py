"""Start the venue: `python -m sandbox.venue --state DIR --port P --world FILE`."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import logging
import signal
from pathlib import Path

from sandbox.venue.app import Options, serve


def parse(arguments: list[str] | None = None) -> Options:
    """Return what was asked for on the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m sandbox.venue", description="An exchange that speaks binance."
    )
    parser.add_argument("--state", type=Path, required=True, help="directory the venue remembers in")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument(
        "--world", type=Path, required=True, help='JSON file with {"venue": {"accounts": […]}}'
    )
    parser.add_argument("--replay", type=Path, help="recording that drives the market")
    parser.add_argument("--pace", choices=("market", "lockstep"), default="market")
    parser.add_argument("--fees", choices=("zero", "standard"), default="standard")
    parser.add_argument("--rails", default="", help="where the other side of the chains takes payments")
    parser.add_argument("--seed", type=int, default=1)
    return Options(**vars(parser.parse_args(arguments)))


async def main(options: Options) -> None:
    """Serve until told to stop."""
    stop = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    async with serve(options) as urls:
        print(json.dumps({"ready": True, "urls": urls}), flush=True)
        await stop.wait()


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s venue %(levelname)s %(message)s")
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(main(parse()))
