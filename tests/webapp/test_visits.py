"""Links that open once, visits that end, and pages that show one's own and nothing else."""

import asyncio
import re
from collections.abc import Callable
from dataclasses import replace
from http.cookies import Morsel

import pytest
from aiohttp import hdrs
from aiohttp.web import Application

from domain.ports.pages import Purpose
from tests.webapp.own_world import ALICE, BOB, Client, OwnWorld
from webapp.app import make_app
from webapp.keys import Instance
from webapp.own_texts import OWN_EN, OWN_ZH
from webapp.views.history import COLUMNS
from webapp.visits import form_token

Dial = Callable[[Application], "asyncio.Future[Client]"]

OWN_PATHS = ("/runs/1", "/runs/1/events", "/history", "/history.csv", "/history.json")


@pytest.fixture
def world() -> OwnWorld:
    return OwnWorld()


def cookie(client: Client, name: str = "visit") -> Morsel[str]:
    """Return the cookie that a client was given."""
    return next(each for each in client.session.cookie_jar if each.key == name)


async def test_link_is_opened_by_a_tap_and_leads_to_an_address_without_it(
    world: OwnWorld, aiohttp_client: Dial
) -> None:
    client, link = await aiohttp_client(world.app()), await world.link(ALICE, Purpose.RUN, "/runs/1")
    shown = await client.get(link)
    assert OWN_EN["open_it"] in await shown.text()
    answer = await client.post(link, headers={"Sec-Fetch-Site": "same-origin"}, allow_redirects=False)
    assert (answer.status, answer.headers["Location"]) == (303, "/runs/1")
    given = cookie(client)
    assert (given["httponly"], given["samesite"], given["path"], given["domain"]) == (
        True,
        "Lax",
        "/",
        "127.0.0.1",
    )
    page = await client.get("/runs/1")
    assert page.status == 200
    assert "BTC/USDT" in await page.text()


async def test_with_encryption_the_cookie_is_ours_alone(world: OwnWorld, aiohttp_client: Dial) -> None:
    client = await aiohttp_client(world.app(encrypted=True))
    answer = await client.post(await world.link(ALICE, Purpose.RUN, "/runs/1"), allow_redirects=False)
    [given] = answer.cookies.values()
    assert given.key == "__Host-visit"
    assert (given["secure"], given["httponly"], given["path"], given["domain"]) == (True, True, "/", "")


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_looking_at_a_link_does_not_burn_it(world: OwnWorld, aiohttp_client: Dial, method: str) -> None:
    client, link = await aiohttp_client(world.app()), await world.link(ALICE, Purpose.RUN, "/runs/1")
    for agent in ("Mixin-Preview", "Slackbot-LinkExpanding 1.0", "Mozilla/5.0"):
        seen = await client.request(method, link, headers={"User-Agent": agent})
        assert (seen.status, seen.cookies) == (200, {})
    assert (await client.post(link, allow_redirects=False)).status == 303


async def test_link_opens_once(world: OwnWorld, aiohttp_client: Dial) -> None:
    client, link = await aiohttp_client(world.app()), await world.link(ALICE, Purpose.RUN, "/runs/1")
    answers = await asyncio.gather(*(client.post(link, allow_redirects=False) for _ in range(5)))
    assert sorted(answer.status for answer in answers) == [303, 410, 410, 410, 410]


async def test_whoever_comes_later_is_told_so_in_both_languages(
    world: OwnWorld, aiohttp_client: Dial
) -> None:
    link = await world.link(ALICE, Purpose.RUN, "/runs/1")
    await (await aiohttp_client(world.app())).post(link, allow_redirects=False)
    stranger = await aiohttp_client(world.app())
    answer = await stranger.post(link)
    text = await answer.text()
    assert (answer.status, answer.cookies) == (410, {})
    assert OWN_EN["used"] in text
    assert OWN_ZH["used"] in text
    assert (await stranger.get("/runs/1")).status == 401


async def test_link_expires(world: OwnWorld, aiohttp_client: Dial) -> None:
    client, link = await aiohttp_client(world.app()), await world.link(ALICE, Purpose.RUN, "/runs/1")
    world.clock.advance(60 * 5)
    assert (await client.post(link)).status == 410


@pytest.mark.parametrize(
    "forged", ["token-2", "token-", "0" * 43, "x" * 5000, "%00", "token-1%20", "TOKEN-1"]
)
async def test_forged_link_opens_nothing(world: OwnWorld, aiohttp_client: Dial, forged: str) -> None:
    client = await aiohttp_client(world.app())
    await world.link(ALICE, Purpose.RUN, "/runs/1")
    assert (await client.post(f"/open/run/{forged}")).status == 410


