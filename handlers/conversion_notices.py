"""How everything about conversions and orders by hand is said; the words are in the catalogues."""

from bot.ports import Json
from bot.replies import BLUE, GREEN, RED, TEAL, Button, Buttons, Reply, Text, sends
from bot.words import Words, named
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


def render_choice(key: str) -> Render:
    """Ask for one of several coins or pairs."""

    def render(words: Words, params: Params) -> list[Reply]:
        offered = names(params, "choices")
        asked = words(key, **{**params, "choices": words("list_separator").join(offered)})
        return [Text(asked), *choice_buttons(words, offered)]

    return render


def render_coins(words: Words, params: Params) -> list[Reply]:
    """Ask for one of the coins that a person has."""
    offered = records(params, "choices")
    listed = [words("withdraw_choice", **choice) for choice in offered]
    taps = choice_buttons(words, (str(choice["name"]) for choice in offered))
    return [lines(words("convert_ask_coin"), *listed, words("convert_how")), *taps]


def render_summary(key: str) -> Render:
    """Show what would be done, what it costs and the worst price, with the one button that confirms it."""

    def render(words: Words, params: Params) -> list[Reply]:
        rests = params["resting"] == "yes"
        told = words(f"{key}_resting" if rests else key, **_sided(words, params))
        part = words("convert_part", **params) if params["part"] == "yes" and not rests else ""
        fees = words("convert_fees", **params)
        bound = words("convert_rests" if rests else "convert_bound", **_sided(words, params))
        return [
            sections(lines(told, part), lines(fees, bound), Text(words("convert_confirm_how"))),
            confirm_buttons(words, str(params["token"])),
        ]

    return render


def render_leave_runs(words: Words, params: Params) -> list[Reply]:
    """Ask which run is to be left."""
    runs = records(params, "runs")
    taps = [sends(words("button_stop", number=run["number"]), str(run["number"]), RED) for run in runs[:5]]
    listed = [words("stop_choice", **run) for run in runs]
    return [lines(words("leave_ask_run"), *listed), *groups([*taps, cancels(words)])]


def render_forms(words: Words, params: Params) -> list[Reply]:
    """Ask in which form a run is to be left: the first button stops it at once, as it lies."""
    taps = [
        sends(words("button_as_it_lies"), "as it lies", RED),
        sends(words("button_all_in", coin=params["quote"]), str(params["quote"]), BLUE),
        sends(words("button_all_in", coin=params["base"]), str(params["base"]), BLUE),
        cancels(words),
    ]
    return [Text(words("leave_ask_into", **params)), *groups(taps)]


def render_begun(words: Words, params: Params) -> list[Reply]:
    """Say that a conversion has begun, or that an order is on its way to the book."""
    key = "order_begun" if params["resting"] == "yes" else "conversion_begun"
    return [Text(words(key, **_sided(words, params))), _look(words)]


def render_done(words: Words, params: Params) -> list[Reply]:
    """Say what became of a conversion: what was spent and received, what is left, and why it ended."""
    ended = words("conversion_ended", reason=_ending(words, str(params["reason"])))
    left = words("conversion_left", **params) if params["left"] != "0" else ""
    traded = params["received"] != "0"
    told = words("conversion_done" if traded else "conversion_none", **_sided(words, params))
    return [
        lines(told, left, ended),
        Buttons((sends(words("button_balance"), "/balance", GREEN), _orders(words))),
    ]


def render_called_back(words: Words, params: Params) -> list[Reply]:
    """Say that a conversion is called back."""
    return [Text(words("conversion_called_back", **params))]


def render_orders(words: Words, params: Params) -> list[Reply]:
    """List conversions and orders, with a button that calls back each of the first that are open."""
    listed = records(params, "orders")
    if not listed:
        return with_buttons("orders_none", ("button_convert", "/convert", BLUE))(words, {})
    told = [words("order_line", **_sided(words, each), became=_became(words, each)) for each in listed]
    taps = [
        sends(words("button_call_back", number=each["number"]), f"/orders cancel {each['number']}", RED)
        for each in listed
        if each["open"]
    ]
    return [lines(words("orders_title"), *told), *groups(taps[:6])]


def render_fills(words: Words, params: Params) -> list[Reply]:
    """Say how far an order that rests has been filled."""
    base, quote = str(params["pair"]).split("/")
    told = words("order_fill_summary", **{**params, "base_coin": base, "quote_coin": quote})
    return [Text(told), _look(words)]


def render_stopped_converting(words: Words, params: Params) -> list[Reply]:
    """Say that a run has stopped, and that what it had goes on to be converted."""
    base, quote = str(params["pair"]).split("/")
    return [Text(words("run_stopped_converting", **{**params, "base_coin": base, "quote_coin": quote}))]


def _sided(words: Words, params: Params) -> dict[str, Json]:
    """Return the facts with the side in words, and the pair's coins."""
    base, quote = str(params["pair"]).split("/")
    return {**params, "side": words(f"to_{params['side']}"), "base": base, "quote": quote}


def _became(words: Words, order: Params) -> str:
    if order["open"]:
        return words(f"conversion_state_{order['state']}")
    key = "order_traded" if order["received"] != "0" else "order_untraded"
    return words(key, **{**order, "reason": _ending(words, str(order["reason"]))})


def _ending(words: Words, code: str) -> str:
    return words(f"ending_{code}") if words.has(f"ending_{code}") else named(words, "reason_", code)


def _orders(words: Words) -> Button:
    return sends(words("button_orders"), "/orders", TEAL)


def _look(words: Words) -> Buttons:
    return Buttons((_orders(words),))


CONVERSION_NOTICES: dict[str, Render] = {
    "convert_nothing": with_buttons("convert_nothing", ("button_deposit", "/deposit", GREEN)),
    "convert_ask_coin": render_coins,
    "convert_ask_into": render_choice("convert_ask_into"),
    "convert_ask_amount": with_buttons("convert_ask_amount", ("button_all", "all", BLUE), CANCEL),
    "convert_confirm": render_summary("convert_confirm"),
    "buy_ask_pair": render_choice("buy_ask_pair"),
    "sell_ask_pair": render_choice("sell_ask_pair"),
    "buy_ask_quantity": with_buttons("buy_ask_quantity", CANCEL),
    "sell_ask_quantity": with_buttons("sell_ask_quantity", CANCEL),
    "buy_ask_price": with_buttons("buy_ask_price", ("button_market", "market", BLUE), CANCEL),
    "sell_ask_price": with_buttons("sell_ask_price", ("button_market", "market", BLUE), CANCEL),
    "trade_confirm": render_summary("trade_confirm"),
    "leave_ask_run": render_leave_runs,
    "leave_ask_into": render_forms,
    "leave_confirm": render_summary("leave_confirm"),
    "conversion_begun": render_begun,
    "conversion_done": render_done,
    "conversion_waits": with_reason("conversion_waits"),
    "conversion_called_back": render_called_back,
    "order_fill_summary": render_fills,
    "run_stopped_converting": render_stopped_converting,
    "orders": render_orders,
    "not_convertible": text("not_convertible"),
    "market_stale": text("market_stale"),
    "market_empty": text("market_empty"),
    "price_too_far": text("price_too_far"),
    "price_moved": text("price_moved"),
    "conversion_too_small": text("conversion_too_small"),
    "conversion_beyond_float": text("conversion_beyond_float"),
    "too_many_conversions": text("too_many_conversions"),
    "conversion_unknown": text("conversion_unknown"),
    "conversion_over": text("conversion_over"),
}
