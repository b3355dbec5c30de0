"""What goes wrong in the simulated day: each for a while, each by itself, one a minute on average."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from tests.simulation.day.process import Weather

if TYPE_CHECKING:
    from tests.simulation.day.day import Day, Post

Fault = Callable[["Day", random.Random], Awaitable[None]]


def _some(dice: random.Random, day: "Day") -> "Post":
    return dice.choice(day.posts)


async def worker_dies(day: "Day", dice: random.Random) -> None:
    """Kill a worker; mostly it is started again at once, now and then nobody looks for minutes."""
    await _some(dice, day).dies(dice.uniform(60, 240) if dice.random() < 0.1 else dice.uniform(0.2, 5))


async def all_workers_die(day: "Day", dice: random.Random) -> None:
    """Cut the power of the machine where the workers are."""
    rest_s = dice.uniform(1, 40)
    await asyncio.gather(*(post.dies(rest_s + n) for n, post in enumerate(day.posts)))


async def worker_freezes(day: "Day", dice: random.Random) -> None:
    """Stop a worker where it is, and let it go on as if nothing had been: often after others took over."""
    await _some(dice, day).freezes(dice.choice([dice.uniform(0.1, 8), dice.uniform(8, 60)]))


async def worker_freezes_at_the_socket(day: "Day", dice: random.Random) -> None:
    """Stop a worker between its last look at the lease and the first byte of an order."""
    await _some(dice, day).freezes(dice.uniform(3, 40), waits_s=120)


async def worker_is_deployed(day: "Day", dice: random.Random) -> None:
    """Let a worker end in order, and another release begin."""
    await _some(dice, day).is_deployed(dice.uniform(0.5, 8))


async def bot_dies(day: "Day", dice: random.Random) -> None:
    """Kill the process that people talk to."""
    await day.bot_dies(dice.uniform(0.2, 20))


async def angel_dies(day: "Day", dice: random.Random) -> None:
    """Kill the Angel; it is started again soon."""
    await day.angel.dies(dice.uniform(0.5, 20))


async def angel_freezes(day: "Day", dice: random.Random) -> None:
    """Stop the Angel where it is, and let it go on as if nothing had been."""
    await day.angel.freezes(dice.uniform(1, 60))


async def somebody_is_cut_off(day: "Day", dice: random.Random) -> None:
    """Let a worker or the Angel not reach the database, which answers everybody else."""
    process = dice.choice([*day.posts, day.angel]).process
    if process:
        process.cut_off = True
        await asyncio.sleep(dice.uniform(2, 60))
        process.cut_off = False


async def worker_reaches_no_venue(day: "Day", dice: random.Random) -> None:
    """Let a worker not reach a venue that answers others."""
    process = _some(dice, day).process
    if process:
        account = dice.choice(list(day.instance.venues))
        process.blind.add(account)
        await asyncio.sleep(dice.uniform(20, 400))
        process.blind.discard(account)


async def clock_is_wrong(day: "Day", dice: random.Random) -> None:
    """Let a worker's clock be wrong for a while."""
    process = _some(dice, day).process
    if process:
        process.clock.wrong_by_s = dice.choice([-1, 1]) * dice.uniform(0.2, 1.5)
        await asyncio.sleep(dice.uniform(20, 120))
        process.clock.wrong_by_s = 0.0


async def _for_a_while(weather: Weather, for_s: float) -> None:
    await asyncio.sleep(for_s)
    weather.clear()


async def venue_loses(day: "Day", dice: random.Random) -> None:
    """Lose requests to a venue, and answers."""
    weather = dice.choice(list(day.instance.venues.values())).weather
    weather.drop_request, weather.drop_answer = dice.uniform(0, 0.2), dice.uniform(0, 0.3)
    await _for_a_while(weather, dice.uniform(10, 90))


async def venue_is_slow(day: "Day", dice: random.Random) -> None:
    """Let a venue's answers take seconds."""
    weather = dice.choice(list(day.instance.venues.values())).weather
    weather.slower_s = dice.uniform(0.5, 5)
    await _for_a_while(weather, dice.uniform(10, 60))


async def venue_is_away(day: "Day", dice: random.Random) -> None:
    """Let nobody reach a venue."""
    weather = dice.choice(list(day.instance.venues.values())).weather
    weather.away = True
    await _for_a_while(weather, dice.uniform(2, 120))


async def venue_clock_is_wrong(day: "Day", dice: random.Random) -> None:
    """Let a venue's clock be seconds off."""
    venue = dice.choice(list(day.instance.venues.values()))
    venue.skew_s = dice.choice([-1, 1]) * dice.uniform(1.2, 5)
    await asyncio.sleep(dice.uniform(30, 180))
    venue.skew_s = 0.0


async def database_loses(day: "Day", dice: random.Random) -> None:
    """Lose commits, and the answers to commits."""
    weather = day.instance.database
    weather.drop_request, weather.drop_answer = dice.uniform(0, 0.1), dice.uniform(0, 0.1)
    await _for_a_while(weather, dice.uniform(5, 30))


async def database_is_slow(day: "Day", dice: random.Random) -> None:
    """Let commits and leases take up to seconds."""
    day.instance.database.slower_s = dice.uniform(0.1, 3)
    await _for_a_while(day.instance.database, dice.uniform(5, 30))


async def database_is_away(day: "Day", dice: random.Random) -> None:
    """Let nobody reach the database: for seconds mostly, once in a while for ten minutes."""
    day.instance.database.away = True
    await _for_a_while(day.instance.database, 600 if dice.random() < 0.03 else dice.uniform(1, 25))


async def mixin_loses(day: "Day", dice: random.Random) -> None:
    """Lose calls to Mixin, and answers."""
    weather = day.instance.mixin
    weather.drop_request, weather.drop_answer = dice.uniform(0, 0.3), dice.uniform(0, 0.3)
    await _for_a_while(weather, dice.uniform(10, 120))


async def mixin_is_away(day: "Day", dice: random.Random) -> None:
    """Let nobody reach Mixin."""
    day.instance.mixin.away = True
    await _for_a_while(day.instance.mixin, dice.uniform(5, 180))


FAULTS: tuple[tuple[Fault, int], ...] = (
    (worker_dies, 6),
    (all_workers_die, 1),
    (worker_freezes, 5),
    (worker_freezes_at_the_socket, 3),
    (worker_is_deployed, 2),
    (bot_dies, 2),
    (angel_dies, 2),
    (angel_freezes, 2),
    (somebody_is_cut_off, 3),
    (clock_is_wrong, 2),
    (worker_reaches_no_venue, 3),
    (venue_loses, 5),
    (venue_is_slow, 3),
    (venue_is_away, 4),
    (venue_clock_is_wrong, 2),
    (database_loses, 3),
    (database_is_slow, 2),
    (database_is_away, 2),
    (mixin_loses, 3),
    (mixin_is_away, 2),
)
"""Every fault with its weight."""
