"""How fees are said; the words themselves are in the catalogues."""

from bot.replies import GREEN, Button, Buttons, Reply, Text, sends
from bot.words import Words, named
from handlers.wording import Params, Render, lines, records, text


def render_pay(words: Words, params: Params) -> list[Reply]:
    """Give a button that opens the payment sheet, with the fee before it is paid."""
    pay = Button(words("button_pay"), str(params["link"]), GREEN)
    fee = words("deposit_pay_fee", **params) if params["fee"] != "0" else ""
    return [lines(words("deposit_pay", **params), fee), Buttons((pay,))]


def credited(key: str, *taps: tuple[str, str, str]) -> Render:
    """Say that money has come in, what it cost and what is left of it."""

    def render(words: Words, params: Params) -> list[Reply]:
        fee = words("deposit_credited_fee", **params) if "fee" in params else ""
        buttons = tuple(sends(words(label), sent, colour) for label, sent, colour in taps)
        return [lines(words(key, **params), fee), *([Buttons(buttons)] if buttons else [])]

    return render


def render_fees(words: Words, params: Params) -> list[Reply]:
    """Say what is charged, what will be, and what the person has paid."""
    coming = [words("fees_coming", **one) for one in records(params, "coming")]
    paid = [
        words("fees_paid_line", **{**one, "fee": named(words, "fee_", str(one["fee"]))})
        for one in records(params, "paid")
    ]
    title = words("fees_paid") if paid else words("fees_nothing_paid")
    return [lines(words("fees", **params), *coming, title, *paid)]


def render_change(words: Words, params: Params) -> list[Reply]:
    """Show a change of fees, with the one button that announces it as it is shown."""
    fee = named(words, "fee_", str(params["fee"]))
    again = f"/setfees {params['fee']} {params['bps']} {params['effective_at']} {params['token']}"
    confirm = sends(words("button_confirm"), again, GREEN)
    return [Text(words("set_fees_confirm", **{**params, "fee": fee})), Buttons((confirm,))]


FEE_NOTICES: dict[str, Render] = {
    "deposit_added_up": credited("deposit_added_up"),
    "fees": render_fees,
    "fees_will_change": text("fees_will_change"),
    "set_fees_how": text("set_fees_how"),
    "set_fees_confirm": render_change,
    "set_fees_announced": text("set_fees_announced"),
    "not_basis_points": text("not_basis_points"),
    "fee_too_high": text("fee_too_high"),
    "fee_unchanged": text("fee_unchanged"),
    "fees_too_soon": text("fees_too_soon"),
    "fees_changed_meanwhile": text("fees_changed_meanwhile"),
}
