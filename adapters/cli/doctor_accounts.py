"""What the doctor says of exchange accounts: what workers last saw of each, and what to mend."""

from collections.abc import Iterator, Sequence

from adapters.bootstrap import overview_over
from adapters.cli.findings import Finding, ill
from adapters.clock import SystemClock
from adapters.db.store import PostgresStore
from adapters.exchange.account import VenueAccount
from adapters.settings import Settings
from bot.words import Words, named, span
from domain.errors import MrMarketError
from domain.market.capacity import Claimed
from domain.ports.account_looks import AccountLook
from domain.services.account_overview import AccountStanding


async def look_at_accounts(
    settings: Settings, accounts: Sequence[VenueAccount], words: Words
) -> list[Finding]:
    """Return a finding for each account of the owner's file, by name."""
    try:
        async with PostgresStore(settings.database_url.reveal(), connections=1) as store:
            seen = await overview_over(store, SystemClock()).every()
    except MrMarketError as error:
        return [ill(words, "doctor_accounts_unread", detail=str(error))]
    standings = {each.look.account: each for each in seen}
    return [
        _said(standings.get(account.name), account, words)
        for account in sorted(accounts, key=lambda account: account.name)
    ]


def _said(standing: AccountStanding | None, account: VenueAccount, words: Words) -> Finding:
    if standing is None:
        said = words("doctor_account_new", account=account.name, venue=account.venue)
        return Finding(well=True, said=said)
    return Finding(not standing.ills, "\n  ".join(_lines(standing, words)))


def _lines(standing: AccountStanding, words: Words) -> Iterator[str]:
    look, age = standing.look, span(words, standing.age.total_seconds())
    yield words("doctor_account_head", account=look.account, venue=look.venue, age=age)
    if look.refusal:
        yield words("account_refused_line", reason=named(words, "reason_", look.refusal))
        return
    yield _key(look, words)
    apart = look.apart_ms
    yield words("account_clock_unknown") if apart is None else words("account_clock", apart=apart)
    yield words("account_orders", used=look.open_orders)
    yield from _room(standing.claimed, words)
    yield words(f"dead_man_{look.dead_man}")
    compared = standing.compared
    yield (
        words("account_never_compared")
        if compared is None
        else words("account_compared", age=span(words, compared.total_seconds()))
    )
    yield from (words(f"mend_{code}") for code in standing.ills)


def _room(claimed: Claimed, words: Words) -> Iterator[str]:
    for pair, orders in sorted(claimed.orders.items(), key=str):
        if orders and (most := claimed.capacity.orders(pair)) is not None:
            yield words("account_room", pair=str(pair), orders=orders, most=most)
    if most := claimed.capacity.hourly:
        yield words("account_requests", hourly=claimed.hourly, most=most)


def _key(look: AccountLook, words: Words) -> str:
    if look.powers is None:
        return words("account_key_untold")
    powers = words("list_separator").join(words(f"power_{power}") for power in sorted(look.powers))
    return words("account_key", powers=powers)
