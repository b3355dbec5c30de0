"""T8: two mains and two Angels, of which anybody goes at any instant and comes back at any other.

Each timing is a short day of its own: while runs trade and people take out, both mains go, each in a way and
at an instant of its own, and come back before their leases are over, while an Angel sweeps, or after it;
meanwhile the Angels die, freeze and are cut off too. ``TWO_OF_EACH`` says how many (200 by ``make chaos``).
"""

import asyncio
import os
import random
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime

import pytest

from domain.angel.entries import Deed, Entry
from domain.leases import WALLET, LeaseTiming, Scope
from domain.ports.leases import Lease
from tests.assurance import Assure
from tests.fakes.leases import FakeLeases
from tests.simulation.day.day import Day, Post, Size, Verdict
from tests.simulation.day.loop import VirtualLoop

TIMINGS = int(os.environ.get("TWO_OF_EACH", "3"))
FIRST = int(os.environ.get("TWO_OF_EACH_FIRST", "1"))

SIZE = Size(
    *(600, 2, 12, 2),
    fault_every_s=1,  # the story is the only one, and the day ends with it
    refresh_s=(3, 5),
    market_every_s=2,
    angels=2,
)
BEGUN_S = 45.0
"""After so long everybody's runs trade."""

WATCHED_EVERY_S = 0.1

SOMEBODY_FREEZES = 4
"""A timing in which a main is frozen for longer than its lease lasts, and wakes."""


class Story(Day):
    """A day that ends when everybody who went has come back, and the accounts had time to be cleared."""

    async def _faults(self) -> None:
        dice = random.Random(f"two of each {self.seed}")
        watching = asyncio.create_task(self._watches())
        await asyncio.sleep(BEGUN_S + dice.uniform(0, 5))
        goers = [self._main_goes(post, dice) for post in self.posts]
        goers += [self._angel_goes(post, dice) for post in self.angels]
        await asyncio.gather(*goers, self._people_take_out(dice))
        await asyncio.sleep(20)
        watching.cancel()

    async def _main_goes(self, post: Post, dice: random.Random) -> None:
        at_s, rest_s = dice.uniform(0, 10), dice.choice([dice.uniform(0.2, 8), dice.uniform(4, 30)])
        how = dice.choice(("dies", "freezes", "freezes at the socket", "is cut off", "ends"))
        await asyncio.sleep(at_s)
        self.happened[f"a main {how}"] += 1
        await self._goes(post, how, rest_s)
        early = self.instance.leases.angels or not post.process
        self.happened["returned while an Angel swept"] += bool(early)

    async def _angel_goes(self, post: Post, dice: random.Random) -> None:
        at_s, rest_s = dice.uniform(0, 30), dice.uniform(0.5, 20)
        how = dice.choice(("dies", "freezes", "is cut off", "stays"))
        await asyncio.sleep(at_s)
        self.happened[f"an Angel {how}"] += 1
        await self._goes(post, how, rest_s)

    async def _goes(self, post: Post, how: str, rest_s: float) -> None:
        if how == "dies":
            await post.dies(rest_s)
        elif how == "ends":
            await post.is_deployed(rest_s)
        elif how == "freezes":
            await post.freezes(rest_s)
        elif how == "freezes at the socket":
            await post.freezes(rest_s, waits_s=10)
        elif how == "is cut off" and post.process:
            post.process.cut_off = True
            await asyncio.sleep(rest_s)
            post.process.cut_off = False

    async def _people_take_out(self, dice: random.Random) -> None:
        """Let everybody take something out now and then: the wallet has two mains too."""
        for _ in range(4):
            await asyncio.sleep(dice.uniform(1, 8))
            for person in self.people:
                await person.tries(person.withdraws)

    async def _watches(self) -> None:
        while True:
            self.judge.watch()
            await asyncio.sleep(WATCHED_EVERY_S)


