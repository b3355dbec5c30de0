"""How the owner's taking of fees is said; the words themselves are in the catalogues."""

from bot.replies import BLUE, GREEN, RED, Buttons, Reply, Text, sends
from bot.words import Words
from handlers.wording import Params, Render, groups, lines, records, text, with_buttons, with_reason

MOST_TAPS = 6


def render_earned(words: Words, params: Params) -> list[Reply]:
    """List what was earned and what was or will be taken, with a button for each that can be acted on."""
    earned, taken = records(params, "earned"), records(params, "taken")
    listed = [words("fees_earned_line", **one) for one in earned]
    found = [words(f"taking_{_stands(one)}", **one) for one in taken]
    takes = [
        sends(words("button_take_fees", **one), f"/takefees {one['asset_id']}", BLUE)
        for one in earned
        if one["takeable"] != "0"
    ]
    cancels = [
        sends(words("button_cancel_taking", **one), f"/takefees cancel {one['id']}", RED)
        for one in taken
        if one["id"]
    ]
    title = words("fees_earned") if earned else words("fees_earned_nothing")
    shown = lines(title, *listed, *([words("fees_taken_title"), *found] if found else []))
    return [shown, *groups([*takes[:MOST_TAPS], *cancels[:MOST_TAPS]])]


def _stands(one: Params) -> str:
    """Return how a taking stands, in few words: announced, on its way, waiting, or ended."""
    state = str(one["state"])
    if state in ("done", "refused", "cancelled"):
        return state
    if not one["id"]:
        return "leaving"
    return "waiting" if one["reason"] else "announced"


def render_take_confirm(words: Words, params: Params) -> list[Reply]:
    """Show what would be taken and when, with the one button that announces it."""
    again = f"/takefees {params['asset_id']} {params['amount']} {params['token']}"
    return [
        Text(words("take_fees_confirm", **params)),
        Buttons((sends(words("button_confirm"), again, GREEN),)),
    ]


FEE_TAKING_NOTICES: dict[str, Render] = {
    "fees_earned": render_earned,
    "take_fees_how": with_buttons("take_fees_how", ("button_fees_earned", "/takefees", BLUE)),
    "take_fees_confirm": render_take_confirm,
    "fees_taking_announced": text("fees_taking_announced"),
    "fees_taking_cancelled": text("fees_taking_cancelled"),
    "fees_taking_refused": with_reason("fees_taking_refused"),
    "fees_taken": text("fees_taken"),
    "fees_beyond": text("fees_beyond"),
    "taking_unknown": text("taking_unknown"),
    "taking_under_way": text("taking_under_way"),
}
