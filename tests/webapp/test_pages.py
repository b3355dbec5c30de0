"""The pages: truthful, in two languages, and hard to abuse."""

import asyncio
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from html import unescape
from string import Formatter

import pytest
from aiohttp.test_utils import TestClient
from aiohttp.web import Application, Request

from domain.errors import Unavailable
from domain.fees import FeeKind
from domain.health.drill import Drill
from domain.health.progress import NEVER
from domain.health.readiness import Readiness
from domain.market.history import STATES, Subject
from domain.market.runs import RunState
from tests.webapp.own_world import OwnWorld
from webapp.__main__ import probes_of
from webapp.app import make_app
from webapp.keys import ChainHead, ComparedAges, Drills, Instance
from webapp.texts import TEXTS, choose_language
from webapp.views.history import COLUMNS

Client = TestClient[Request, Application]
Dial = Callable[[Application], "asyncio.Future[Client]"]


@dataclass
class Said:
    """A probe that says what it was told to, and counts how often it was asked."""

    name: str
    answer: str = "ok"
    asked: int = 0

    async def ask(self) -> str:
        self.asked += 1
        return self.answer


def app(
    *answers: str,
    chat_url: str | None = "http://127.0.0.1:1/chat",
    sandbox: bool = True,
    encrypted: bool = False,
) -> Application:
    names = ("database", "redis", "bot", "workers")
    probes = [Said(name, answer) for name, answer in zip(names, answers or ("ok",) * 4, strict=True)]
    return make_app(probes, Instance(chat_url, sandbox, encrypted), OwnWorld().pages)


async def test_live_asks_nobody(aiohttp_client: Dial) -> None:
    client = await aiohttp_client(app("gone", "gone", "gone", "gone"))
    answer = await client.get("/live")
    assert (answer.status, await answer.json()) == (200, {"live": True})


async def test_ready_is_ready_when_nothing_is_missing(aiohttp_client: Dial) -> None:
    answer = await (await aiohttp_client(app())).get("/ready")
    checks = {"database": "ok", "redis": "ok", "bot": "ok", "workers": "ok"}
    assert (answer.status, await answer.json()) == (200, {"ready": True, "checks": checks})


async def test_ready_shows_the_head_of_the_chain_once_there_is_one(aiohttp_client: Dial) -> None:
    heads = iter(["", "7:" + "ab" * 32])
    instance = Instance(None, sandbox=True, encrypted=False)
    pages = make_app([Said("database", "ok")], instance, OwnWorld().pages, ChainHead(lambda: next(heads)))
    client = await aiohttp_client(pages)
    assert "chain" not in await (await client.get("/ready")).json()
    assert (await (await client.get("/ready")).json())["chain"] == "7:" + "ab" * 32


async def test_ready_shows_how_long_ago_each_place_was_seen_to_agree(aiohttp_client: Dial) -> None:
    ages = iter([{}, {"wallet": 12, "venue:main": None}])
    instance = Instance(None, sandbox=True, encrypted=False)
    pages = make_app(
        [Said("database", "ok")], instance, OwnWorld().pages, None, ComparedAges(lambda: next(ages))
    )
    client = await aiohttp_client(pages)
    assert "reconciled_s" not in await (await client.get("/ready")).json()
    assert (await (await client.get("/ready")).json())["reconciled_s"] == {"wallet": 12, "venue:main": None}


async def test_ready_says_what_is_missing_and_why(aiohttp_client: Dial) -> None:
    answer = await (await aiohttp_client(app("ok", "ok", "was not heard of", "ok"))).get("/ready")
    said = await answer.json()
    assert answer.status == 503
    assert not said["ready"]
    assert said["checks"]["bot"] == "was not heard of"


async def test_many_askers_do_not_ask_more_of_the_database() -> None:
    probe = Said("database")
    readiness = Readiness([probe], time.monotonic)
    await asyncio.gather(*(readiness.look() for _ in range(50)))
    assert probe.asked == 1


