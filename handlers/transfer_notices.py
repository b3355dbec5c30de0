"""How treasury transfers and the address book are said; the words themselves are in the catalogues."""

from bot.ports import Json
from bot.replies import BLUE, GREEN, Buttons, Reply, Text, sends
from bot.words import Words, named
from handlers.wording import Params, Render, groups, lines, names, records, text

MOST_LISTED = 12
MOST_TAPS = 6


def _said(words: Words, params: Params) -> dict[str, Json]:
    """Return the parameters with direction, state and reason in words."""
    shown = dict(params)
    if "direction" in shown:
        shown["route"] = words(f"route_{shown['direction']}", **params)
    if "state" in shown:
        shown["state"] = named(words, "moving_", str(shown["state"]))
    if "reason" in shown:
        shown["reason"] = named(words, "reason_", str(shown["reason"]))
    if "tag" in shown:
        shown["tag"] = words("address_tag", **params) if shown["tag"] else ""
    return shown


def about(key: str) -> Render:
    """Say something about a transfer or an address."""
    return lambda words, params: [Text(words(key, **_said(words, params)))]


def _command(decision: str, params: Params) -> str:
    by_hand = decision == "done_by_hand"
    return f"/moved {params['id']}" if by_hand else f"/move {decision} {params['id']}"


def render_transfers(words: Words, params: Params) -> list[Reply]:
    """List transfers, with a button for each thing that a person may decide."""
    found = records(params, "transfers")
    if not found:
        return [Text(words("transfers_none"))]
    listed, taps = [], []
    for one in found[:MOST_LISTED]:
        said = _said(words, one)
        shown = words("transfer_line", **said)
        listed.append(
            words("transfer_because", line=shown, reason=said["reason"]) if one["reason"] else shown
        )
        taps += [
            sends(words(f"button_{decision}", **one), _command(decision, one), BLUE)
            for decision in names(one, "open_to")
        ]
    return [lines(words("transfers_title"), *listed), *groups(taps[:MOST_TAPS])]


def render_move_confirm(words: Words, params: Params) -> list[Reply]:
    """Show what a decision means, with the one button that makes it."""
    again = f"{_command(str(params['decision']), params)} {params['token']}"
    confirm = sends(words("button_confirm"), again, GREEN)
    return [Text(words(f"move_{params['decision']}", **_said(words, params))), Buttons((confirm,))]


def render_addresses(words: Words, params: Params) -> list[Reply]:
    """List where the instance's own money may go, with a button for each that waits for a word."""
    found = records(params, "addresses")
    if not found:
        return [Text(words("addresses_none"))]
    listed = [
        words("address_line", **{**_said(words, one), "state": words(f"entry_{one['state']}")})
        for one in found
    ]
    taps = [
        sends(words("button_approve", **one), f"/approve {one['id']}", BLUE)
        for one in found
        if one["state"] == "proposed"
    ]
    return [lines(words("addresses_title"), *listed), *groups(taps[:MOST_TAPS])]


def render_approve_confirm(words: Words, params: Params) -> list[Reply]:
    """Show every part of an address, with the one button that approves it."""
    confirm = sends(words("button_confirm"), f"/approve {params['id']} {params['token']}", GREEN)
    return [Text(words("approve_confirm", **_said(words, params))), Buttons((confirm,))]


_ALERTS = (
    "transfer_void",
    "transfer_stuck",
    "transfer_short",
    "transfer_over",
    "transfer_went_back",
    "transfer_by_hand",
    "transfer_unlisted",
    "transfer_unanswered",
    "transfer_twice",
    "transfer_in_review",
    "transfer_returned",
    "address_proposed",
    "address_unfit",
    "address_changed",
)

TRANSFER_NOTICES: dict[str, Render] = {
    **{kind: about(kind) for kind in _ALERTS},
    "transfers": render_transfers,
    "move_how": text("move_how"),
    "move_confirm": render_move_confirm,
    "move_decided": about("move_decided"),
    "addresses": render_addresses,
    "approve_how": text("approve_how"),
    "approve_confirm": render_approve_confirm,
    "address_approved": about("address_approved"),
    "transfer_unknown": text("transfer_unknown"),
    "transfer_not_open_to": text("transfer_not_open_to"),
    "address_unknown": text("address_unknown"),
    "address_not_proposed": text("address_not_proposed"),
}
