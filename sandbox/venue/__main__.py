"""Start the venue: `python -m sandbox.venue --state DIR --port P --world FILE`."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import logging
import math
import signal
from dataclasses import replace
from pathlib import Path

from sandbox.venue.app import Options, serve
from sandbox.venue.model import FEES
from sandbox.venue.pacing import speed_of


def parse(arguments: list[str] | None = None) -> Options:
    """Return what was asked for on the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m sandbox.venue", description="An exchange that speaks binance and gate."
    )
    parser.add_argument("--state", type=Path, required=True, help="directory the venue remembers in")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument(
        "--world", type=Path, required=True, help='JSON file with {"venue": {"accounts": […]}}'
    )
    parser.add_argument("--name", default="venue", help="the part of the world file with this one's accounts")
    parser.add_argument("--replay", type=Path, help="recording that drives the market")
    parser.add_argument("--pace", choices=("market", "lockstep"), default="market")
    parser.add_argument("--speed", type=speed_of, default=0, help="of the recording: 1, 10x, full")
    parser.add_argument(
        "--fees", choices=sorted(FEES), default="standard", help="of accounts without their own"
    )
    parser.add_argument("--rails", default="", help="where the other side of the chains takes payments")
    parser.add_argument("--seed", type=int, default=1)
    options = Options(**vars(parser.parse_args(arguments)))
    if options.speed == math.inf and options.pace != "lockstep":
        parser.error(
            "--speed full needs --pace lockstep: a market that waits for nobody would be over at once"
        )
    return replace(options, speed=0) if options.speed == math.inf else options


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
