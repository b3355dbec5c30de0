"""The live page: told as it happens, from one look a second however many watch, until it is over."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from aiohttp import ClientError, ClientResponse
from aiohttp.web import Application

from domain.market.runs import RunState
from domain.services.live_runs import LiveRunService, view_of
from tests.webapp.own_world import ALICE, AT, BOB, RUN, Client, FakeLiveRuns, OwnWorld
from webapp import live
from webapp.ladder import rungs_of
from webapp.live import Sight, TooMany, Watching
from webapp.own_texts import OWN_EN

Dial = Callable[[Application], "asyncio.Future[Client]"]


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> OwnWorld:
    monkeypatch.setattr(live, "EVERY_S", 0.02)
    return OwnWorld()


@pytest.fixture
async def watching() -> AsyncIterator[tuple[Watching, FakeLiveRuns]]:
    runs = FakeLiveRuns()
    watching = Watching(LiveRunService(runs).look, every_s=0.01, most=8)
    yield watching, runs
    await watching.close()


async def event(stream: ClientResponse) -> tuple[str, str]:
    """Return the next event of a stream: its name and its text; comments are passed over."""
    while True:
        text = (await asyncio.wait_for(stream.content.readuntil(b"\n\n"), 5)).decode().strip()
        if text.startswith("event: "):
            name, _, data = text.removeprefix("event: ").partition("\ndata:")
            return name, json.loads(data) if data.strip() else ""


async def test_page_shows_the_present_figures_without_a_script(world: OwnWorld, aiohttp_client: Dial) -> None:
    client = await aiohttp_client(world.app())
    await world.enter(client, ALICE)
    page = await (await client.get("/runs/1")).text()
    for words in (
        "+1.25",
        "60,060",
        "59,990.5",
        "60,009.5",
        "0.0201",
        "995.25",
        "13:30:00",
        "Fills so far: 23",
        "running",
    ):
        assert words in page
    assert "0.00001 BTC, 0.5 USDT" in page


async def test_stream_tells_what_changes(world: OwnWorld, aiohttp_client: Dial) -> None:
    client = await aiohttp_client(world.app())
    await world.enter(client, ALICE)
    async with client.get("/runs/1/events") as stream:
        assert stream.headers["Content-Type"] == "text/event-stream"
        name, figures = await event(stream)
        assert name == "figures"
        assert "+1.25" in figures
        stands = replace(RUN, quote=RUN.quote + 1, trouble="venue_silent", as_of=AT + timedelta(seconds=1))
        world.runs.rows[ALICE, 1] = stands
        while "+2.25" not in figures:
            _, figures = await event(stream)
        assert "venue_silent" in figures


async def test_silent_database_is_told_with_the_instant_of_the_figures(
    world: OwnWorld, aiohttp_client: Dial
) -> None:
    client = await aiohttp_client(world.app())
    await world.enter(client, ALICE)
    async with client.get("/runs/1/events") as stream:
        await event(stream)
        world.runs.silent = True
        figures = ""
        while OWN_EN["lost"].format(time="13:30:00") not in figures:
            _, figures = await event(stream)
        assert "+1.25" in figures, "the last figures stay, named as such"
        world.runs.silent = False
        while OWN_EN["as_of"].format(time="13:30:00") not in figures:
            _, figures = await event(stream)


async def test_stream_ends_with_the_visit(
    world: OwnWorld, aiohttp_client: Dial, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("webapp.views.runs.LOOKED_AT_AGAIN_S", 0)
    client = await aiohttp_client(world.app())
    await world.enter(client, ALICE)
    async with client.get("/runs/1/events") as stream:
        await event(stream)
        await world.links.end_visits(ALICE)
        while (await event(stream))[0] != "over":
            pass
        assert await stream.read() == b""


async def test_stream_ends_when_the_process_closes(world: OwnWorld, aiohttp_client: Dial) -> None:
    pages = world.app()
    client = await aiohttp_client(pages)
    await world.enter(client, ALICE)
    async with client.get("/runs/1/events") as stream:
        await event(stream)
        await asyncio.wait_for(pages.shutdown(), 2)
        await asyncio.wait_for(stream.read(), 2)
    assert (await client.get("/runs/1/events")).status == 429


async def test_many_watchers_cost_one_look(watching: tuple[Watching, FakeLiveRuns]) -> None:
    hub, runs = watching
    async with AsyncExitStack() as stack:
        sights = [await stack.enter_async_context(hub.watch(ALICE, 1)) for _ in range(6)]
        seen = await asyncio.gather(*(anext(each) for each in sights))
        assert {each.view and each.view.run.number for each in seen} == {1}
        assert runs.looks <= 2
    looks = runs.looks
    await asyncio.sleep(0.05)
    assert runs.looks == looks, "nobody watches, and nobody looks"


async def test_one_person_and_all_together_watch_so_much(watching: tuple[Watching, FakeLiveRuns]) -> None:
    hub, _ = watching
    async with AsyncExitStack() as stack:
        for _ in range(live.MOST_OF_ONE):
            await stack.enter_async_context(hub.watch(ALICE, 1))
        with pytest.raises(TooMany):
            await stack.enter_async_context(hub.watch(ALICE, 1))
        for _ in range(2):
            await stack.enter_async_context(hub.watch(BOB, 7))
        with pytest.raises(TooMany):
            await stack.enter_async_context(hub.watch(BOB, 7))
    async with hub.watch(BOB, 7) as sights:
        assert (await anext(sights)).view is not None


async def test_one_sees_the_own_run_whatever_number_others_have(
    watching: tuple[Watching, FakeLiveRuns],
) -> None:
    hub, _ = watching
    async with hub.watch(BOB, 1) as sights:
        assert [sight async for sight in sights] == []


async def test_what_was_seen_before_is_known_to_the_next_look(
    watching: tuple[Watching, FakeLiveRuns],
) -> None:
    hub, runs = watching
    async with hub.watch(ALICE, 1) as sights:
        await anext(sights)
        assert runs.told_before is None
        await anext(sights)
        assert runs.told_before == RUN.totals


async def test_who_reads_nothing_is_let_go(
    world: OwnWorld, aiohttp_client: Dial, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("webapp.views.runs.TAKEN_WITHIN_S", 0.05)
    monkeypatch.setattr("webapp.views.runs._event", lambda *_: b"x" * 32_000_000)
    client = await aiohttp_client(world.app())
    await world.enter(client, ALICE)
    async with client.get("/runs/1/events") as stream:
        await asyncio.sleep(0.5)  # nothing is read meanwhile
        with pytest.raises(ClientError):
            await stream.read()


async def test_nothing_seen_yet_is_told_too(watching: tuple[Watching, FakeLiveRuns]) -> None:
    hub, runs = watching
    runs.silent = True
    async with hub.watch(ALICE, 1) as sights:
        assert await anext(sights) == Sight(None, lost=True)


async def test_failure_of_ours_ends_the_stream_and_does_not_hang(caplog: pytest.LogCaptureFixture) -> None:
    async def broken(user_id: object, number: int, before: object) -> None:
        raise KeyError("of ours")

    async with Watching(broken, every_s=0.01).watch(ALICE, 1) as sights:  # type: ignore[arg-type]
        assert [sight async for sight in sights] == []


def test_ladder_is_by_price() -> None:
    assert [rung.kind for rung in rungs_of(RUN)] == ["sell", "sell", "best_ask", "best_bid", "buy", "buy"]
    inside = replace(RUN, ask=Decimal(60040), bid=Decimal("59940.25"))
    assert [rung.kind for rung in rungs_of(inside)] == ["sell", "best_ask", "sell", "buy", "best_bid", "buy"]
    assert [rung.kind for rung in rungs_of(replace(RUN, ask=None, bid=None, orders=[]))] == []


@pytest.mark.parametrize(
    ("bid", "ask"), [("60030", "60045"), ("60062", "60070"), ("59950", "59970"), ("59930", "59935")]
)
async def test_book_that_our_orders_would_cross_is_older_and_no_part_of_the_ladder(
    world: OwnWorld, aiohttp_client: Dial, bid: str, ask: str
) -> None:
    old = replace(RUN, bid=Decimal(bid), ask=Decimal(ask))
    assert [rung.kind for rung in rungs_of(old)] == ["sell", "sell", "buy", "buy"]
    client = await aiohttp_client(world.app())
    await world.enter(client, ALICE)
    world.runs.rows[ALICE, 1] = old
    page = await (await client.get("/runs/1")).text()
    told = OWN_EN["book_older"].format(time="13:29:58", bid=f"{old.bid:,}", ask=f"{old.ask:,}")
    assert told in page
    assert OWN_EN["best_bid"] not in page


async def test_stopped_run_is_shown_at_the_price_of_its_stop_and_beside_no_market(
    world: OwnWorld, aiohttp_client: Dial
) -> None:
    client = await aiohttp_client(world.app())
    await world.enter(client, ALICE)
    world.runs.rows[ALICE, 1] = replace(RUN, state=RunState.STOPPED, orders=[], stopped_at=AT)
    page = await (await client.get("/runs/1")).text()
    assert OWN_EN["profit_at_stop"].format(mid="60,000") in page
    for words in ("59,990.5", OWN_EN["best_bid"], OWN_EN["quotes"]):
        assert words not in page


def test_profit_needs_a_fresh_price() -> None:
    assert view_of(RUN).profit == Decimal("1.25")
    old = replace(RUN, seen_at=AT - timedelta(minutes=10))
    assert (view_of(old).profit, view_of(old).fresh) == (None, False)
    assert view_of(replace(RUN, mid=None, seen_at=None)).profit is None
    assert view_of(replace(old, state=RunState.STOPPED)).profit == Decimal("1.25"), "struck at its stop"


async def test_run_that_nobody_tends_is_not_shown_as_if_it_were(
    world: OwnWorld, aiohttp_client: Dial
) -> None:
    client = await aiohttp_client(world.app())
    await world.enter(client, ALICE)
    late = OWN_EN["untended"].format(time="2026-11-27 13:29:20")
    for run, told in (
        (RUN, ""),
        (replace(RUN, seen_at=AT - timedelta(seconds=40)), late),
        (replace(RUN, seen_at=None, mid=None, bid=None, ask=None), OWN_EN["never_tended"]),
        (replace(RUN, seen_at=AT - timedelta(days=1), state=RunState.STOPPED), ""),
    ):
        world.runs.rows[ALICE, 1] = run
        page = await (await client.get("/runs/1")).text()
        assert ('data-testid="untended"' in page) == bool(told)
        assert told in page
