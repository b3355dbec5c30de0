"""How the Angel is put together: with a database or without, by the owner's fail-safe or a built-in one."""

import asyncio
import json
import threading
import time
from collections.abc import Awaitable, Callable
from decimal import Decimal
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from adapters.angel.files import SealedCopy
from adapters.angel.pages import telling
from adapters.angel.settings import AngelSettings, load_angel_settings
from adapters.angel.witness import HttpWitness
from adapters.bootstrap_angel import CannotWatch, SealedKeys, failsafe_of, open_angel
from adapters.exchange.account import VenueKey
from adapters.sealing.envelope import Kind, Label, Sealed, seal
from adapters.sealing.masters import MasterKey, angel_file, master_of, new_root, write_masters
from adapters.sealing.venue_keys import pack_angel_key
from angel.rounds import Rounds
from domain.angel.closing import (
    Bounds,
    CancelOnly,
    CloseAll,
    Closing,
    JoinsLegs,
    Left,
    Market,
    Stranded,
    Trade,
    toward,
)
from domain.errors import Unavailable
from domain.health.progress import Patience, standing
from domain.ids import RunId, VenueAccountName
from domain.leases import Scope
from domain.market.model import Side
from domain.market.orders import VenueOrder
from domain.secrets import Secret
from tests.domain.angel.test_closing import market
from tests.fakes.clock import FakeClock
from tests.fakes.exchange import PAIR

NOBODY = "postgres://mrmarket_angel@127.0.0.1:9/mrmarket"


class HalfWay:
    """The example of docs/operations.md."""

    def __init__(self, bounds: Bounds) -> None:
        self.bounds = bounds

    def close(self, run: Stranded, market: Market) -> Closing:
        if run.pair.base == "ETH":
            return Left("too_dear_for_me")
        return toward(run, market, (run.base + run.base_start) / 2, self.bounds)


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., AngelSettings]:
    """Give the means to read settings as an owner may write them."""
    accounts = [{"name": "one", "venue": "binance"}, {"name": "odd", "venue": "nowhere"}]
    (tmp_path / "venues.json").write_text(json.dumps(accounts))
    master = master_of(new_root())
    write_masters(tmp_path / "key", [master])
    key = VenueKey(Secret("key-of-one"), Secret("secret-of-one"))
    (tmp_path / "angel").mkdir()
    copied = {}
    for n, name in enumerate(("one", "odd")):
        label = Label("bot", f"00000000-0000-0000-0000-00000000000{n}", Kind.ANGEL_KEY, name, 1)
        copied[name] = seal(label, pack_angel_key(key), master)
    SealedCopy(tmp_path / "angel" / "keys.json").keep(copied)

    def read(**more: str) -> AngelSettings:
        said = {
            "DATABASE_URL": NOBODY,
            "VENUE_ACCOUNTS_FILE": str(tmp_path / "venues.json"),
            "MASTER_KEY_FILE": str(angel_file(tmp_path / "key")),
            "ANGEL_DIR": str(tmp_path / "angel"),
            **more,
        }
        monkeypatch.chdir(tmp_path)
        for name, value in said.items():
            monkeypatch.setenv(f"MRMARKET_{name}", value)
        return load_angel_settings()

    return read


async def test_angel_opens_without_a_database_by_its_copy(settings: Callable[..., AngelSettings]) -> None:
    """T10; and an account that no worker would trade is left out, and stops nobody."""
    async with open_angel(settings()) as opened:
        assert list(opened.angel.desks) == [Scope("venue:one")]
        assert "acts in" in await opened.angel.look()
        assert opened.angel.missing() == "the store does not answer"


