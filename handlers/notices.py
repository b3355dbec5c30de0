"""Every kind of thing we say, and how it is said; the words themselves are in the catalogues."""

from collections.abc import Callable, Sequence

from bot.ports import Json
from bot.replies import BLUE, BROWN, GREEN, TEAL, VIOLET, Reply, Text, sends
from bot.words import Texts, Words
from handlers.account_notices import ACCOUNT_NOTICES
from handlers.closing_notices import CLOSING_NOTICES
from handlers.conversion_notices import CONVERSION_NOTICES
from handlers.difference_notices import DIFFERENCE_NOTICES
from handlers.fee_notices import FEE_NOTICES, credited, render_pay
from handlers.fee_taking_notices import FEE_TAKING_NOTICES
from handlers.history_notices import HISTORY_NOTICES
from handlers.own_data_notices import OWN_DATA_NOTICES
from handlers.page_notices import PAGE_NOTICES, PAGE_URL
from handlers.payout_notices import PAYOUT_NOTICES
from handlers.price_notices import PRICE_NOTICES
from handlers.refund_notices import REFUND_NOTICES
from handlers.role_notices import ROLE_NOTICES
from handlers.run_notices import HALT_NOTICES, RUN_NOTICES
from handlers.transfer_notices import TRANSFER_NOTICES
from handlers.wording import (
    CANCEL,
    Params,
    Render,
    Tap,
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

MENU: tuple[Tap, ...] = (
    ("button_deposit", "/deposit", GREEN),
    ("button_new", "/new", BLUE),
    ("button_runs", "/runs", TEAL),
    ("button_balance", "/balance", VIOLET),
    ("button_withdraw", "/withdraw", BROWN),
    ("button_help", "/help", BLUE),
)


def of_flow(key: str) -> Render:
    """Say something about a conversation, named in the person's words."""
    return lambda words, params: [Text(words(key, flow=words(f"flow_{params['flow']}")))]


def render_balance(words: Words, params: Params) -> list[Reply]:
    """List what a person has, one coin a line."""
    coins = records(params, "coins")
    if not coins:
        return with_buttons("balance_empty", MENU[0])(words, {})
    listed = []
    for coin in coins:
        parts = [words("balance_available", **coin)]
        parts += [
            words(f"balance_{place}", **coin)
            for place in ("held", "in_runs", "arriving")
            if coin[place] != "0"
        ]
        listed.append(words("list_separator").join(parts))
    taps = [sends(words(label), sent, colour) for label, sent, colour in (MENU[0], MENU[1], MENU[4])]
    return [lines(words("balance_title"), *listed), *groups(taps)]


def render_coin_choice(words: Words, params: Params) -> list[Reply]:
    """Ask for one of the coins that can be paid in."""
    offered = names(params, "choices")
    if not offered:
        return [Text(words("deposit_no_coin"))]
    asked = words("deposit_ask_coin", choices=words("list_separator").join(offered))
    return [Text(asked), *choice_buttons(words, offered)]


def render_own_coin_choice(words: Words, params: Params) -> list[Reply]:
    """Ask for one of the coins that a person has."""
    offered = records(params, "choices")
    listed = [words("withdraw_choice", **choice) for choice in offered]
    return [
        lines(words("withdraw_ask_coin"), *listed),
        *choice_buttons(words, (str(choice["name"]) for choice in offered)),
    ]


def render_not_a_choice(words: Words, params: Params) -> list[Reply]:
    """Say what could have been chosen."""
    return [Text(words("not_a_choice", choices=words("list_separator").join(names(params, "choices"))))]


def confirmation(key: str) -> Render:
    """Show a summary, with the one button that confirms it and the one that drops it."""

    def render(words: Words, params: Params) -> list[Reply]:
        return [Text(words(key, **params)), confirm_buttons(words, str(params["token"]))]

    return render


def render_insufficient(words: Words, params: Params) -> list[Reply]:
    """Say that it is not enough, and how much there is where that is known."""
    known = "available" in params
    return [Text(words("insufficient_funds" if known else "insufficient_funds_somewhere", **params))]


def render_help(words: Words, params: Params) -> list[Reply]:
    """List the commands: everybody's, and what else a keeper of the instance may say."""
    more = {"admin": ("help_keeper",), "owner": ("help_keeper", "help_owner")}
    kept = [words(key) for key in more.get(str(params.get("role")), ())]
    _, *taps = with_buttons("help", *MENU)(words, {})
    said = [Text(words("help")), *([lines(*kept)] if kept else []), Text(words("help_typed"))]
    return [sections(*said), *taps]


TALK: dict[str, Render] = {
    "welcome": with_buttons("welcome", *MENU),
    "help": render_help,
    "not_understood": with_buttons("not_understood", *MENU),
    "unknown_command": text("unknown_command"),
    "unsupported": text("unsupported"),
    "language_ask": with_buttons(
        "language_ask",
        ("button_english", "/language en", BLUE),
        ("button_chinese", "/language 中文", BLUE),
    ),
    "language_set": text("language_set"),
    "language_unknown": text("language_unknown"),
    "nothing_to_cancel": text("nothing_to_cancel"),
    "conversation_left": of_flow("conversation_left"),
    "conversation_expired": of_flow("conversation_expired"),
    "conversation_lost": of_flow("conversation_lost"),
    "conversation_goes_on": of_flow("conversation_goes_on"),
    "message_too_old": text("message_too_old"),
    "slow_down": text("slow_down"),
    "representative_refused": text("representative_refused"),
    "apology": text("apology"),
    "read_only": text("read_only"),
    "not_a_choice": render_not_a_choice,
    "not_yes_or_no": text("not_yes_or_no"),
}

MONEY: dict[str, Render] = {
    "balance": render_balance,
    "deposit_ask_coin": render_coin_choice,
    "deposit_ask_amount": with_buttons("deposit_ask_amount", CANCEL),
    "deposit_pay": render_pay,
    "deposit_credited": credited("deposit_credited", MENU[1], MENU[3]),
    "float_added": text("float_added"),
    "deposit_arriving": text("deposit_arriving"),
    "payment_unwanted": with_reason("payment_unwanted"),
    "withdraw_nothing": with_buttons("withdraw_nothing", MENU[0]),
    "withdraw_ask_coin": render_own_coin_choice,
    "withdraw_ask_amount": with_buttons("withdraw_ask_amount", ("button_all", "all", BLUE), CANCEL),
    "withdraw_confirm": confirmation("withdraw_confirm"),
    "withdraw_requested": text("withdraw_requested"),
    "withdrawal_sent": text("withdrawal_sent"),
    "withdrawal_refused": with_reason("withdrawal_refused"),
    "withdrawal_waiting": text("withdrawal_waiting"),
    "chain_broken": with_reason("chain_broken"),
}

REFUSALS: dict[str, Render] = {
    "amount_not_understood": text("amount_not_understood"),
    "amount_not_positive": text("amount_not_positive"),
    "amount_too_precise": text("amount_too_precise"),
    "amount_too_small": text("amount_too_small"),
    "insufficient_funds": render_insufficient,
    "token_unknown": text("token_unknown"),
    "quote_expired": text("quote_expired"),
    "confirmation_unknown": text("confirmation_unknown"),
    "confirmation_used": text("confirmation_used"),
    "confirmation_expired": text("confirmation_expired"),
}

NOTICES: dict[str, Render] = {
    **TALK,
    **MONEY,
    **FEE_NOTICES,
    **FEE_TAKING_NOTICES,
    **REFUSALS,
    **RUN_NOTICES,
    **CONVERSION_NOTICES,
    **ACCOUNT_NOTICES,
    **CLOSING_NOTICES,
    **HALT_NOTICES,
    **HISTORY_NOTICES,
    **PAGE_NOTICES,
    **DIFFERENCE_NOTICES,
    **ROLE_NOTICES,
    **PAYOUT_NOTICES,
    **OWN_DATA_NOTICES,
    **REFUND_NOTICES,
    **TRANSFER_NOTICES,
    **PRICE_NOTICES,
}


class NoticeRenderer:
    """Kinds and parameters in, replies out, as ``bot.outbox.Renderer``."""

    def __init__(self, texts: Texts, address_of: Callable[[str, str], str] | None = None) -> None:
        """Take what words things, and what makes the address of a link of its purpose and its id."""
        self._texts = texts
        self._address_of = address_of

    def render(self, kind: str, params: Params, language: str) -> Sequence[Reply]:
        """Return the replies that say this in a language; an unknown kind is said to be one."""
        words = self._texts.words(language)
        if self._address_of and params.get("page_link"):
            address = self._address_of(str(params["page_purpose"]), str(params["page_link"]))
            params = {**params, PAGE_URL: address}
        if kind in NOTICES:
            return NOTICES[kind](words, params)
        named: dict[str, Json] = {"kind": kind}
        return [Text(words("refused", **named))]