async def test_a_probe_that_hangs_is_told() -> None:
    class Hangs:
        name = "database"

        async def ask(self) -> str:
            await asyncio.sleep(60)
            return "ok"

    health = await Readiness([Hangs()], time.monotonic, within_s=0.01).look()
    assert "does not answer within" in health.checks["database"]


@pytest.mark.parametrize(("accepted", "words"), [("en", "Open the chat"), ("zh-CN,zh;q=0.9", "打开聊天")])
async def test_start_page_speaks_the_persons_language(
    aiohttp_client: Dial, accepted: str, words: str
) -> None:
    answer = await (await aiohttp_client(app())).get("/", headers={"Accept-Language": accepted})
    page = await answer.text()
    assert answer.status == 200
    assert words in page
    assert 'href="http://127.0.0.1:1/chat"' in page


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("answer", ["ok", "nobody acts for venue:main"])
async def test_start_page_has_words_for_everything_that_is_asked(
    aiohttp_client: Dial, answer: str, language: str
) -> None:
    _, _, asked = probes_of("postgres://nobody@127.0.0.1/nothing", Said("redis"))
    instance = Instance(None, sandbox=True, encrypted=False)
    pages = make_app([Said(probe.name, answer) for probe in asked], instance, OwnWorld().pages)
    said = await (await aiohttp_client(pages)).get("/", headers={"Accept-Language": language})
    page, words = await said.text(), TEXTS[language]
    assert said.status == 200
    for probe in asked:
        assert words[probe.name] in page
        assert (words[f"{probe.name}_missing"] in unescape(page)) == (answer != "ok")


@pytest.mark.parametrize("language", ["en", "zh"])
async def test_an_angel_that_nobody_started_is_not_called_running(
    aiohttp_client: Dial, language: str
) -> None:
    pages = make_app([Said("angel", NEVER)], Instance(None, False, False), OwnWorld().pages)
    client, words = await aiohttp_client(pages), TEXTS[language]
    page = unescape(await (await client.get("/", headers={"Accept-Language": language})).text())
    assert words["angel_never"] in page
    assert f">{words['never']}<" in page
    assert f">{words['ok']}<" not in page
    ready = await (await client.get("/ready")).json()
    assert ready == {"ready": True, "checks": {"angel": NEVER}}


async def test_start_page_of_a_real_bot_does_not_speak_of_play(aiohttp_client: Dial) -> None:
    page = await (await (await aiohttp_client(app(chat_url=None, sandbox=False))).get("/")).text()
    assert TEXTS["en"]["chat_sandbox"] not in page
    assert TEXTS["en"]["chat_real"] in page


async def test_start_page_says_what_is_missing_in_words_for_people(aiohttp_client: Dial) -> None:
    client = await aiohttp_client(app("<script>x</script>", "ok", "ok", "ok"))
    page = await (await client.get("/", headers={"Accept-Language": "zh"})).text()
    assert TEXTS["zh"]["database_missing"] in page
    assert TEXTS["zh"]["redis_missing"] not in page
    assert "script" not in page


async def test_pages_escape_what_they_are_given(aiohttp_client: Dial) -> None:
    page = await (await (await aiohttp_client(app(chat_url='https://x/"><script>'))).get("/")).text()
    assert "<script>" not in page


@pytest.mark.parametrize(
    "path", ["/", "/live", "/ready", "/static/page.css", "/nowhere", "/static/../app.py"]
)
async def test_every_answer_carries_the_headers(aiohttp_client: Dial, path: str) -> None:
    answer = await (await aiohttp_client(app(encrypted=True))).get(path)
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["Server"] == "MrMarket"
    assert "max-age=31536000" in answer.headers["Strict-Transport-Security"]


async def test_plain_http_does_not_promise_encryption(aiohttp_client: Dial) -> None:
    assert "Strict-Transport-Security" not in (await (await aiohttp_client(app())).get("/")).headers