def closed_twice(entries: Iterable[Entry]) -> Iterator[str]:
    """Return what any Angel sent for a run though one had sent something since the account was last safe."""
    sent: defaultdict[str, set[str]] = defaultdict(set)
    for entry in entries:
        if entry.deed is Deed.SAFE:
            sent[entry.scope].clear()
        elif entry.deed is Deed.ORDER:
            run_id = entry.facts["run_id"]
            if run_id in sent[entry.scope]:
                yield f"{entry.angel} closed run {run_id} a second time"
            sent[entry.scope].add(run_id)


def lived(seed: int) -> tuple[Verdict, int]:
    """Live through one timing; return what it came to, and in how many epochs the wallet was held."""
    loop = VirtualLoop()

    async def story() -> tuple[Verdict, int]:
        day = Story(SIZE, seed)
        verdict = await day.live()
        done = [e for e, late, answer in day.instance.angels.entries.values() if answer.ours and not late]
        verdict.violations += closed_twice(done)
        return verdict, day.instance.leases.epochs()[WALLET]

    try:
        return loop.run_until_complete(story())
    finally:
        loop.close()


@pytest.mark.timeout(60 + 30 * TIMINGS)
def test_two_mains_and_two_angels_are_never_two_holders_and_send_nothing_twice(assure: Assure) -> None:
    happened: Counter[str] = Counter()
    figures: Counter[str] = Counter()
    for seed in range(FIRST, FIRST + TIMINGS):
        verdict, epochs = lived(seed)
        assert not verdict.violations, "\n".join(
            [f"TWO_OF_EACH=1 TWO_OF_EACH_FIRST={seed}: {dict(verdict.happened)}", *verdict.violations[:20]]
        )
        happened += verdict.happened
        figures.update({**verdict.figures, "wallet_epochs": epochs})
    kept = (
        "takeovers",
        "by_workers",
        "closed",
        "orders",
        "trades",
        "payouts",
        "late_orders",
        "wallet_epochs",
    )
    counted = {name: figures[name] for name in kept}
    sys.stdout.write(f"\nT8: {TIMINGS} timings: {counted}, {dict(happened)}\n")
    assure("T8", TIMINGS, 0, **counted)
    assert figures["takeovers"] + figures["by_workers"] >= TIMINGS
    assert happened["returned while an Angel swept"] >= TIMINGS // 10
    assert figures["wallet_epochs"] > TIMINGS, "the wallet had another holder too"
    assert figures["payouts"] >= TIMINGS


@pytest.mark.parametrize("planted", ["does not stop in time", "takes what is another's"])
def test_a_main_that_does_what_it_must_not_is_found(planted: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if planted == "does not stop in time":
        monkeypatch.setattr(LeaseTiming, "deadline_s", lambda self, asked_s: asked_s + 3 * self.ttl_s)
    else:
        monkeypatch.setattr(FakeLeases, "take", takes_everything)
    found = lived(SOMEBODY_FREEZES)[0].violations
    assert any("act for" in each for each in found), found


async def takes_everything(self: FakeLeases, scopes: Sequence[Scope], ttl_s: float) -> Mapping[Scope, int]:
    """Take leases whether they are somebody's or not."""
    table, took = self._table, {}
    for scope in scopes:
        took[scope] = table.epochs().get(scope, 0) + 1
        table.rows[scope] = Lease(scope, took[scope], self._holder, True)
        table.ttl_s[scope], table.renewed_s[scope] = ttl_s, table.clock.monotonic()
        table.ends_s[scope] = table.clock.monotonic() + ttl_s
    return took


def test_a_run_that_two_angels_close_is_found() -> None:
    def entry(deed: Deed, angel: str) -> Entry:
        at = datetime(2026, 3, 1, tzinfo=UTC)
        return Entry("", at, angel, Scope("venue:a"), 1, deed, {"run_id": "r"})

    first, again, safe = entry(Deed.ORDER, "a"), entry(Deed.ORDER, "b"), entry(Deed.SAFE, "b")
    assert list(closed_twice([first, again])) == ["b closed run r a second time"]
    assert list(closed_twice([first, safe, again])) == []
