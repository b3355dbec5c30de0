"""How history is said; the words themselves are in the catalogues."""

from bot.ports import Json
from bot.replies import BLUE, TEAL, VIOLET, Reply, Text, sends
from bot.words import Words, named
from handlers.wording import Params, Render, groups, lines, records

_NOTHING = {"fees": "history_nothing_fees"}
"""What is said where there are no rows, if there is more to say than that."""


def render_history(words: Words, params: Params) -> list[Reply]:
    """List rows, one a line, and offer older ones and the other subjects."""
    subject, older = str(params["subject"]), str(params["older"])
    rows = [_line(words, subject, row) for row in records(params, "rows")]
    title = words(f"history_{subject}") if rows else words(_NOTHING.get(subject, "history_nothing"))
    others = [
        sends(words(f"button_history_{one['subject']}"), str(one["command"]), TEAL)
        for one in records(params, "others")
    ]
    go_on = [sends(words("button_older"), older, BLUE)] if older else []
    page = [sends(words("button_page"), str(params["page"]), VIOLET)] if params["page"] else []
    buttons = [*go_on, *others, *page]
    return [lines(title, *rows), *groups(buttons)]


def _line(words: Words, subject: str, row: dict[str, Json]) -> str:
    state = named(words, "history_state_", str(row.get("state", "")))
    fee = named(words, "fee_", str(row["fee"])) if subject == "fees" else row.get("fee", "")
    told = {**row, "state": state, "fee": fee, "whose": _whose(words, row)}
    if subject == "fees":
        return words("history_fees_line", **told)
    line = words(f"history_{subject}_{row['side']}", **told)
    return words("list_separator").join([line, *_remarks(words, subject, told, str(row["state"]))])


def _whose(words: Words, row: dict[str, Json]) -> str:
    return words(f"history_of_{row['kind']}", **row) if row["kind"] else words("history_of_nothing")


def _remarks(words: Words, subject: str, told: dict[str, Json], state: str) -> list[str]:
    """Return what is worth saying after a line."""
    if subject == "orders":
        return [words("history_filled", **told), str(told["state"])]
    fee = words("history_fee", **told) if told["fee"] else words("history_fee_unknown")
    return [fee] if state == "booked" else [fee, str(told["state"])]


def render_not_understood(words: Words, params: Params) -> list[Reply]:
    """Say which word was not understood, and what can be said."""
    what = named(words, "history_what_", str(params["what"]))
    return [Text(words("history_not_understood", **{**params, "what": what}))]


HISTORY_NOTICES: dict[str, Render] = {
    "history": render_history,
    "history_not_understood": render_not_understood,
}
