"""How everything about runs is said; the words themselves are in the catalogues."""

from bot.ports import Json
from bot.replies import BLUE, GREEN, RED, TEAL, VIOLET, Button, Buttons, Reply, Text, opens, sends
from bot.words import Words, named
from handlers.page_notices import PAGE_URL
from handlers.wording import (
    CANCEL,
    Params,
    Render,
    cancels,
    choice_buttons,
    confirm_buttons,
    groups,
    lines,
    names,
    records,
    sections,
    text,
    with_buttons,
    with_reason,
)

MOST_LISTED = 12


def render_pair_choice(words: Words, params: Params) -> list[Reply]:
    """Ask for one of the pairs on offer."""
    offered = names(params, "choices")
    asked = words("new_ask_pair", choices=words("list_separator").join(offered))
    return [Text(asked), *choice_buttons(words, offered)]


def render_preset_choice(words: Words, params: Params) -> list[Reply]:
    """Ask for a preset, with what each does, or for settings of one's own."""
    presets = records(params, "presets")
    described = [words("preset_line", **{**one, "name": preset_name(words, one["name"])}) for one in presets]
    buttons = [sends(preset_name(words, one["name"]), str(one["name"]), BLUE) for one in presets]
    return [
        lines(words("new_ask_preset", pair=params["pair"]), *described, words("preset_own_line")),
        *groups([*buttons, sends(words("button_own"), "own", TEAL), cancels(words)]),
    ]


def render_not_a_preset(words: Words, params: Params) -> list[Reply]:
    """Say what could have been chosen, by the names on the buttons."""
    choices = [*(preset_name(words, name) for name in names(params, "presets")), words("button_own")]
    return [Text(words("not_a_choice", choices=words("list_separator").join(choices)))]


def preset_name(words: Words, name: Json) -> str:
    """Return a preset's name in the person's words; none is one's own settings."""
    return named(words, "preset_", str(name)) if name else words("preset_own")


def render_knob(words: Words, params: Params) -> list[Reply]:
    """Ask for one parameter, with its help, unit, bounds and default."""
    key = str(params["help"])
    default = shown_value(words, str(params["unit"]), str(params["default"]))
    told = words(
        "new_ask_knob",
        **{**params, "knob": named(words, "knob_", key), "unit": named(words, "unit_", str(params["unit"]))},
    )
    helped = words(f"help_{key}") if words.has(f"help_{key}") else ""
    if params["unit"] == "switch":
        bounds = words("knob_switch", default=default)
        taps = [sends(words("button_yes"), "yes", GREEN), sends(words("button_no"), "no", RED)]
    else:
        low, high = words.amount(str(params["minimum"])), words.amount(str(params["maximum"]))
        key = "knob_amount" if params["unit"] == "base" else "knob_bounds"
        bounds = words(key, minimum=low, maximum=high, default=default)
        taps = [sends(words("button_default", value=default), "default", BLUE)]
    return [lines(told, helped, bounds), *groups([*taps, cancels(words)])]


def shown_value(words: Words, unit: str, value: str) -> str:
    """Return a parameter's value as people read it."""
    if unit == "switch":
        return words(f"switch_{value}")
    return words("value_auto") if unit == "base" and value == "0" else words.amount(value)


def render_run_confirm(words: Words, params: Params) -> list[Reply]:
    """Show what a run would do, with the one button that starts it."""
    quotes = [
        words(f"new_{side}", **quote, base_coin=params["base_coin"], quote_coin=params["quote_coin"])
        for side in ("bids", "asks")
        for quote in records(params, side)
    ]
    own = [] if params["preset"] else [setting_line(words, one) for one in records(params, "settings")]
    told = words("new_confirm", **{**params, "preset": preset_name(words, params["preset"])})
    ours = words("new_our_fee", **params) if params["our_fee_bps"] else ""
    widened = words("new_widened", **params) if params["widened"] else ""
    return [
        sections(
            lines(told, ours, *own, widened),
            lines(words("new_quotes"), *quotes),
            Text(words("new_confirm_how")),
        ),
        confirm_buttons(words, str(params["token"])),
    ]


def setting_line(words: Words, setting: dict[str, Json]) -> str:
    """Return one setting of one's own in a line."""
    shown = shown_setting(words, str(setting["unit"]), str(setting["value"]))
    return words("setting_line", knob=named(words, "knob_", str(setting["help"])), value=shown)


def shown_setting(words: Words, unit: str, value: str) -> str:
    """Return a parameter's value with what it counts."""
    measured = f"value_{unit}"
    return words(measured, value=value) if words.has(measured) else shown_value(words, unit, value)


