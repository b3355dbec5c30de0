"""What one's runs did: a page with filters, and the same as a file."""

from urllib.parse import urlencode

from aiohttp import hdrs, web

from domain.errors import Refused
from domain.market.history import STATES, Subject, Wanted
from domain.services.sheets import Shape, cells_of
from webapp.keys import OWN, VISITOR
from webapp.pages import page
from webapp.visits import form_token, secret_of

routes = web.RouteTableDef()

ROWS_SHOWN = 25
NAMES = ("subject", "run", "pair", "side", "state", "from", "to", "before")
COLUMNS = {
    Subject.FILLS: ("at", "pair", "side", "price", "quantity", "quote_quantity", "fee", "state", "run"),
    Subject.ORDERS: ("at", "pair", "side", "price", "quantity", "filled", "state", "run"),
    Subject.FEES: ("at", "pair", "fee", "amount", "basis", "run"),
}
"""What the page shows of a row; its file has everything."""
_NUMBERS = frozenset({"price", "quantity", "quote_quantity", "filled", "amount", "basis"})
_TYPES = {Shape.CSV: "text/csv", Shape.JSON: "application/json"}


def typed_in(request: web.Request) -> dict[str, str]:
    """Return what was asked for; of a name that is there twice the first."""
    return {name: request.query[name] for name in NAMES if request.query.get(name, "").strip()}


@routes.get("/history")
async def show(request: web.Request) -> web.Response:
    """Show rows, the newest first; what could not be understood is said, and shows everything."""
    typed, misread = typed_in(request), ""
    try:
        wanted = Wanted.read(typed)
    except Refused as refusal:
        wanted, misread = Wanted(), str(refusal.facts.get("what", ""))
    found = await request.app[OWN].history.page(request[VISITOR].user_id, wanted, ROWS_SHOWN)
    kept = {name: text for name, text in wanted.typed().items() if name != "before"}
    facts: dict[str, object] = {
        "typed": typed,
        "misread": misread,
        "subject": wanted.subject,
        "subjects": list(Subject),
        "states": {str(subject): sorted(states) for subject, states in STATES.items()},
        "columns": COLUMNS[wanted.subject],
        "numbers": _NUMBERS,
        "rows": [cells_of(row, row.columns) for row in found.rows],
        "older": urlencode(found.older.typed()) if found.older else "",
        "file": urlencode(kept),
        "form": form_token(secret_of(request)),
    }
    return page(request, "history.html", facts)


@routes.get("/history.csv")
async def as_csv(request: web.Request) -> web.StreamResponse:
    """Give all rows as CSV."""
    return await _file(request, Shape.CSV)


@routes.get("/history.json")
async def as_json(request: web.Request) -> web.StreamResponse:
    """Give all rows as JSON."""
    return await _file(request, Shape.JSON)


async def _file(request: web.Request, shape: Shape) -> web.StreamResponse:
    """Give a file piece by piece; the first is read before anything is promised. What is not understood is
    said by the page.

    When the database falls silent in the middle, the connection breaks off, and no browser takes half a file
    for a whole one.
    """
    try:
        wanted = Wanted.read(typed_in(request))
    except Refused as refusal:
        raise web.HTTPSeeOther(f"/history?{urlencode(typed_in(request))}") from refusal
    answer = web.StreamResponse(
        headers={
            "Content-Type": f"{_TYPES[shape]}; charset=utf-8",
            "Content-Disposition": f'attachment; filename="mrmarket-{wanted.subject}.{shape}"',
        }
    )
    pieces = request.app[OWN].history.export(request[VISITOR].user_id, wanted, shape)
    if request.method == hdrs.METH_HEAD:
        await answer.prepare(request)
        return answer
    first = [await anext(pieces), await anext(pieces, "")]
    await answer.prepare(request)
    await answer.write("".join(first).encode())
    async for piece in pieces:
        await answer.write(piece.encode())
    await answer.write_eof()
    return answer
