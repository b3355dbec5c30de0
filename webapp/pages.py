"""A template in the language of who looks, and what is shown when something is not there."""

import aiohttp_jinja2
from aiohttp import web
from aiohttp.typedefs import Handler

from domain.errors import Refused, Unavailable
from domain.ports.pages import Visitor
from webapp.keys import VISITOR
from webapp.texts import TEXTS, choose_language


def language_of(request: web.Request) -> str:
    """Return the language that was chosen in the chat, or that the browser likes best."""
    visitor: Visitor | None = request.get(VISITOR)
    if visitor is not None and visitor.language in TEXTS:
        return visitor.language
    return choose_language(request.headers.get("Accept-Language", ""))


def page(
    request: web.Request, template: str, facts: dict[str, object] | None = None, status: int = 200
) -> web.Response:
    """Return a page."""
    language = language_of(request)
    words = {"text": TEXTS[language], "language": language, "both": tuple(TEXTS.values())}
    answer = aiohttp_jinja2.render_template(template, request, {**words, **(facts or {})})
    answer.set_status(status)
    answer.headers["Content-Language"] = language
    answer.headers["Vary"] = "Accept-Language, Cookie"
    return answer


@web.middleware
async def friendly_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer with a page in the person's language where there is nothing, or the database is silent."""
    try:
        return await handler(request)
    except (web.HTTPNotFound, Refused):
        return page(request, "not_found.html", status=404)
    except Unavailable:
        return page(request, "silent.html", status=503)
