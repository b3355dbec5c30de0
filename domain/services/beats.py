"""When runs are ticked: each in its own rhythm, and as soon as its market has moved beyond its tolerance.

One that could not see its market is ticked again soon: in its own rhythm it may look once an hour.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from domain.ids import RunId
from domain.market.model import Pair
from domain.market.news import Band, News, band_around, common_band
from domain.market.runs import Run
from domain.services.desk import Desk
from domain.services.fill_accounting import FillAccounting
from domain.services.run_settings import RunSettings
from domain.services.ticking import Due, Ticked, Ticking


@dataclass(slots=True)
class Beats:
    """Ticks the runs of one account that are due, many together, and waits for the next thing that is.

    Where the venue tells of our trades by itself, a tick waits for nothing: what is traded is booked when it
    is told. Else the wait ends with every tick that is due, and what was traded is read before it.
    """

    desk: Desk
    fills: FillAccounting
    settings: RunSettings
    ticking: Ticking
    pairs: Sequence[Pair] = ()
    """All on which something of ours may be traded."""
    next_s: float = float("inf")
    """By when the next thing is to be done, monotonic."""
    _of: dict[Pair, list[Run]] = field(default_factory=dict)
    _next: dict[tuple[RunId, int], int] = field(default_factory=dict)  # (run id, version) -> its next tick
    _at: dict[RunId, datetime] = field(default_factory=dict)  # the instant of that tick
    _mids: dict[RunId, float] = field(default_factory=dict)  # where each run's market was at its last tick
    _bands: dict[Pair, Band] = field(default_factory=dict)
    _rests_until: dict[Pair, float] = field(default_factory=dict)  # monotonic seconds
    _beat_s: float = float("-inf")  # when runs were last ticked by time while waiting
    _heard: set[Pair] = field(default_factory=set)  # where something was traded that nobody has read
    _moved: set[RunId] = field(default_factory=set)  # due because their market moved
    _again: dict[RunId, datetime] = field(default_factory=dict)  # when those look again that saw no market
    _ticked: Ticked = field(default_factory=Ticked)

    def keep(self, able: Sequence[Run], pairs: Iterable[Pair]) -> None:
        """Tick these runs from now on, and forget all others; set on which pairs we may trade."""
        self.pairs = sorted(set(pairs), key=str)
        versions, ids = {(run.id, run.config_version) for run in able}, {run.id for run in able}
        self._next = {key: tick for key, tick in self._next.items() if key in versions}
        self._mids = {run_id: mid for run_id, mid in self._mids.items() if run_id in ids}
        self._moved &= ids
        self._again = {run_id: at for run_id, at in self._again.items() if run_id in ids}
        self._of = {}
        for run in able:
            self._of.setdefault(run.pair, []).append(run)
        self._at = {run.id: self._tick_at(run) for run in able if run.anchored_at}
        self._bands = {}
        self._watch(self._of)

    async def due(self, now: datetime) -> list[Run]:
        """Return the runs whose tick is due; one seen for the first time gets its anchor."""
        if fresh := [run for runs in self._of.values() for run in runs if run.anchored_at is None]:
            await self.fills.begin([run.pair for run in fresh])
            async with self.desk.transaction(()):
                for run in fresh:
                    await self.desk.runs.anchor(run.id, now)
            for pair, runs in self._of.items():
                self._of[pair] = [run if run.anchored_at else run.anchored(now) for run in runs]
            self._at |= {run.id: now for run in fresh}
        return self._due(now)

    async def tick(self, due: Sequence[Run], now: datetime) -> None:
        """Tick runs, and note when each is due again and where its market stood."""
        if not due:
            return
        self._ticked += await self.ticking.tick([Due(run, self.settings.of(run)) for run in due])
        self._next.update(((run.id, run.config_version), self._tick_after(run, now)) for run in due)
        for run in due:
            self._moved.discard(run.id)
            self._again.pop(run.id, None)
            self._at[run.id] = self._tick_at(run)
            self._mids.pop(run.id, None)
            if run.pair in self.ticking.mids:
                self._mids[run.id] = self.ticking.mids[run.pair]
            else:
                self._again[run.id] = now + timedelta(seconds=self.desk.policy.blind_again_s)
        self._watch({run.pair for run in due})

    def hurry(self) -> None:
        """Tick every run in the next round: its orders may have gone while nobody could see to them."""
        self._moved |= {run.id for runs in self._of.values() for run in runs}

    async def wait(self, sweep_at: datetime | None) -> None:
        """Return when the next thing is due, when the venue has news, or after the longest wait."""
        if self.desk.exchange.tells:
            await self._tick_until(sweep_at)
        else:
            await self._wait_once(sweep_at)

    async def react(self) -> None:
        """Tick what has moved by now, without waiting for anything.

        For those who do much, one after the other: call it where nothing that was read is used afterwards.
        """
        if self.desk.exchange.tells and self._steady:
            await self._listen(0)

    def take_heard(self) -> set[Pair]:
        """Return the pairs on which something may have been traded since this was asked last."""
        heard, self._heard = self._heard, set()
        return heard

    def take_ticked(self) -> Ticked:
        """Return what was ticked since this was asked last."""
        ticked, self._ticked = self._ticked, Ticked()
        return ticked

    async def _tick_until(self, sweep_at: datetime | None) -> None:
        """Tick what moves and what is due, many at a time, until a whole round is."""
        desk = self.desk
        over_s = desk.clock.monotonic() + desk.policy.longest_wait_s
        while self._steady and not self._heard:
            now, now_s = await desk.market.now(), desk.clock.monotonic()
            until = min((*self._at.values(), *([sweep_at] if sweep_at else ())), default=now)
            self.next_s = now_s + (until - now).total_seconds()
            if now_s >= over_s or (sweep_at and now >= sweep_at):
                break
            beat_in_s = self._beat_s + desk.policy.beat_s - now_s
            if beat_in_s <= 0 and (due := self._due(now)):
                self._beat_s = now_s
                await self.tick(due, now)
                continue
            # what was written is read again now, and not when the next market moves
            await desk.sight.look(run for runs in self._of.values() for run in runs)
            resting_s = [until_s for until_s in self._rests_until.values() if until_s > now_s]
            ends = (
                max((until - now).total_seconds(), beat_in_s),
                over_s - now_s,
                min(resting_s, default=over_s),
            )
            await self._listen(max(0.0, min(ends)))

    async def _wait_once(self, sweep_at: datetime | None) -> None:
        """Wait where the venue may tell nothing, or the market has a time of its own."""
        desk, policy = self.desk, self.desk.policy
        now = await desk.market.now()
        until = min((*self._at.values(), *([sweep_at] if sweep_at else ())), default=now)
        left_s = (until - now).total_seconds()
        self.next_s = desk.clock.monotonic() + left_s
        timeout_s = min(policy.longest_wait_s, max(0.0, left_s))
        if timeout_s == 0:
            return
        began_s = desk.clock.monotonic()
        news = await desk.exchange.wait_for_news(self.pairs, timeout_s, self._awake(began_s))
        self._heard |= news.ours
        self._moved |= {run.id for run in self._beyond(news)}
        if news or desk.clock.monotonic() - began_s >= timeout_s / 2:
            return
        try:  # the venue gives no news: wait by the market's own time
            async with asyncio.timeout(policy.longest_wait_s):
                await desk.market.sleep_until(until)
        except TimeoutError:
            return

    async def _listen(self, timeout_s: float) -> None:
        """Wait for news and tick the runs whose market has moved; where we traded, that is read first."""
        now_s = self.desk.clock.monotonic()
        news = await self.desk.exchange.wait_for_news(self.pairs, timeout_s, self._awake(now_s))
        self._heard |= news.ours
        beyond = self._beyond(news)
        self._moved |= {run.id for run in beyond if run.pair in self._heard}
        now_due = [run for run in beyond if run.pair not in self._heard]
        if now_due and self._steady:
            await self.tick(now_due, await self.desk.market.now())

    def _beyond(self, news: News) -> list[Run]:
        """Return the runs whose market has moved beyond their tolerance; their pairs have a rest after it."""
        beyond = []
        rests_until = self.desk.clock.monotonic() + self.desk.policy.react_pause_s
        for pair, mid in news.moved.items():
            self._rests_until[pair] = rests_until
            beyond += [run for run in self._of.get(pair, ()) if not self._is_calm(run, mid)]
        return beyond

    def _is_calm(self, run: Run, mid: float) -> bool:
        last = self._mids.get(run.id)
        return last is None or band_around(last, self.settings.of(run).tolerance_bps).holds(mid)

    def _awake(self, now_s: float) -> Mapping[Pair, Band]:
        """Return the bands of the pairs whose runs have not been ticked for a move just now."""
        return {pair: b for pair, b in self._bands.items() if self._rests_until.get(pair, now_s) <= now_s}

    def _watch(self, pairs: Iterable[Pair]) -> None:
        for pair in pairs:
            bands = [
                band_around(self._mids[run.id], self.settings.of(run).tolerance_bps)
                for run in self._of.get(pair, ())
                if run.id in self._mids
            ]
            self._bands.pop(pair, None)
            if bands:
                self._bands[pair] = common_band(bands)

    @property
    def _steady(self) -> bool:
        """Tell whether this worker still acts under the epoch in which it learned what it knows."""
        grip = self.desk.grip
        return grip.held and not grip.leaving and grip.epoch == self.desk.epoch

    def _due(self, now: datetime) -> list[Run]:
        runs = [run for runs in self._of.values() for run in runs]
        at, again = self._at, self._again
        return [
            run
            for run in runs
            if run.id in self._moved or at[run.id] <= now or (run.id in again and again[run.id] <= now)
        ]

    def _tick_at(self, run: Run) -> datetime:
        """Return when a run's next tick is due: anchor plus whole refresh times; at once in a new version."""
        assert run.anchored_at is not None
        passed = self._next.get((run.id, run.config_version), 0)
        return run.anchored_at + timedelta(seconds=passed * self.settings.of(run).refresh_s)

    def _tick_after(self, run: Run, now: datetime) -> int:
        assert run.anchored_at is not None
        return int((now - run.anchored_at) // timedelta(seconds=self.settings.of(run).refresh_s)) + 1
