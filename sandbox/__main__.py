"""Start MrMarket with everything it needs on this machine: ``make run``, or ``python -m sandbox``."""

import argparse
import math
import sys
import time
from pathlib import Path
from typing import NoReturn

from sandbox.children import CannotStart
from sandbox.parts import ROOT
from sandbox.runfile import AlreadyRunning, StateDirectory
from sandbox.stage import Options, Stage
from sandbox.supervisor import StopAsked, stop_on_signals
from sandbox.venue.model import FEES
from sandbox.venue.pacing import speed_of


def parse(arguments: list[str] | None = None) -> Options:
    """Return what was asked for on the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m sandbox",
        description="Start MrMarket with a Mixin, an exchange, a Postgres and a Redis of its own, for play.",
    )
    parser.add_argument("--state", type=Path, default=ROOT / ".sandbox", help="directory all state lies in")
    parser.add_argument(
        "--port",
        type=int,
        help="port of the chat page (default: 8700 if it is free); 0: free ones for everything",
    )
    parser.add_argument("--replay", type=Path, metavar="FILE", help="recording that drives the market")
    parser.add_argument(
        "--pace", choices=("market", "lockstep"), default="market", help="pace of the recording"
    )
    parser.add_argument("--speed", help="of the recording: 1, 10x; in lockstep full, which is usual there")
    parser.add_argument("--fees", choices=sorted(FEES), help="the exchange's fee profile")
    parser.add_argument(
        "--venues", choices=("binance", "gate", "both"), default="binance", help="which exchanges there are"
    )
    parser.add_argument(
        "--listener", action="store_true", help="also run the listener of STOP, with a bot account of its own"
    )
    options = parser.parse_args(arguments)
    if options.replay and not options.replay.is_file():
        parser.error(f"there is no recording {options.replay}")
    if options.pace == "lockstep" and not options.replay:
        parser.error("--pace lockstep needs a recording: --replay FILE")
    if options.speed and not options.replay:
        parser.error("--speed needs a recording: --replay FILE")
    if options.venues == "both" and options.pace == "lockstep":
        parser.error("--pace lockstep goes by one clock: --venues binance or gate")
    options.speed = options.speed or ""
    try:
        is_full = bool(options.speed) and speed_of(options.speed) == math.inf
    except ValueError:
        parser.error(f"--speed {options.speed}: say 1, 10x or full")
    if is_full and options.pace != "lockstep":
        parser.error("--speed full needs --pace lockstep")
    if options.replay:
        options.replay = options.replay.resolve()
    options.state = options.state.resolve()
    return Options(**vars(options))


def say(what: str) -> None:
    """Tell the person at the console something, at once."""
    print(f"  {what}", flush=True)


def run(options: Options, stage: type[Stage] = Stage) -> int:
    """Run until stopped; return the exit code."""
    directory = StateDirectory(options.state)
    stop_on_signals()
    try:
        directory.take()
        play(stage(options, directory, say))
    except StopAsked:
        print(f"Stopped. What happened is kept in {options.state}.", flush=True)
        return 0
    except AlreadyRunning as other:
        where = f"open {other.facts['urls']['chat']}" if other.facts else "it is still starting"
        print(f"MrMarket is already running from {options.state}: {where}")
        return 0
    except CannotStart as error:
        print(f"MrMarket could not start. {error}", file=sys.stderr)
        return 1
    finally:
        directory.leave()


def play(stage: Stage) -> NoReturn:
    """Set the stage and look after it until asked to stop."""
    began = time.monotonic()
    print("MrMarket is starting. All of it is on this machine, and all money is play money.", flush=True)
    try:
        chat = stage.set()
        say(f"owner's page {stage.facts()['urls']['web']} · logs {stage.logs} · Ctrl-C stops")
        if "stop_chat" in (urls := stage.facts()["urls"]):
            say(f"as Owner, say STOP · 以 Owner 身份说“停”: {urls['stop_chat']}")
        took = time.monotonic() - began
        print(f"MrMarket is ready · 已就绪 ({took:.1f} s). Open the chat · 打开聊天: {chat}", flush=True)
        stage.supervisor.watch()
    finally:
        stage.supervisor.stop()


if __name__ == "__main__":
    raise SystemExit(run(parse()))
