"""How exchange accounts are said."""

from bot.replies import Reply, Text
from bot.words import Words, named, span
from handlers.wording import Params, Render, lines, names, records, sections, text, with_reason


def render_accounts(words: Words, params: Params) -> list[Reply]:
    """Say of each account what was seen of it."""
    accounts = records(params, "accounts")
    if not accounts:
        return text("accounts_none")(words, {})
    return [sections(Text(words("accounts_title")), *(_account(words, each) for each in accounts))]


def _account(words: Words, seen: Params) -> Text:
    head = words("account_head", account=seen["account"], venue=seen["venue"], age=span(words, seen["age_s"]))
    if seen["refusal"]:
        reason = named(words, "reason_", str(seen["refusal"]))
        return lines(head, words("account_refused_line", reason=reason))
    return lines(
        head,
        _key(words, seen),
        _clock(words, seen),
        words("account_orders", used=seen["used"]),
        *_room(words, seen),
        words(f"dead_man_{seen['dead_man']}"),
        _compared(words, seen),
        *(words(f"mend_{ill}") for ill in names(seen, "ills")),
    )


def _key(words: Words, seen: Params) -> str:
    if seen["powers"] is None:
        return words("account_key_untold")
    powers = names(seen, "powers")
    listed = words("list_separator").join(words(f"power_{power}") for power in powers)
    return words("account_key", powers=listed)


def _clock(words: Words, seen: Params) -> str:
    if seen["apart_ms"] is None:
        return words("account_clock_unknown")
    return words("account_clock", apart=seen["apart_ms"])


def _room(words: Words, seen: Params) -> list[str]:
    """Say what runs claim of the account: new ones begin only where there is room."""
    said = [
        words("account_room", pair=each["pair"], orders=each["orders"], most=each["most"])
        for each in records(seen, "room")
        if each["most"] is not None
    ]
    if seen["most_hourly"]:
        said.append(words("account_requests", hourly=seen["hourly"], most=seen["most_hourly"]))
    return said


def _compared(words: Words, seen: Params) -> str:
    if seen["compared_s"] is None:
        return words("account_never_compared")
    return words("account_compared", age=span(words, seen["compared_s"]))


ACCOUNT_NOTICES: dict[str, Render] = {
    "accounts": render_accounts,
    "account_refused": with_reason("account_refused"),
}