async def test_nothing_there_is_a_page_too(aiohttp_client: Dial) -> None:
    answer = await (await aiohttp_client(app())).get("/nowhere", headers={"Accept-Language": "zh"})
    assert answer.status == 404
    assert TEXTS["zh"]["not_found"] in await answer.text()


async def test_pages_change_nothing(aiohttp_client: Dial) -> None:
    client = await aiohttp_client(app())
    for path in ("/", "/live", "/ready"):
        assert (await client.post(path)).status == 405


def test_both_languages_say_the_same_things() -> None:
    def blanks(language: str) -> dict[str, set[str | None]]:
        return {
            key: {part[1] for part in Formatter().parse(text)} - {None}
            for key, text in TEXTS[language].items()
        }

    assert blanks("en") == blanks("zh")


def test_everything_that_may_be_shown_has_a_word() -> None:
    """A word that is missing would cost a person the whole page."""
    kinds: dict[str, Iterable[str]] = {
        "state_": set(RunState),
        "of_": set().union(*STATES.values()),
        "subject_": set(Subject),
        "fee_": set(FeeKind),
        "order_": {"prepared", "sending", "unknown", "partial"},
        "": {"buy", "sell", "best_ask", "best_bid"},
    }
    wanted = {prefix + str(name) for prefix, names in kinds.items() for name in names}
    wanted |= {f"column_{name}" for columns in COLUMNS.values() for name in columns}
    assert wanted - TEXTS["en"].keys() == set()


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ("", "en"),
        ("zh", "zh"),
        ("zh-Hant-TW", "zh"),
        ("fr,de;q=0.9", "en"),
        ("en;q=0.2, zh;q=0.8", "zh"),
        ("zh;q=0,en", "en"),
        ("zh;q=x,en;q=0.1", "en"),
        (";;;,,,=", "en"),
        ("zh;q=nan", "en"),
    ],
)
def test_language_is_what_the_browser_likes_best(accepted: str, language: str) -> None:
    assert choose_language(accepted) == language


def drilled(**facts: float | None) -> Drill:
    took: dict[str, float | None] = {"flat_s": 8.25, "safe_s": 20.0, "back_s": 31.0, **facts}
    return Drill("d", datetime(2026, 11, 1, tzinfo=UTC), 12, 11.0, **took)


@pytest.mark.parametrize(
    ("drill", "words"),
    [
        (None, "never yet"),
        (drilled(), "all gone after 8.2 s"),
        (drilled(flat_s=14.0), "all gone only after 14.0 s; 11 s are allowed"),
        (drilled(flat_s=None, safe_s=None), "orders rested when the drill gave up"),
        (drilled(safe_s=None), "the accounts were not given back"),
        (drilled(back_s=None), "the workers did not go on"),
    ],
)
async def test_the_last_drill_is_told_with_its_day(
    aiohttp_client: Dial, drill: Drill | None, words: str
) -> None:
    async def newest() -> Drill | None:
        return drill

    pages = make_app(
        [Said("database")], Instance(None, False, False), OwnWorld().pages, drills=Drills(newest)
    )
    client = await aiohttp_client(pages)
    for language in ("en", "zh"):
        shown = await (await client.get("/", headers={"Accept-Language": language})).text()
        assert language == "zh" or words in shown
        assert ("2026-11-01" in shown) == (drill is not None)
        assert ("<code>mrmarket drill angel</code>" in shown) == (drill is None)
        assert "`" not in shown
    said = await (await client.get("/ready")).json()
    assert (said.get("angel_drill") or {}).get("verdict") == (drill.verdict if drill else None)


async def test_a_database_that_is_away_tells_no_drill(aiohttp_client: Dial) -> None:
    async def newest() -> Drill | None:
        raise Unavailable("store_unavailable")

    pages = make_app([], Instance(None, False, False), OwnWorld().pages, drills=Drills(newest))
    answer = await (await aiohttp_client(pages)).get("/ready")
    assert "angel_drill" not in await answer.json()
