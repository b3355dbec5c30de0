"""People of the simulated day: they pay in, start, change, pause, stop and take out, at their own pace."""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING

from domain.errors import OutcomeUnknown, Refused, Unavailable
from domain.ids import UserId
from domain.market.model import Pair
from domain.market.runs import ACTIVE
from domain.money import Coin, plain, round_down
from domain.services.run_preview import NewRun
from tests.simulation.day.instance import TOKENS, USDT, Services

if TYPE_CHECKING:
    from tests.simulation.day.day import Day

EVERY_S = 1_200.0
"""How often a person does something, on average."""

_LATER = ("no: pair_not_offered", "no: insufficient_funds")


@dataclass
class Person:
    """Somebody with runs; ``paid_in`` is what they ever gave us, by coin."""

    number: int
    day: "Day"
    wants_runs: int
    dice: random.Random = field(init=False)
    paid_in: Counter[Coin] = field(default_factory=Counter)
    did: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        """Give them a name and a mind of their own."""
        self.user_id = UserId(f"00000000-0000-4000-8000-{self.number:012x}")
        self.dice = random.Random(f"person {self.number} {self.day.instance.seed}")

    def pays_in(self, coin: Coin, amount: Decimal) -> None:
        """Pay the bot; nobody can keep them from it."""
        wallet, clock = self.day.instance.wallet, self.day.instance.clock
        wallet.at = clock.now()
        wallet.pay_in(self.user_id, TOKENS[coin].asset_id, plain(amount))
        self.paid_in[coin] += amount  # type: ignore[assignment]  # a counter of decimals

    def brings(self) -> None:
        """Bring what one needs to begin."""
        self.pays_in(USDT, Decimal(1_000) * (self.wants_runs + 5))
        for venue in self.day.instance.venues.values():
            self.pays_in(venue.pair.base, self._worth(venue.pair, 2_500))

    async def live(self) -> None:
        """Start one's runs, and then do something now and then."""
        await asyncio.sleep(self.dice.uniform(5, 30))
        for _ in range(self.wants_runs):
            await self.insists(self.starts)
        while True:
            await asyncio.sleep(self.dice.expovariate(1 / EVERY_S))
            acts = [self.pays, self.changes, self.pauses, self.resumes, self.stops, self.withdraws]
            await self.tries(self.dice.choice(acts))
            await self.tries(self.fills_up)

    async def insists(self, act: Callable[[Services], Awaitable[str]]) -> None:
        """Try until it is done or refused for good."""
        for _ in range(40):
            if await self.tries(act):
                return
            await asyncio.sleep(10)

    async def tries(self, act: Callable[[Services], Awaitable[str]]) -> bool:
        """Ask the bot once; return whether it did it. It may die or say nothing meanwhile."""
        process, services = self.day.bot
        if not process.alive or process.frozen:
            return False
        said: list[str] = []

        async def ask() -> None:
            try:
                said.append(await act(services))
            except Refused as refusal:
                said.append(f"no: {refusal.code}")
            except (Unavailable, OutcomeUnknown):
                return
            except Exception as error:
                self.day.instance.unforeseen.append(f"{act.__name__}: {type(error).__name__}: {error}")

        asking = asyncio.create_task(ask())
        process.own(asking)
        await asyncio.wait({asking})
        self.did.update(said)
        return bool(said) and said[0] not in _LATER

    # What they do; each returns what it was.

    async def pays(self, _: Services) -> str:
        self.pays_in(USDT, Decimal(self.dice.randint(10, 2_000)))
        return "paid in"

    async def starts(self, services: Services) -> str:
        pair = self.dice.choice(self.day.instance.pairs)
        quote, worth = self.dice.randint(200, 900), self.dice.randint(200, 900)
        answers = {
            "half_spread_bps": str(self.dice.randint(3, 40)),
            "levels": self.dice.choice("123"),
            "step_bps": str(self.dice.randint(1, 15)),
            "refresh_s": str(self.dice.choice(self.day.size.refresh_s)),
            "tolerance_bps": str(self.dice.randint(0, 4)),
        }
        wanted = NewRun(pair, self._worth(pair, worth), Decimal(quote), preset="", answers=answers)
        request = (await services.trading.preview(self.user_id, wanted)).request
        token = await services.trading.confirm(self.user_id, request)
        await services.trading.start(request, self.user_id, token)
        return "started"

    async def fills_up(self, services: Services) -> str:
        """Start another run where one has been stopped."""
        going = [run for run in await services.trading.list(self.user_id) if run.state in ACTIVE]
        return await self.starts(services) if len(going) < self.wants_runs else "content"

    async def changes(self, services: Services) -> str:
        number = await self._one(services, "running", "paused")
        answers = {"half_spread_bps": str(self.dice.randint(3, 40)), "levels": self.dice.choice("123")}
        change = await services.changes.preview(self.user_id, number, answers)
        token = await services.changes.confirm(self.user_id, change)
        await services.changes.change(self.user_id, number, answers, token)
        return "changed"

    async def pauses(self, services: Services) -> str:
        await services.pauses.pause(self.user_id, await self._one(services, "running"))
        return "paused"

    async def resumes(self, services: Services) -> str:
        await services.pauses.resume(self.user_id, await self._one(services, "paused", "awaiting_user"))
        return "resumed"

    async def stops(self, services: Services) -> str:
        await services.trading.stop(
            self.user_id, await self._one(services, "running", "paused", "awaiting_user")
        )
        return "stopped"

    async def withdraws(self, services: Services) -> str:
        coin = self.dice.choice(list(TOKENS))
        asset_id = TOKENS[coin].asset_id
        everything = (await services.withdrawals.quote(self.user_id, asset_id, None)).amount
        some = round_down(everything * self.dice.randint(5, 40) / 100)
        quote = await services.withdrawals.quote(self.user_id, asset_id, some)
        token = await services.withdrawals.confirm(self.user_id, quote)
        await services.withdrawals.request(quote, self.user_id, token)
        return "withdrew"

    async def _one(self, services: Services, *states: str) -> int:
        runs = [run.number for run in await services.trading.list(self.user_id) if run.state in states]
        if not runs:
            raise Refused("has_none")
        return self.dice.choice(runs)

    def _worth(self, pair: Pair, dollars: int) -> Decimal:
        price = next(v.personality.price for v in self.day.instance.venues.values() if v.pair == pair)
        return (Decimal(dollars * 100) / price).quantize(Decimal("0.00001"))
