"""One coin into another: which, into which, how much, a summary with the worst price, and one confirmation.

``100 USDT to BTC`` says it all at once.
"""

import re
from dataclasses import dataclass

from bot.ports import Json
from bot.replies import Say
from conversations.confirming import ConfirmedDraft, ConfirmingConversation
from conversations.hearing import ALL, chosen, said
from conversations.machine import Table, machine_of
from domain.conversions.quoting import ConversionQuote
from domain.errors import Refused
from domain.ids import UserId
from domain.money import LEDGER_PLACES, Coin, parse_amount, plain
from domain.services.conversions import ConversionService
from domain.services.user_balance import UserBalanceService

STATES = frozenset({"coin", "into", "amount", "confirm", "begun", "dropped"})

TRANSITIONS: Table = [
    # trigger  from       to         only if
    ["answer", "coin", "confirm", "says_it_all"],
    ["answer", "coin", "into", "names_a_coin"],
    ["answer", "into", "amount", "names_another_coin"],
    ["answer", "amount", "confirm", "is_an_amount"],
    ["answer", "confirm", "dropped", "is_no"],
    ["answer", "confirm", "begun", "is_confirmed"],
]

_ALL_AT_ONCE = re.compile(
    r"([0-9.]{1,40}|\w{1,20}) (\w{1,20}) (?:to|into|in|换|换成|兑换成?) (\w{1,20})", re.IGNORECASE
)


@dataclass
class ConvertDraft(ConfirmedDraft):
    """What is known so far, as texts."""

    coin: str = ""
    into: str = ""
    amount: str = ""


class ConvertConversation(ConfirmingConversation[ConvertDraft]):
    """One person's way to another coin."""

    flow = "convert"
    first = "coin"
    last = frozenset({"begun", "dropped"})
    states = STATES
    draft_type = ConvertDraft
    machine = machine_of(STATES, "coin", TRANSITIONS)
    summary = "convert_confirm"
    back = "amount"

    def __init__(self, user_id: str, conversions: ConversionService, balances: UserBalanceService) -> None:
        super().__init__(user_id, conversions)
        self._balances = balances

    async def ask(self) -> Say:
        """Ask for the coin, the other coin, or the amount; end where there is nothing to convert."""
        offered = await self._offered()
        if not offered:
            self.state = "dropped"
            return Say("convert_nothing")
        if self.state == "amount":
            available = offered.get(Coin(self.draft.coin), "0")
            return Say("convert_ask_amount", {"coin": self.draft.coin, "available": available})
        if self.state == "into":
            choices: list[Json] = [*await self._partners(Coin(self.draft.coin))]
            return Say("convert_ask_into", {"coin": self.draft.coin, "choices": choices})
        listed: list[Json] = [{"name": coin, "available": amount} for coin, amount in offered.items()]
        return Say("convert_ask_coin", {"choices": listed})

    async def quote(self) -> ConversionQuote:
        """Return what converting as drafted would do now."""
        amount = parse_amount(self.draft.amount, LEDGER_PLACES)
        wish = await self._conversions.wish_to_convert(amount, Coin(self.draft.coin), Coin(self.draft.into))
        return await self._conversions.quote(UserId(self.user_id), wish)

    async def says_it_all(self) -> bool:
        """Take an amount and both coins at once; anything else is left to the next line of the table."""
        found = _ALL_AT_ONCE.fullmatch(self.heard)  # as typed: what only looks like a digit is none
        if found is None:
            return False
        coin, into = found[2].upper(), found[3].upper()
        amount = await self._amount(found[1], coin)
        return amount is not None and await self.fits(coin=coin, into=into, amount=amount)

    async def names_a_coin(self) -> bool:
        """Take one of the coins that the person has and that is traded."""
        return self.says == [] and await self._names("coin", list(await self._offered()))

    async def names_another_coin(self) -> bool:
        """Take one of the coins that the first one is traded for."""
        return await self._names("into", await self._partners(Coin(self.draft.coin)))

    async def is_an_amount(self) -> bool:
        """Take an amount that can be converted, or all there is of the coin."""
        amount = await self._amount(self.heard, self.draft.coin)
        return amount is not None and await self.fits(amount=amount)

    async def _amount(self, text: str, coin: str) -> str | None:
        """Return the amount that was said, or all there is of the coin; ``None`` after a word why not."""
        if said(text) in ALL:
            return (await self._offered()).get(Coin(coin), "0")
        try:
            return plain(parse_amount(text))
        except Refused as refusal:
            self.object(refusal)
            return None

    async def _names(self, field: str, choices: list[Coin]) -> bool:
        coin = chosen(self.heard, {each: each for each in choices})
        if coin is None:
            return self.complain("not_a_choice", choices=sorted(choices))
        setattr(self.draft, field, coin)
        return True

    async def _offered(self) -> dict[Coin, str]:
        """Return what the person has of coins that are traded, by code."""
        traded = {coin for pair in await self._conversions.pairs() for coin in (pair.base, pair.quote)}
        has = await self._balances.of(UserId(self.user_id))
        return {each.coin: plain(each.available) for each in has if each.available and each.coin in traded}

    async def _partners(self, coin: Coin) -> list[Coin]:
        pairs = await self._conversions.pairs()
        return sorted({p.quote if p.base == coin else p.base for p in pairs if coin in (p.base, p.quote)})
