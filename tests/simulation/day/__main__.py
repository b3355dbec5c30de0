"""Live through a day by hand: ``python -m tests.simulation.day --seed 3 --hours 2 --people 6 --runs 24``."""

import argparse
import logging
import sys

import structlog

from tests.simulation.day.day import Size, live


def main() -> None:
    """Live, and print what the day came to."""
    reads = argparse.ArgumentParser(description=__doc__)
    reads.add_argument("--seed", type=int, default=1)
    reads.add_argument("--hours", type=float, default=24)
    reads.add_argument("--people", type=int, default=50)
    reads.add_argument("--runs", type=int, default=200)
    reads.add_argument("--workers", type=int, default=2)
    reads.add_argument("--fault-every-s", type=float, default=60.0, help="0: none, a control day")
    reads.add_argument("--refresh-s", type=int, nargs="+", default=(240, 300, 600, 900))
    reads.add_argument("--market-every-s", type=float, default=30.0)
    asked = reads.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    size = Size(
        3600 * asked.hours,
        asked.people,
        asked.runs,
        asked.workers,
        asked.fault_every_s,
        tuple(asked.refresh_s),
        asked.market_every_s,
    )
    verdict = live(size, asked.seed, lambda said: print(said, file=sys.stderr, flush=True))
    sys.stdout.write(f"{verdict.figures}\n{dict(verdict.happened)}\n{dict(verdict.did)}\n")
    sys.stdout.writelines(f"VIOLATION {each}\n" for each in verdict.violations)
    sys.exit(bool(verdict.violations))


if __name__ == "__main__":
    main()