async def test_account_whose_exchange_takes_not_its_key_is_known_before_it_is_needed(
    settings: Callable[..., AngelSettings], monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_angel(settings()) as opened:
        [desk] = opened.angel.desks.values()

        async def refused(_: object) -> list[VenueOrder]:
            raise Unavailable("venue_key_refused")

        async def fine(_: object) -> list[VenueOrder]:
            return []

        monkeypatch.setattr(desk.exchange, "rules", fine)
        monkeypatch.setattr(desk.exchange, "open_orders", refused)
        assert "venue_key_refused" in await opened.warm()
        assert opened.angel.missing() == "one: venue_key_refused"
        monkeypatch.setattr(desk.exchange, "open_orders", fine)
        assert await opened.warm() == "1 accounts answer"
        assert opened.angel.missing() == ""


async def test_second_angel_of_the_same_directory_is_refused(settings: Callable[..., AngelSettings]) -> None:
    async with open_angel(settings()):
        with pytest.raises(CannotWatch, match="Another Angel"):
            async with open_angel(settings()):
                pass
    async with open_angel(settings()):
        pass


class Keyring:
    """The database, as far as sealed keys go."""

    def __init__(self, keys: dict[str, Sealed], error: Exception | None = None) -> None:
        self.keys, self.error = keys, error

    async def sealed_keys(self) -> dict[str, Sealed]:
        if self.error:
            raise self.error
        return self.keys


def sealed_by(master: MasterKey, text: str) -> dict[str, Sealed]:
    label = Label("bot", "00000000-0000-0000-0000-000000000009", Kind.ANGEL_KEY, "one", 1)
    return {"one": seal(label, pack_angel_key(VenueKey(Secret(text), Secret("secret"))), master)}


async def test_copy_gives_way_to_keys_that_open_and_to_no_others(tmp_path: Path) -> None:
    """Somebody who can write the database, or half of a restored one, must not take the Angel's keys away."""
    ours, theirs = master_of(new_root()), master_of(new_root())
    write_masters(tmp_path / "key", [ours])
    good, other, foreign = sealed_by(ours, "good"), sealed_by(ours, "other"), sealed_by(theirs, "foreign")
    keys = SealedKeys(SealedCopy(tmp_path / "copy"), angel_file(tmp_path / "key"))

    async def opened(ring: Keyring) -> str:
        return (await keys.opened(ring))["one"].api_key.reveal()  # type: ignore[arg-type]  # all that is asked

    with pytest.raises(CannotWatch):
        await opened(Keyring(foreign))
    assert await opened(Keyring(good)) == "good"
    for ring in (Keyring(foreign), Keyring({}), Keyring(good, error=RuntimeError("28P01"))):
        assert await opened(ring) == "good"
    assert not keys.keep(foreign)
    assert not keys.keep({})
    assert keys.copy.recall() == good
    (tmp_path / "copy.new").mkdir()  # nothing can be written
    assert await opened(Keyring(other)) == "other"
    (tmp_path / "copy.new").rmdir()
    assert keys.keep(other)
    assert keys.copy.recall() == other


def run(base: str) -> Stranded:
    has = Decimal(base), Decimal(1000)
    return Stranded(RunId("r"), VenueAccountName("a"), PAIR, Decimal("0.02"), Decimal(1000), *has, *has)


def test_fail_safe_is_built_in_or_the_owners_own(settings: Callable[..., AngelSettings]) -> None:
    assert failsafe_of(settings(ANGEL_SLIPPAGE_BPS="20")) == CloseAll(Bounds(20))
    assert failsafe_of(settings(FAILSAFE="cancel_only")) == CancelOnly(Bounds(20))
    own = failsafe_of(settings(FAILSAFE=f"{__name__}:HalfWay"))
    assert own.close(run("0.03"), market()) == Trade(Side.SELL, 5_988_000, 500)


GO = threading.Event()


class Hangs(CloseAll):
    """Knows of two legs, and thinks for ever."""

    def close(self, run: Stranded, market: Market) -> Closing:
        GO.wait(60)
        return Left("at_last")

    def finish(self, leader: Stranded, leg: Stranded, market: Market) -> Closing:
        raise SystemExit("all of it")


class FallsWhenMade(HalfWay):
    """Cannot be made."""

    def __init__(self, bounds: Bounds) -> None:
        raise KeyError(str(bounds))


def test_a_fail_safe_that_hangs_or_ends_the_process_keeps_no_other_account_waiting(
    settings: Callable[..., AngelSettings],
) -> None:
    own = failsafe_of(settings(FAILSAFE=f"{__name__}:Hangs"))
    assert isinstance(own, JoinsLegs)
    assert not isinstance(failsafe_of(settings(FAILSAFE=f"{__name__}:HalfWay")), JoinsLegs)
    with pytest.raises(RuntimeError, match="SystemExit"):
        own.finish(run("0.03"), run("0.03"), market())
    began = time.monotonic()
    for _ in range(20):
        with pytest.raises(TimeoutError):
            own.close(run("0.03"), market())
    GO.set()
    assert time.monotonic() - began < 4


def test_documented_example_is_this_one() -> None:
    text = (Path(__file__).parents[3] / "docs" / "operations.md").read_text()
    assert "return toward(run, market, (run.base + run.base_start) / 2, self.bounds)" in text
    assert "MRMARKET_FAILSAFE=mine:HalfWay" in text


@pytest.mark.parametrize(
    "name",
    ["close_everything", "nowhere:Mine", f"{__name__}:Nobody", "json:loads", f"{__name__}:FallsWhenMade"],
)
def test_fail_safe_that_is_none_is_refused(settings: Callable[..., AngelSettings], name: str) -> None:
    with pytest.raises(CannotWatch, match="MRMARKET_FAILSAFE"):
        failsafe_of(settings(FAILSAFE=name))


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"LEASE_TTL_S": "6"}, "LEASE_TTL_S"),
        ({"ANGEL_INTERVAL_S": "0"}, "ANGEL_INTERVAL_S"),
        ({"ANGEL_INTERVALS": "2"}, "not a setting"),
    ],
)
def test_settings_that_do_not_fit_end_the_start_with_a_sentence(
    settings: Callable[..., AngelSettings],
    capsys: pytest.CaptureFixture[str],
    more: dict[str, str],
    said: str,
) -> None:
    with pytest.raises(SystemExit):
        settings(**more)
    assert said in capsys.readouterr().err