@pytest.mark.parametrize("purpose", ["history", "address", "RUN", "run%20"])
async def test_link_for_something_else_opens_nothing_and_stays(
    world: OwnWorld, aiohttp_client: Dial, purpose: str
) -> None:
    client, link = await aiohttp_client(world.app()), await world.link(ALICE, Purpose.RUN, "/runs/1")
    assert (await client.post(link.replace("/run/", f"/{purpose}/"))).status == 410
    assert (await client.post(link, allow_redirects=False)).status == 303


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
        {"Origin": "https://evil.example"},
    ],
)
async def test_another_site_opens_and_ends_nothing(
    world: OwnWorld, aiohttp_client: Dial, headers: dict[str, str]
) -> None:
    client, link = await aiohttp_client(world.app()), await world.link(ALICE, Purpose.RUN, "/runs/1")
    assert (await client.post(link, headers=headers)).status == 403
    await world.enter(client, ALICE)
    form = {"form": form_token(cookie(client).value)}
    assert (await client.post("/leave", headers=headers, data=form)).status == 403
    assert (await client.get("/runs/1")).status == 200


@pytest.mark.parametrize("path", OWN_PATHS)
async def test_without_a_visit_nothing_is_shown(world: OwnWorld, aiohttp_client: Dial, path: str) -> None:
    client = await aiohttp_client(world.app())
    for secret in ("", "ToKeN_1", "x" * 5000):
        answer = await client.get(path, headers={"Cookie": f"visit={secret}"})
        assert answer.status == 401
        assert OWN_ZH["closed"] in await answer.text()
    assert world.runs.looks == world.history.asked == 0


async def test_visit_ends_when_nobody_looks(world: OwnWorld, aiohttp_client: Dial) -> None:
    client = await aiohttp_client(world.app())
    await world.enter(client, ALICE)
    for _ in range(3):
        world.clock.advance(60 * 14)
        assert (await client.get("/history")).status == 200
    world.clock.advance(60 * 15)
    assert (await client.get("/history")).status == 401


async def test_visit_ends_after_eight_hours_however_busy(world: OwnWorld, aiohttp_client: Dial) -> None:
    client, statuses = await aiohttp_client(world.app()), []
    await world.enter(client, ALICE)
    for _ in range(49):
        world.clock.advance(60 * 10)
        statuses.append((await client.get("/history")).status)
    assert statuses == [200] * 47 + [401] * 2


async def test_visit_ends_at_a_word_in_the_chat(world: OwnWorld, aiohttp_client: Dial) -> None:
    client, unopened = await aiohttp_client(world.app()), await world.link(ALICE, Purpose.RUN, "/runs/1")
    await world.enter(client, ALICE)
    await world.links.end_visits(ALICE)
    assert (await client.get("/runs/1")).status == 401
    assert (await client.post(unopened)).status == 410


async def test_visit_ends_with_a_freeze(world: OwnWorld, aiohttp_client: Dial) -> None:
    client = await aiohttp_client(world.app())
    await world.enter(client, ALICE)
    world.links.frozen_at[ALICE] = world.clock.now()
    assert (await client.get("/runs/1")).status == 401


async def test_visit_ends_at_a_tap_that_only_its_page_can_make(world: OwnWorld, aiohttp_client: Dial) -> None:
    client = await aiohttp_client(world.app())
    await world.enter(client, ALICE)
    for form in ("", form_token("ToKeN_9"), "é"):
        assert (await client.post("/leave", data={"form": form})).status == 403
    secret = cookie(client).value
    assert form_token(secret) in await (await client.get("/runs/1")).text()
    assert (await client.post("/leave", data={"form": form_token(secret)})).status == 200
    assert (await client.get("/runs/1", headers={"Cookie": f"visit={secret}"})).status == 401


@pytest.mark.parametrize(
    "path", ["/runs/7", "/runs/7/events", "/runs/999999", "/runs/0", "/runs/x", "/runs/1%20"]
)
async def test_runs_of_others_are_not_there(world: OwnWorld, aiohttp_client: Dial, path: str) -> None:
    client = await aiohttp_client(world.app())
    await world.enter(client, ALICE)
    answer = await client.get(path)
    if path.endswith("/events"):
        assert await answer.read() == b""
    else:
        assert answer.status == 404


async def test_history_of_others_is_not_there(world: OwnWorld, aiohttp_client: Dial) -> None:
    client = await aiohttp_client(world.app())
    await world.enter(client, BOB, "/history")
    text = await (await client.get("/history.csv")).text()
    assert [line.split(",")[-1] for line in text.split()[1:]] == ["t2"]
    assert "61,000" not in await (await client.get("/history?state=corrected")).text()