def run_line(words: Words, run: Params) -> str:
    """Return a run in a line."""
    line = words("run_line", **{**run, "state": named(words, "state_", str(run["state"]))})
    return line if run["profit"] is None else line + words("run_line_profit", **run)


def render_runs(words: Words, params: Params) -> list[Reply]:
    """List runs, with a button for each of the first."""
    runs = records(params, "runs")
    if not runs:
        return with_buttons("runs_none", ("button_new", "/new", BLUE))(words, {})
    more = words("runs_more", count=len(runs) - MOST_LISTED) if len(runs) > MOST_LISTED else ""
    buttons = [
        sends(words("button_run", number=run["number"]), f"/run {run['number']}", TEAL) for run in runs[:6]
    ]
    return [
        lines(words("runs_title"), *(run_line(words, run) for run in runs[:MOST_LISTED]), more),
        *groups(buttons),
    ]


_TROUBLE = {"paused": "run_paused_because", "awaiting_user": "run_waits_because"}
"""How the reason is told of a run that stands aside; one at work is in trouble."""


def render_run(words: Words, params: Params) -> list[Reply]:
    """Tell all about one run."""
    held = params["state"] in ("halted", "recovering") and params["open_orders"]
    known = {
        **params,
        "open": words("run_open_held" if held else "run_open", open_orders=params["open_orders"]),
        "state": named(words, "state_", str(params["state"])),
        "preset": preset_name(words, params["preset"]),
    }
    parts = [words("run", **known), *fees_paid(words, params)]
    if params["profit"] is not None and params["mid"] is not None:
        parts.append(words("run_result" if params["stopped_at"] else "run_profit", **params))
    if params["trouble"]:
        key = _TROUBLE.get(str(params["state"]), "run_in_trouble")
        reason = named(words, "reason_", str(params["trouble"]))
        parts.append(words(key, reason=reason, number=params["number"]))
    if params["stopped_at"]:
        parts.append(words("run_since_stopped", stopped_at=params["stopped_at"]))
    replies: list[Reply] = [lines(*parts)]
    taps = run_buttons(words, str(params["state"]), params["number"])
    if params.get(PAGE_URL):
        taps = (*taps, opens(words("button_live"), str(params[PAGE_URL]), VIOLET))
    if taps:
        replies.append(Buttons(taps))
    return replies


def run_buttons(words: Words, state: str, number: Json) -> tuple[Button, ...]:
    """Return what one can do with a run in a state, by a tap."""
    refresh = sends(words("button_refresh"), f"/run {number}", TEAL)
    leave = sends(words("button_stop", number=number), f"/leave {number}", RED)
    aside = {
        "funding": (),
        "running": (sends(words("button_pause", number=number), f"/pause {number}", BLUE),),
        "halted": (),
        "recovering": (),
        "awaiting_user": (sends(words("button_resume", number=number), f"/resume {number}", GREEN),),
        "paused": (sends(words("button_resume", number=number), f"/resume {number}", GREEN),),
    }
    return (refresh, *aside[state], leave) if state in aside else ()


def with_run_buttons(key: str, state: str) -> Render:
    """Say something about a run, with what can be done with it now."""

    def render(words: Words, params: Params) -> list[Reply]:
        why = {"reason": named(words, "reason_", str(params["reason"]))} if "reason" in params else {}
        said = words(key, **{**params, **why})
        return [Text(said), Buttons(run_buttons(words, state, params["number"]))]

    return render


def fees_paid(words: Words, params: Params) -> list[str]:
    """Return what a run has paid us, where it pays anything."""
    paid = words("list_separator").join(words("coins", **one) for one in records(params, "paid"))
    if not params["fee_bps"]:
        return []
    return [words("run_fees" if paid else "run_fees_none", fee_bps=params["fee_bps"], paid=paid)]


def render_stop_choice(words: Words, params: Params) -> list[Reply]:
    """Ask which run to stop."""
    runs = records(params, "runs")
    listed = [words("stop_choice", **run) for run in runs]
    taps = [
        sends(words("button_stop", number=run["number"]), f"/leave {run['number']}", RED) for run in runs[:5]
    ]
    return [
        lines(words("stop_ask"), *listed),
        *groups([*taps, sends(words("button_stop_all"), "/stop all", RED)]),
    ]


