"""How the end of an instance is said; the words themselves are in the catalogues."""

from bot.replies import BLUE, BROWN, RED, Buttons, Reply, sends
from bot.words import Words
from handlers.wording import Params, Render, groups, lines, records, text, with_buttons

_WITHDRAW = ("button_withdraw", "/withdraw", BROWN)
_RUNS = ("button_runs", "/runs", BLUE)

_COUNTS = ("runs", "payouts", "stuck", "kept")
"""What is said only when there is any."""


def _left(words: Words, params: Params) -> list[str]:
    """Return what is left to do, a line each."""
    coins = [
        words("closing_dust" if one["dust"] else "closing_coin", **one) for one in records(params, "coins")
    ]
    counts = [words(f"closing_{count}", **params) for count in _COUNTS if params[count] != "0"]
    return [*coins, *counts] or [words("closing_nothing_left")]


def render_closing_confirm(words: Words, params: Params) -> list[Reply]:
    """Say what would be wound up and how, with the one button that announces it."""
    confirm = sends(words("button_confirm"), f"/close {params['token']}", RED)
    return [lines(*_left(words, params), words("closing_confirm", **params)), Buttons((confirm,))]


def render_closing_status(words: Words, params: Params) -> list[Reply]:
    """Say how far the closing is, with the button that calls it off while that may be."""
    state = str(params["state"])
    title = words(f"closing_is_{state}" if state else "closing_is_not", **params)
    off = {"announced": "button_call_off", "closed": "button_reopen"}.get(state)
    taps = [sends(words(off), "/close off", BLUE)] if off else []
    return [lines(title, *_left(words, params)), *groups(taps)]


CLOSING_NOTICES: dict[str, Render] = {
    "closing_how": text("closing_how"),
    "closing_confirm": render_closing_confirm,
    "closing_status": render_closing_status,
    "closing_stands": text("closing_stands"),
    "not_closing": text("not_closing"),
    "closing_has_begun": text("closing_has_begun"),
    "closing_announced": with_buttons("closing_announced", _WITHDRAW, _RUNS),
    "closing_called_off": text("closing_called_off"),
    "closing_pays": text("closing_pays"),
    "closing_announced_to_keepers": text("closing_announced_to_keepers"),
    "closing_called_off_to_keepers": text("closing_called_off_to_keepers"),
    "closing_reopened_to_keepers": text("closing_reopened_to_keepers"),
    "closing_begins": text("closing_begins"),
    "closing_is_over": text("closing_is_over"),
}
