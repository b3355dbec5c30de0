"""How differences between our books and what lies there are said."""

from bot.ports import Json
from bot.replies import BLUE, GREEN, Buttons, Reply, Text, sends
from bot.words import Words, named, span
from handlers.wording import Params, Render, lines, names, records, text, with_buttons, with_reason

MOST_LISTED = 12
_NOW = ("button_reconcile_now", "/reconcile now", BLUE)


def render_state(words: Words, params: Params) -> list[Reply]:
    """List every place with its age, and of each what differs."""
    standings = records(params, "standings")
    if not standings:
        return with_buttons("reconcile_never", _NOW)(words, {})
    said = []
    for standing in standings:
        fine, outcome = standing["fine_s"], words(f"outcome_{standing['outcome']}")
        told: dict[str, Json] = {
            "place": standing["place"],
            "outcome": outcome,
            "age": span(words, standing["age_s"]),
        }
        if fine is None:
            said.append(words("reconcile_place_never_fine", **told))
        else:
            said.append(words("reconcile_place", **told, fine=span(words, fine)))
        said += _lines(words, standing)
    return [lines(words("reconcile_title"), *said), *with_buttons("reconcile_how", _NOW)(words, {})]


def _lines(words: Words, standing: Params) -> list[str]:
    said = []
    for line in records(standing, "lines")[:MOST_LISTED]:
        key = "reconcile_under_way" if line["unexplained"] == "0" else "reconcile_line"
        explained = words("list_separator").join(names(line, "explained"))
        said.append(words(key, **{**line, "explained": explained}))
    for stray in records(standing, "strays")[:MOST_LISTED]:
        reason = named(words, "reason_", str(stray["reason"]))
        said.append(words("reconcile_stray", order=stray["order"], reason=reason))
    return said


def render_settle_confirm(words: Words, params: Params) -> list[Reply]:
    """Say what booking a difference does, with the one button that does it."""
    told = Text(words(f"settle_confirm_{params['kind']}", **params))
    word = f"/settle {params['place']} {params['subject']} {params['token']}"
    return [told, Buttons((sends(words("button_confirm"), word, GREEN),))]


def render_settled(words: Words, params: Params) -> list[Reply]:
    """Say that a difference is booked."""
    return [Text(words(f"settled_{params['kind']}", **params))]


DIFFERENCE_NOTICES: dict[str, Render] = {
    "difference_short": text("difference_short"),
    "difference_surplus": text("difference_surplus"),
    "difference_gone": text("difference_gone"),
    "difference_stands": text("difference_stands"),
    "difference_settled": render_settled,
    "settle_how": text("settle_how"),
    "settle_confirm": render_settle_confirm,
    "nothing_to_settle": text("nothing_to_settle"),
    "orders_differ": with_reason("orders_differ"),
    "ledger_contradicts": text("ledger_contradicts"),
    "booted_safe": with_reason("booted_safe"),
    "reconcile_state": render_state,
    "reconcile_asked": text("reconcile_asked"),
}
