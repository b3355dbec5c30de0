"""How a person's own data, and coins they have not asked about for long, are talked about."""

from bot.replies import BLUE, BROWN, RED, Buttons, Reply, Text, sends
from bot.words import Words
from handlers.wording import Params, Render, lines, records, text, with_buttons


def render_forget_confirm(words: Words, params: Params) -> list[Reply]:
    """Say what would be erased, with the one button that erases it."""
    confirm = sends(words("button_confirm"), f"/forget {params['token']}", RED)
    return [Text(words("forget_confirm", **params)), Buttons((confirm,))]


def render_inactive(words: Words, params: Params) -> list[Reply]:
    """List people and what is theirs, a line each."""
    people = [words("inactive_line", **one) for one in records(params, "people")]
    return [lines(words("inactive_title" if people else "inactive_none", **params), *people)]


_WITHDRAW = ("button_withdraw", "/withdraw", BROWN)
_RUNS = ("button_runs", "/runs", BLUE)

OWN_DATA_NOTICES: dict[str, Render] = {
    "own_data": text("own_data"),
    "own_data_nobody": text("own_data_nobody"),
    "data_asked_for": text("data_asked_for"),
    "forget_how": text("forget_how"),
    "forget_confirm": render_forget_confirm,
    "forgotten": text("forgotten"),
    "forget_has_role": text("forget_has_role"),
    "forget_has_runs": with_buttons("forget_has_runs", _RUNS),
    "forget_has_payouts": text("forget_has_payouts"),
    "forget_has_balance": with_buttons("forget_has_balance", _WITHDRAW),
    "forget_has_kept": text("forget_has_kept"),
    "inactive": render_inactive,
    "you_were_away": with_buttons("you_were_away", _WITHDRAW),
    "still_here": text("still_here"),
}
