"""The chat page: how a newcomer meets the bot. Plain files of our own, nothing from elsewhere.

A browser test plays a journey by these ``data-testid`` marks:

- ``person-alice`` (``-bob``, ``-owner``): become that person; ``language-en``, ``language-zh``.
- ``balance`` (``data-symbol``, ``data-asset-id``, ``data-amount``) and ``amount-USDT`` (``data-amount`` is
  exact, the text is grouped; the first coin of a symbol has its symbol, a look-alike its asset id) in
  ``wallet``; ``worth``.
- ``message`` (``data-message-id``, ``data-category``, ``data-mine``, ``data-sequence``) in ``messages``.
- ``button`` in a button group or card (``data-label``, ``data-action``); ``card``, ``image``, ``transfer``
  (``data-amount``, below zero when paid out).
- ``composer`` and ``send``; ``hi`` in the empty conversation; ``link-state``; ``to-end``; ``toast``.
- ``pay-sheet`` with ``pay-amount`` (``data-amount``), ``pay-asset``, ``pay-recipient``, ``pay-memo``,
  ``pay-balance``, ``pay-confirm``, ``pay-cancel``, ``pay-error``, then ``pay-status`` (``data-state`` is
  ``paid`` or ``already_paid``) and ``pay-done``.
- ``transfer-open`` opens ``transfer-sheet``: ``transfer-asset``, ``transfer-amount``, ``transfer-memo``.
- ``page-frame`` with ``page-open`` and ``page-close``: a page of this machine inside the phone.

``/chat?as=bob`` opens the page as Bob.
"""

from pathlib import Path

from aiohttp import web

HERE = Path(__file__).parent
TYPES = {".css": "text/css", ".html": "text/html", ".js": "text/javascript", ".svg": "image/svg+xml"}
POLICY = (
    "default-src 'self'; img-src 'self' data: https: http://127.0.0.1:* http://localhost:*; "
    "frame-src 'self' http://127.0.0.1:* http://localhost:*; object-src 'none'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'"
)


def routes() -> list[web.RouteDef]:
    """Return the routes of the page and its files."""
    return [web.get("/chat", show), web.get("/chat/{name}", show)]


async def show(request: web.Request) -> web.Response:
    """Answer one of our own files; there is no way to name any other."""
    files = {path.name: path for path in HERE.iterdir() if path.suffix in TYPES}
    path = files.get(request.match_info.get("name", "chat.html"))
    if path is None:
        raise web.HTTPNotFound
    headers = {
        "Content-Security-Policy": POLICY,
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Cache-Control": "no-cache",
    }
    return web.Response(
        body=path.read_bytes(), content_type=TYPES[path.suffix], charset="utf-8", headers=headers
    )