@pytest.mark.parametrize("path", [*OWN_PATHS[:1], *OWN_PATHS[2:], "/nothing"])
async def test_pages_of_ones_own_are_kept_by_nobody(world: OwnWorld, aiohttp_client: Dial, path: str) -> None:
    client = await aiohttp_client(world.app())
    await world.enter(client, ALICE)
    answer = await client.get(path)
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert "script-src 'self'" in answer.headers["Content-Security-Policy"]
    assert hdrs.SET_COOKIE not in answer.headers


async def test_only_the_sandboxs_phone_shows_pages_in_a_frame(world: OwnWorld, aiohttp_client: Dial) -> None:
    phone = "http://127.0.0.1:7777"
    for framed_by, allowed in (("", "'none'"), (phone, phone)):
        instance = Instance(None, sandbox=True, encrypted=False, framed_by=framed_by)
        client = await aiohttp_client(make_app([], instance, world.pages))
        headers = (await client.get("/live")).headers
        assert f"frame-ancestors {allowed};" in headers["Content-Security-Policy"]
        assert ("X-Frame-Options" in headers) == (not framed_by)


async def test_page_uses_nothing_that_its_policy_forbids(world: OwnWorld, aiohttp_client: Dial) -> None:
    client = await aiohttp_client(world.app())
    await world.enter(client, ALICE)
    for path in ("/runs/1", "/history"):
        page = await (await client.get(path)).text()
        for forbidden in ("style=", "<style", "onclick", "javascript:", "https://", "http://"):
            assert forbidden not in page
        assert page.count("<script") == (1 if path == "/runs/1" else 0)


async def test_what_a_venue_or_a_person_wrote_is_no_html(world: OwnWorld, aiohttp_client: Dial) -> None:
    client, evil = await aiohttp_client(world.app()), "<script>alert(1)</script>"
    run = world.runs.rows[ALICE, 1]
    world.runs.rows[ALICE, 1] = replace(
        run, trouble=evil, fills=[replace(run.fills[0], fee_coin=evil, account=evil)]
    )
    await world.enter(client, ALICE)
    for path in ("/runs/1", f"/history?pair={evil}&run={evil}"):
        page = await (await client.get(path)).text()
        assert "alert(1)" in page
        assert evil not in page


@pytest.mark.parametrize("shape", ["csv", "json"])
async def test_file_is_given_to_be_saved(world: OwnWorld, aiohttp_client: Dial, shape: str) -> None:
    client = await aiohttp_client(world.app())
    await world.enter(client, ALICE)
    answer = await client.get(f"/history.{shape}?subject=orders&run=1")
    assert answer.headers["Content-Disposition"] == f'attachment; filename="mrmarket-orders.{shape}"'
    text = await answer.text()
    assert "59999.5" in text
    assert "ETH" not in text


async def test_filters_are_kept_and_what_is_not_understood_is_said(
    world: OwnWorld, aiohttp_client: Dial
) -> None:
    client = await aiohttp_client(world.app())
    await world.enter(client, ALICE)
    page = await (await client.get("/history?subject=fills&side=sell&run=1")).text()
    assert 'href="/history.csv?subject=fills&amp;run=1&amp;side=sell"' in page
    misread = OWN_EN["history_misread"].format(what=OWN_EN["filter_run"])
    assert misread in await (await client.get("/history?run=two")).text()
    assert (
        OWN_EN["history_misread"].format(what="subject")
        in await (await client.get("/history?subject=x")).text()
    )
    said = await client.get("/history.csv?run=two&side=buy")
    assert (said.status, said.url.path_qs) == (200, "/history?run=two&side=buy"), "no file of everything"


async def test_rows_say_of_which_pair_they_are_before_any_figure_and_name_each_cell_for_a_phone(
    world: OwnWorld, aiohttp_client: Dial
) -> None:
    client = await aiohttp_client(world.app())
    await world.enter(client, ALICE)
    for subject, columns in COLUMNS.items():
        page = await (await client.get(f"/history?subject={subject}")).text()
        named = [OWN_EN[f"column_{name}"] for name in columns]
        assert re.findall(r'data-label="([^"]*)"', page)[: len(columns)] == named
        assert named.index(OWN_EN["column_pair"]) == 1


async def test_older_rows_are_a_tap_away(
    world: OwnWorld, aiohttp_client: Dial, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("webapp.views.history.ROWS_SHOWN", 4)
    client = await aiohttp_client(world.app())
    await world.enter(client, ALICE)
    assert 'href="/history?subject=fills&amp;before=4"' in await (await client.get("/history")).text()
    assert "before=" not in await (await client.get("/history?before=4")).text()


async def test_silent_database_is_said(world: OwnWorld, aiohttp_client: Dial) -> None:
    client = await aiohttp_client(world.app())
    await world.enter(client, ALICE)
    world.runs.silent = True
    answer = await client.get("/runs/1")
    assert answer.status == 503
    assert OWN_EN["silent"] in await answer.text()
