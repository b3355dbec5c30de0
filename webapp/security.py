"""Headers that every answer carries, errors included (safety §4.4)."""

from collections.abc import Awaitable, Callable

from aiohttp import hdrs, web

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'; object-src 'none'"
)
_ALWAYS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Server": "MrMarket",
}
_ENCRYPTED = {"Strict-Transport-Security": "max-age=31536000; includeSubDomains"}

Signal = Callable[[web.Request, web.StreamResponse], Awaitable[None]]


def is_our_own(request: web.Request, origin: str) -> bool:
    """Tell whether a request that changes something comes from a page of ours.

    Browsers say so themselves; those that do not yet name the page's origin, or hide it (``null``), since our
    pages send no referrer. What a request needs besides is a secret in its path or its form.
    """
    if site := request.headers.get("Sec-Fetch-Site"):
        return site == "same-origin"
    return request.headers.get(hdrs.ORIGIN, "null") in ("null", origin)


def add_headers(*, encrypted: bool, framed_by: str = "") -> Signal:
    """Return the signal that puts the headers on an answer just before it leaves.

    Nobody may put our pages into a frame but ``framed_by``, which is the sandbox's phone.
    """
    headers = _ALWAYS | (_ENCRYPTED if encrypted else {})
    if framed_by:
        headers["Content-Security-Policy"] = _POLICY.replace("ancestors 'none'", f"ancestors {framed_by}")
        del headers["X-Frame-Options"]

    async def add(request: web.Request, response: web.StreamResponse) -> None:
        response.headers.update(headers)
        response.headers.setdefault("Cache-Control", "no-store")

    return add