def render_change_confirm(words: Words, params: Params) -> list[Reply]:
    """Show what would change, with the one button that changes it."""
    moves = records(params, "moves")
    shown = [
        words(
            "change_line",
            knob=named(words, "knob_", str(move["help"])),
            before=shown_setting(words, str(move["unit"]), str(move["before"])),
            after=shown_setting(words, str(move["unit"]), str(move["after"])),
        )
        for move in moves
    ]
    asked = " ".join(f"{move['name']} {move['after']}" for move in moves)
    confirm = f"/change {params['number']} {asked} {params['token']}"
    return [
        lines(words("change_confirm", **params), *shown, words(with_state("change_confirm_how", params))),
        Buttons((sends(words("button_confirm"), confirm, GREEN),)),
    ]


def with_state(key: str, params: Params) -> str:
    """Return the text for a run at work, or the one for a run of which nothing is on the book meanwhile."""
    return key if params.get("state", "running") in ("running", "funding") else f"{key}_aside"


def render_changed(words: Words, params: Params) -> list[Reply]:
    """Say that a run has new settings, and when they count."""
    return [Text(words(with_state("run_changed", params), **params))]


def render_recovered(words: Words, params: Params) -> list[Reply]:
    """Say how market makers came back, and what to do about those that did not."""
    asked = str(params["asked"]) != "0"
    return [lines(words("recovery_done", **params), words("recovery_done_asked") if asked else "")]


def render_ended(words: Words, params: Params) -> list[Reply]:
    """Say that a run is stopping or has stopped already."""
    return [Text(words("run_ended", **{**params, "state": named(words, "state_", str(params["state"]))}))]


def of_knob(key: str) -> Render:
    """Say something about a parameter, named in the person's words."""

    def render(words: Words, params: Params) -> list[Reply]:
        known = {**params, "parameter": named(words, "knob_", str(params["parameter"]))}
        if "unit" in params:
            known["unit"] = named(words, "unit_", str(params["unit"]))
        return [Text(words(key, **known))]

    return render


def render_started(words: Words, params: Params) -> list[Reply]:
    """Say that a run has started, and where to watch it."""
    number = params["number"]
    watch = sends(words("button_run", number=number), f"/run {number}", TEAL)
    return [
        Text(words("run_started", **params)),
        Buttons((watch, sends(words("button_stop", number=number), f"/leave {number}", RED))),
    ]


def with_coins(key: str) -> Render:
    """Say something about a run, with the coins of its pair by name."""

    def render(words: Words, params: Params) -> list[Reply]:
        base, quote = str(params["pair"]).split("/")
        return [Text(words(key, **{**params, "base_coin": base, "quote_coin": quote}))]

    return render


def render_stopped(words: Words, params: Params) -> list[Reply]:
    """Say that a run has stopped, and what came back."""
    return [
        *with_coins("run_stopped")(words, params),
        Buttons(
            (sends(words("button_withdraw"), "/withdraw", GREEN), sends(words("button_runs"), "/runs", TEAL))
        ),
    ]


def render_halts(words: Words, params: Params) -> list[Reply]:
    """List halted accounts, with a button for each of the first."""
    halts = records(params, "halts")
    if not halts:
        return [Text(words("halts_none"))]
    listed = [
        words("halt_line", **{**halt, "reason": named(words, "reason_", str(halt["reason"]))})
        for halt in halts[:MOST_LISTED]
    ]
    accounts = list(dict.fromkeys(str(halt["account"]) for halt in halts))[:6]
    taps = [sends(words("button_unhalt", account=name), f"/unhalt {name}", BLUE) for name in accounts]
    return [lines(words("halts_title"), *listed, words("halts_how")), *groups(taps)]


def render_unhalt_confirm(words: Words, params: Params) -> list[Reply]:
    """Say why an account is halted, with the one button that lets it trade again."""
    account = params["account"]
    reasons = [named(words, "reason_", reason) for reason in names(params, "reasons")]
    confirm = sends(words("button_confirm"), f"/unhalt {account} {params['token']}", GREEN)
    told = words("unhalt_confirm", account=account, reasons=words("list_separator").join(reasons))
    return [Text(told), Buttons((confirm,))]


def render_trade_changed(key: str) -> Render:
    """Say what became of a trade that the venue changed or took back."""

    def render(words: Words, params: Params) -> list[Reply]:
        base = str(params["pair"]).split("/")[0]
        side = words(f"side_{params['side']}")
        how = "trade_gone" if params["after"] == "0" else "trade_now"
        became = words(how, **{**params, "base_coin": base})
        return [Text(words(key, **{**params, "base_coin": base, "side": side, "became": became}))]

    return render


