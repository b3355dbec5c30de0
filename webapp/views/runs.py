"""The live page of one run: its present figures, and the same anew as they change."""

import asyncio
import json
import re
import time

import aiohttp_jinja2
from aiohttp import hdrs, web

from domain.errors import Unavailable
from webapp.chart import Chart, chart_of
from webapp.keys import OWN, VISITOR, WATCHING
from webapp.ladder import outdated, rungs_of
from webapp.live import Sight, TooMany
from webapp.pages import language_of, page
from webapp.texts import TEXTS
from webapp.visits import form_token, secret_of, visitor_of

routes = web.RouteTableDef()

LOOKED_AT_AGAIN_S = 20
"""How often a stream asks whether its visit goes on."""
TAKEN_WITHIN_S = 15
"""How long a piece may wait until it is taken: who reads nothing keeps no place from others."""

_NUMBER = re.compile(r"[1-9][0-9]{0,5}", re.ASCII)


def number_in(request: web.Request) -> int:
    """Return the run's number in the address.

    Raises:
        HTTPNotFound: it is none.
    """
    text = request.match_info["number"]
    if not _NUMBER.fullmatch(text):
        raise web.HTTPNotFound
    return int(text)


@routes.get("/runs/{number}")
async def show(request: web.Request) -> web.Response:
    """Show a run as it stands; a script keeps it as it is, where scripts run."""
    number = number_in(request)
    view = await request.app[OWN].runs.look(request[VISITOR].user_id, number)
    shown = {**_figures(request, Sight(view), number), "chart": await _chart(request, number)}
    facts = {**shown, "form": form_token(secret_of(request))}
    return page(request, "run.html", facts)


@routes.get("/runs/{number}/chart")
async def chart(request: web.Request) -> web.Response:
    """Show the line of the market's last 24 hours alone, for the script that keeps the page."""
    return page(request, "chart.html", {"chart": await _chart(request, number_in(request))})


async def _chart(request: web.Request, number: int) -> Chart | None:
    return chart_of(await request.app[OWN].runs.day(request[VISITOR].user_id, number))


@routes.get("/runs/{number}/events")
async def events(request: web.Request) -> web.StreamResponse:
    """Send the figures of a run whenever they were looked at, for as long as the visit lasts."""
    number, user_id = number_in(request), request[VISITOR].user_id
    answer = web.StreamResponse(headers={"Content-Type": "text/event-stream", "X-Accel-Buffering": "no"})
    if request.method == hdrs.METH_HEAD:
        await answer.prepare(request)
        return answer
    try:
        async with request.app[WATCHING].watch(user_id, number) as sights:
            await answer.prepare(request)
            asked_at = time.monotonic()
            async for sight in sights:
                if time.monotonic() - asked_at > LOOKED_AT_AGAIN_S:
                    asked_at = time.monotonic()
                    if not await _goes_on(request):
                        await answer.write(b"event: over\ndata:\n\n")
                        break
                async with asyncio.timeout(TAKEN_WITHIN_S):
                    await answer.write(_event(request, sight, number))
    except TooMany as error:
        raise web.HTTPTooManyRequests from error
    except TimeoutError:
        _break_off(request)
    except ConnectionResetError:
        pass  # whoever watched has gone
    return answer


def _break_off(request: web.Request) -> None:
    """Let go of somebody who is there and reads nothing: a polite end would wait for them too."""
    if request.transport is not None:
        request.transport.abort()


def _figures(request: web.Request, sight: Sight, number: int) -> dict[str, object]:
    run = sight.view.run if sight.view else None
    facts: dict[str, object] = {"sight": sight, "number": number, "reason_of": request.app[OWN].reason_of}
    return facts | {"rungs": rungs_of(run) if run else [], "outdated": bool(run and outdated(run))}


async def _goes_on(request: web.Request) -> bool:
    try:
        return await visitor_of(request) is not None
    except Unavailable:
        return True  # nothing new is shown meanwhile


def _event(request: web.Request, sight: Sight, number: int) -> bytes:
    if sight.view is None:
        return b": nothing seen yet\n\n"
    language = language_of(request)
    facts = {**_figures(request, sight, number), "language": language, "text": TEXTS[language]}
    shown = aiohttp_jinja2.render_string("figures.html", request, facts)
    return f"event: figures\ndata: {json.dumps(shown)}\n\n".encode()
