"""How what is kept aside is said."""

from bot.replies import BLUE, GREEN, Buttons, Reply, Text, sends
from bot.words import Words, named
from handlers.wording import Params, Render, groups, lines, records, text, with_buttons, with_reason

MOST_TAPS = 6


def _kept_lines(words: Words, params: Params, key: str) -> list[str]:
    return [
        words(key, **{**one, "reason": named(words, "reason_", str(one["reason"]))})
        for one in records(params, "kept")
    ]


def render_refunds(words: Words, params: Params) -> list[Reply]:
    """List what a person may have back, with a button for each."""
    kept = _kept_lines(words, params, "kept_line")
    if not kept:
        return [Text(words("refunds_none"))]
    taps = [
        sends(words("button_refund", **one), f"/refund {one['asset_id']}", BLUE)
        for one in records(params, "kept")
    ]
    return [lines(words("refunds_title"), *kept, words("refunds_how")), *groups(taps[:MOST_TAPS])]


def render_refund_confirm(words: Words, params: Params) -> list[Reply]:
    """Say what will be sent back, with the one button that does it."""
    confirm = sends(words("button_confirm"), f"/refund {params['asset_id']} {params['token']}", GREEN)
    return [Text(words("refund_confirm", **params)), Buttons((confirm,))]


def render_suspense(words: Words, params: Params) -> list[Reply]:
    """List what is kept of anybody."""
    kept = [
        words("suspense_line", line=line, sender=one["sender"] or words("suspense_nobody"))
        for line, one in zip(_kept_lines(words, params, "kept_line"), records(params, "kept"), strict=True)
    ]
    if not kept:
        return [Text(words("suspense_none"))]
    assets = dict.fromkeys(
        (str(one["asset_id"]), str(one["coin"])) for one in records(params, "kept") if one["sender"]
    )
    taps = [
        sends(words("button_sendback", coin=coin), f"/sendback {asset_id}", BLUE) for asset_id, coin in assets
    ]
    return [lines(words("suspense_title"), *kept, words("suspense_how")), *groups(taps[:MOST_TAPS])]


def render_sendback_confirm(words: Words, params: Params) -> list[Reply]:
    """Show who gets back what, with the one button that does it."""
    each = [words("sendback_line", **one) for one in records(params, "kept")]
    confirm = sends(words("button_confirm"), f"/sendback {params['asset_id']} {params['token']}", GREEN)
    shown = lines(words("sendback_confirm", **params), *each, words("sendback_how"))
    return [shown, Buttons((confirm,))]


def render_sendback_requested(words: Words, params: Params) -> list[Reply]:
    """Say that everybody gets theirs back."""
    return [Text(words("sendback_requested", **{**params, "count": len(records(params, "kept"))}))]


REFUND_NOTICES: dict[str, Render] = {
    "payment_small": with_buttons("payment_small", ("button_refunds", "/refund", BLUE)),
    "refunds": render_refunds,
    "refund_needs_asset": text("refund_needs_asset"),
    "refund_confirm": render_refund_confirm,
    "refund_requested": text("refund_requested"),
    "refund_sent": text("refund_sent"),
    "refund_refused": with_reason("refund_refused"),
    "refunds_too_many": text("refunds_too_many"),
    "refund_by_hand": text("refund_by_hand"),
    "nothing_kept": text("nothing_kept"),
    "suspense": render_suspense,
    "sendback_needs_asset": text("sendback_needs_asset"),
    "sendback_confirm": render_sendback_confirm,
    "sendback_requested": render_sendback_requested,
    "nothing_to_send_back": text("nothing_to_send_back"),
}