HALT_NOTICES: dict[str, Render] = {
    "halts": render_halts,
    "unhalt_needs_account": text("unhalt_needs_account"),
    "unhalt_confirm": render_unhalt_confirm,
    "account_halted": with_reason("account_halted"),
    "trading_fails": text("trading_fails"),
    "account_unhalted": text("account_unhalted"),
    "coins_found": text("coins_found"),
    "not_halted": text("not_halted"),
    "halts_changed": text("halts_changed"),
    "trade_changed": render_trade_changed("trade_changed"),
    "stop_waits": with_reason("stop_waits"),
    "key_refused": with_reason("key_refused"),
    "angel_took": with_reason("angel_took"),
    "angel_safe": text("angel_safe"),
    "angel_blocked": with_reason("angel_blocked"),
    "angel_blind": with_reason("angel_blind"),
    "angel_unheard": text("angel_unheard"),
    "run_taken_over": text("run_taken_over"),
    "recovery_began": text("recovery_began"),
    "recovery_done": render_recovered,
}


def render_stop_all_confirm(words: Words, params: Params) -> list[Reply]:
    """Say how much would stop, with the one button that stops it."""
    confirm = sends(words("button_confirm"), f"/stopall {params['token']}", RED)
    return [Text(words("stop_all_confirm", **params)), Buttons((confirm,))]


RUN_NOTICES: dict[str, Render] = {
    "new_no_pair": text("new_no_pair"),
    "new_no_funds": with_buttons("new_no_funds", ("button_deposit", "/deposit", GREEN)),
    "new_ask_pair": render_pair_choice,
    "new_ask_preset": render_preset_choice,
    "not_a_preset": render_not_a_preset,
    "new_ask_knob": render_knob,
    "new_ask_amount": with_buttons(
        "new_ask_amount", ("button_all", "all", BLUE), ("button_none", "nothing", TEAL), CANCEL
    ),
    "new_confirm": render_run_confirm,
    "runs": render_runs,
    "run": render_run,
    "run_number_needed": text("run_number_needed"),
    "live_number_needed": text("live_number_needed"),
    "stop_ask": render_stop_choice,
    "stop_nothing": text("stop_nothing"),
    "run_ended": render_ended,
    "run_started": render_started,
    "run_fill_summary": with_coins("run_fill_summary"),
    "change_how": text("change_how"),
    "change_confirm": render_change_confirm,
    "run_changed": render_changed,
    "run_not_running": text("run_not_running"),
    "nothing_to_change": text("nothing_to_change"),
    "run_stopping": text("run_stopping"),
    "pause_how": text("pause_how"),
    "run_paused": with_run_buttons("run_paused", "paused"),
    "run_paused_untraded": with_run_buttons("run_paused_untraded", "paused"),
    "run_resumed": with_run_buttons("run_resumed", "running"),
    "run_recovered": with_run_buttons("run_recovered", "running"),
    "run_awaits_you": with_run_buttons("run_awaits_you", "awaiting_user"),
    "paused_already": text("paused_already"),
    "run_held_back": text("run_held_back"),
    "run_waits_for_word": with_run_buttons("run_waits_for_word", "awaiting_user"),
    "running_already": text("running_already"),
    "run_stopping_with_all": text("run_stopping_with_all"),
    "stop_all_how": text("stop_all_how"),
    "stop_all_confirm": render_stop_all_confirm,
    "stopped_all": text("stopped_all"),
    "run_stop_waits": with_reason("run_stop_waits"),
    "run_trade_changed": render_trade_changed("run_trade_changed"),
    "order_trade_changed": render_trade_changed("order_trade_changed"),
    "run_stopped": render_stopped,
    "run_trouble": with_reason("run_trouble"),
    "run_unknown": text("run_unknown"),
    "pair_not_offered": text("pair_not_offered"),
    "too_many_runs": text("too_many_runs"),
    "beyond_float": text("beyond_float"),
    "no_room_for_orders": text("no_room_for_orders"),
    "no_room_for_requests": text("no_room_for_requests"),
    "no_room_for_any_request": text("no_room_for_any_request"),
    "order_too_small": text("order_too_small"),
    "too_little_for_an_order": text("too_little_for_an_order"),
    "funds_too_small": text("funds_too_small"),
    "preset_unknown": text("preset_unknown"),
    "strategy_unknown": text("strategy_unknown"),
    "parameter_unknown": text("parameter_unknown"),
    "parameter_not_understood": of_knob("parameter_not_understood"),
    "parameter_out_of_range": of_knob("parameter_out_of_range"),
}