Serve = Callable[[dict[str, object], int], Awaitable[str]]


@pytest.mark.parametrize(
    ("body", "status", "sees"),
    [
        ({"ready": True, "checks": {"database": "ok"}}, 200, True),
        ({"ready": False, "checks": {"database": "ok", "redis": "away"}}, 503, True),
        ({"ready": False, "checks": {"database": "does not answer"}}, 503, False),
        ({"checks": "nonsense"}, 200, False),
        ({"checks": {"database": "ok", "workers": "trading main is stuck"}}, 503, True),
        ({"checks": {"database": "ok", "workers": standing("workers", [], Patience())}}, 503, False),
    ],
)
async def test_witness_is_whoever_sees_the_database(body: dict[str, object], status: int, sees: bool) -> None:
    async def ready(_: web.Request) -> web.Response:
        return web.json_response(body, status=status)

    app = web.Application()
    app.add_routes([web.get("/ready", ready)])
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    assert await HttpWitness(f"http://127.0.0.1:{port}/ready").sees_store() is sees
    await runner.cleanup()
    assert not await HttpWitness(f"http://127.0.0.1:{port}/ready").sees_store()
    assert not await HttpWitness(None).sees_store()


async def test_live_tells_whether_it_looks_and_ready_what_it_lacks(unused_tcp_port: int) -> None:
    wrong = {"live": "", "ready": "the store does not answer"}
    async with (
        telling("127.0.0.1", unused_tcp_port, lambda: wrong["live"], lambda: wrong["ready"]),
        aiohttp.ClientSession(f"http://127.0.0.1:{unused_tcp_port}") as wire,
    ):
        assert [(await wire.get(path)).status for path in ("/live", "/ready")] == [200, 503]
        wrong.update(live="watch has ended no round for 20 s", ready="")
        assert [(await wire.get(path)).status for path in ("/live", "/ready")] == [503, 503]


async def test_rounds_outlive_what_they_raise_and_say_when_they_hang() -> None:
    clock, done = FakeClock(), []

    async def once() -> str:
        done.append(1)
        if len(done) == 1:
            raise RuntimeError("as nobody foresaw")
        return "done"

    rounds = Rounds("watch", 0.0, once, clock.monotonic)
    running = asyncio.create_task(rounds.run())
    while len(done) < 3:
        await asyncio.sleep(0)
    running.cancel()
    assert rounds.stuck() == ""
    clock.advance(16)
    assert rounds.stuck() == "watch has ended no round for 16 s"
