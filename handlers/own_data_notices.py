"""How a person's own data is talked about; the words themselves are in the catalogues."""

from bot.replies import BLUE, BROWN, RED, Buttons, Reply, Text, sends
from bot.words import Words
from handlers.wording import Params, Render, text, with_buttons


def render_forget_confirm(words: Words, params: Params) -> list[Reply]:
    """Say what would be erased, with the one button that erases it."""
    confirm = sends(words("button_confirm"), f"/forget {params['token']}", RED)
    return [Text(words("forget_confirm", **params)), Buttons((confirm,))]


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
    "still_here": text("still_here"),
}
