"""How withdrawals on their way, and stopped payouts, are said."""

from bot.replies import BLUE, GREEN, RED, Buttons, Reply, Text, sends
from bot.words import Words, named
from domain.ports.freezes import BY_HAND
from handlers.wording import Params, Render, groups, lines, records, text, with_buttons, with_reason

MOST_LISTED = 12
MOST_TAPS = 6


def render_withdrawals(words: Words, params: Params) -> list[Reply]:
    """List withdrawals, each with when to expect it, and a button for each that may be taken back."""
    found = records(params, "withdrawals")
    if not found:
        return with_buttons("withdrawals_none", ("button_withdraw", "/withdraw", GREEN))(words, {})
    listed = []
    for one in found:
        key = f"withdrawal_{one['state'] if one['outlook'] == 'ended' else one['outlook']}"
        shown = [words("withdrawal_line", **one), words(f"{key}_now", **one)]
        listed.append("\n".join([*shown, words("withdrawal_hash", **one)] if one["hash"] else shown))
    taps = [
        sends(words("button_cancel_withdrawal", **one), f"/withdrawals cancel {one['id']}", RED)
        for one in found
        if one["id"]
    ]
    return [lines(words("withdrawals_title"), *listed), *groups(taps[:MOST_TAPS])]


def reason_of(words: Words, reason: str) -> str:
    """Return why payouts are stopped: a code in words, and what it is about as it is."""
    code, colon, about = reason.partition(":")
    return named(words, "reason_", code) + (f" ({about})" if colon else "")


_LIFTS = {"new": "button_unfreeze_new"}
"""Buttons of what is stopped and pays nothing."""


def render_freezes(words: Words, params: Params) -> list[Reply]:
    """List what is not paid out, with a button for each."""
    found = records(params, "freezes")
    if not found:
        return [Text(words("freezes_none"))]
    listed = [
        words("freeze_line", **{**one, "reason": reason_of(words, str(one["reason"]))})
        for one in found[:MOST_LISTED]
    ]
    taps = [
        sends(
            words(_LIFTS.get(str(one["scope"]), "button_unfreeze"), **one), f"/unfreeze {one['scope']}", BLUE
        )
        for one in found[:MOST_TAPS]
    ]
    return [lines(words("freezes_title"), *listed, words("freezes_how")), *groups(taps)]


def render_unfreeze_confirm(words: Words, params: Params) -> list[Reply]:
    """Say why something is stopped, with the one button that lets it go on."""
    code, _, who = str(params["reason"]).partition(":")
    if code == BY_HAND:
        told = words("unfreeze_by_hand_confirm", **params, who=who)
    else:
        told = words("unfreeze_confirm", **{**params, "reason": reason_of(words, str(params["reason"]))})
    confirm = sends(words("button_confirm"), f"/unfreeze {params['scope']} {params['token']}", GREEN)
    return [Text(told), Buttons((confirm,))]


def render_freeze_confirm(kind: str) -> Render:
    """Say what a freeze would stop, with the one button that stops it."""

    def render(words: Words, params: Params) -> list[Reply]:
        confirm = sends(words("button_confirm"), f"/freeze {params['about']} {params['token']}", RED)
        return [Text(words(kind, **params)), Buttons((confirm,))]

    return render


def render_frozen(words: Words, params: Params) -> list[Reply]:
    """Tell the owner that payouts have stopped, and why."""
    return [Text(words("payouts_frozen", **{**params, "reason": reason_of(words, str(params["reason"]))}))]


PAYOUT_NOTICES: dict[str, Render] = {
    "withdrawals": render_withdrawals,
    "withdrawal_cancelled": text("withdrawal_cancelled"),
    "withdrawal_under_way": text("withdrawal_under_way"),
    "withdrawal_unknown": text("withdrawal_unknown"),
    "withdrawal_frozen": text("withdrawal_frozen"),
    "withdrawal_stuck": text("withdrawal_stuck"),
    "payout_stuck": with_reason("payout_stuck"),
    "float_short": text("float_short"),
    "freezes": render_freezes,
    "unfreeze_needs_scope": text("unfreeze_needs_scope"),
    "unfreeze_confirm": render_unfreeze_confirm,
    "not_frozen": text("not_frozen"),
    "payouts_frozen": render_frozen,
    "payouts_unfrozen": text("payouts_unfrozen"),
    "freeze_how": text("freeze_how"),
    "freeze_confirm": render_freeze_confirm("freeze_confirm"),
    "freeze_new_confirm": render_freeze_confirm("freeze_new_confirm"),
    "nothing_new_by_hand": text("nothing_new_by_hand"),
    "stopped_from_outside": text("stopped_from_outside"),
    "stopped_by_file": text("stopped_by_file"),
    "nothing_new_begins": text("nothing_new_begins"),
    "new_begins_again": text("new_begins_again"),
    "coin_unknown": text("coin_unknown"),
    "freeze_not_owner": text("freeze_not_owner"),
    "already_frozen": text("already_frozen"),
    "frozen_by_hand": text("frozen_by_hand"),
    "you_stand_still": text("you_stand_still"),
    "you_go_on": text("you_go_on"),
    "user_frozen": text("user_frozen"),
    "coin_frozen": text("coin_frozen"),
}
