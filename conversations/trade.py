"""Buying and selling by hand: which pair, how much of its base asset, at what price, and one confirmation.

``0.01 BTC/USDT at 60000`` says it all at once; without a price it trades at what there is.
"""

import re
from dataclasses import dataclass
from typing import ClassVar

from bot.ports import Json
from bot.replies import Say
from conversations.confirming import ConfirmedDraft, ConfirmingConversation
from conversations.hearing import chosen, said
from conversations.machine import Table, machine_of
from domain.conversions.quoting import ConversionQuote, Wish
from domain.errors import Refused
from domain.ids import UserId
from domain.market.model import Pair, Side
from domain.money import LEDGER_PLACES, ZERO, parse_amount, plain

MARKET = frozenset({"market", "now", "市价", "现价"})

STATES = frozenset({"pair", "quantity", "price", "confirm", "begun", "dropped"})

TRANSITIONS: Table = [
    # trigger  from       to         only if
    ["answer", "pair", "confirm", "says_it_all"],
    ["answer", "pair", "quantity", "names_a_pair"],
    ["answer", "quantity", "price", "is_a_quantity"],
    ["answer", "price", "confirm", "is_a_price"],
    ["answer", "confirm", "dropped", "is_no"],
    ["answer", "confirm", "begun", "is_confirmed"],
]

_ALL_AT_ONCE = re.compile(
    r"([0-9.]{1,40}) (\w{1,20}(?:/\w{1,20})?)(?: (?:at|@|价|单价) (\S{1,40}))?", re.IGNORECASE
)


@dataclass
class TradeDraft(ConfirmedDraft):
    """What is known so far, as texts; no price: at what there is."""

    pair: str = ""
    quantity: str = ""
    price: str = ""


class TradeConversation(ConfirmingConversation[TradeDraft]):
    """One person's way to an order."""

    first = "pair"
    last = frozenset({"begun", "dropped"})
    states = STATES
    draft_type = TradeDraft
    machine = machine_of(STATES, "pair", TRANSITIONS)
    summary = "trade_confirm"
    back = "quantity"
    side: ClassVar[Side]

    async def ask(self) -> Say:
        """Ask for the pair, the quantity or the price; end where nothing is traded."""
        pairs: list[Json] = [str(pair) for pair in await self._conversions.pairs()]
        if not pairs:
            self.state = "dropped"
            return Say("new_no_pair")
        if self.state == "pair":
            return Say(f"{self.flow}_ask_pair", {"choices": pairs})
        pair = Pair.parse(self.draft.pair)
        known: dict[str, Json] = {"pair": self.draft.pair, "base": pair.base, "quote": pair.quote}
        return Say(f"{self.flow}_ask_{self.state}", known)

    async def quote(self) -> ConversionQuote:
        """Return what trading as drafted would do now."""
        quantity = parse_amount(self.draft.quantity, LEDGER_PLACES)
        price = parse_amount(self.draft.price, LEDGER_PLACES) if self.draft.price else None
        sold = quantity if self.side is Side.SELL else ZERO
        bought = quantity if self.side is Side.BUY else ZERO
        wish = Wish(Pair.parse(self.draft.pair), self.side, sold, bought, price)
        return await self._conversions.quote(UserId(self.user_id), wish)

    async def says_it_all(self) -> bool:
        """Take quantity, pair and price at once; anything else is left to the next line of the table."""
        found = _ALL_AT_ONCE.fullmatch(self.heard)  # as typed: what only looks like a digit is none
        if found is None:
            return False
        names = await self._named()
        if found[2].upper() not in names:
            return self.complain("not_a_choice", choices=sorted(str(p) for p in set(names.values())))
        quantity, price = self._number(found[1]), self._price(found[3] or "market")
        if quantity is None or price is None:
            return False
        return await self.fits(pair=str(names[found[2].upper()]), quantity=quantity, price=price)

    async def names_a_pair(self) -> bool:
        """Take one of the pairs that are traded."""
        if self.says:
            return False
        pairs = {str(pair): pair for pair in await self._conversions.pairs()}
        pair = chosen(self.heard, pairs)
        if pair is None:
            return self.complain("not_a_choice", choices=sorted(pairs))
        self.draft.pair = str(pair)
        return True

    async def is_a_quantity(self) -> bool:
        """Take how much of the base asset is to be traded."""
        quantity = self._number(self.heard)
        if quantity is not None:
            self.draft.quantity = quantity
        return quantity is not None

    async def is_a_price(self) -> bool:
        """Take a price at which the order may rest, or that it is to trade at what there is."""
        price = self._price(self.heard)
        return price is not None and await self.fits(price=price)

    def _price(self, text: str) -> str | None:
        """Return the price that was said, empty for the market's; ``None`` after a word why not."""
        return "" if said(text) in MARKET else self._number(text)

    def _number(self, text: str) -> str | None:
        try:
            return plain(parse_amount(text, LEDGER_PLACES))
        except Refused as refusal:
            self.object(refusal)
            return None

    async def _named(self) -> dict[str, Pair]:
        """Return the pairs by name, and by their base asset where that names only one."""
        pairs = await self._conversions.pairs()
        bases = [pair.base for pair in pairs]
        alone: dict[str, Pair] = {pair.base: pair for pair in pairs if bases.count(pair.base) == 1}
        return {**alone, **{str(pair): pair for pair in pairs}}


class BuyConversation(TradeConversation):
    """One person's way to an order that buys."""

    flow = "buy"
    side = Side.BUY


class SellConversation(TradeConversation):
    """One person's way to an order that sells."""

    flow = "sell"
    side = Side.SELL
