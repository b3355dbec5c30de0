"""Taking out: which coin, how much, a summary with the fee, and one confirmation.

Money goes to the person's own Mixin wallet and nowhere else (D6). The summary carries a
token that is bound to all it shows, works once and for five minutes (MS8).
"""

from dataclasses import dataclass, replace
from decimal import Decimal

from bot.ports import Json
from bot.replies import Say
from conversations.coins import by_name, of_asset, option
from conversations.hearing import ALL, NO, YES, chosen, confirmation_in, said
from conversations.machine import MachineConversation, Table, machine_of
from domain.errors import Refused
from domain.ids import AssetId, UserId
from domain.money import Token, parse_amount, plain
from domain.payouts.fees import WithdrawalQuote
from domain.services.tokens import Tokens
from domain.services.user_balance import CoinBalance
from domain.services.withdrawals import WithdrawalService

STATES = frozenset({"coin", "amount", "confirm", "requested", "dropped"})

TRANSITIONS: Table = [
    # trigger  from       to           only if
    ["answer", "coin", "amount", "names_a_coin"],
    ["answer", "amount", "confirm", "is_within_balance"],
    ["answer", "confirm", "dropped", "is_no"],
    ["answer", "confirm", "requested", "is_confirmed"],
]


@dataclass
class WithdrawDraft:
    """What is known so far; the amount is plain text, fee and token are those shown last."""

    asset_id: str = ""
    amount: str = ""
    token: str = ""
    fee: str = "0"
    fee_version: int = 0


class WithdrawConversation(MachineConversation[WithdrawDraft]):
    """One person's way to a withdrawal."""

    flow = "withdraw"
    first = "coin"
    last = frozenset({"requested", "dropped"})
    states = STATES
    draft_type = WithdrawDraft
    machine = machine_of(STATES, "coin", TRANSITIONS)

    def __init__(self, user_id: str, withdrawals: WithdrawalService, tokens: Tokens) -> None:
        super().__init__(user_id, self.first, WithdrawDraft())
        self._withdrawals = withdrawals
        self._tokens = tokens

    async def question(self) -> list[Say]:
        """Ask for the coin, the amount, or a confirmation of the summary."""
        if self.state == "confirm":
            try:
                return [await self._summary()]
            except Refused as refusal:
                self.object(refusal)
                self.state = "amount"
        return [await (self._ask_amount() if self.state == "amount" else self._ask_coin())]

    async def _ask_coin(self) -> Say:
        offered = await self._offered()
        if not offered:
            self.state = "dropped"
            return Say("withdraw_nothing")
        available = {balance.coin: plain(balance.available) for balance in await self._choices()}
        choices: list[Json] = [
            {"name": option(token, offered), "available": available[token.coin]} for token in offered
        ]
        return Say("withdraw_ask_coin", {"choices": choices})

    async def _ask_amount(self) -> Say:
        token = of_asset(self.draft.asset_id, await self._offered())
        if token is None:
            self.state = "coin"
            return await self._ask_coin()
        [available] = [plain(b.available) for b in await self._choices() if b.coin == token.coin]
        return Say("withdraw_ask_amount", {"coin": token.coin, "available": available})

    async def names_a_coin(self) -> bool:
        """Take one of the coins that the person has."""
        names = by_name(await self._offered())
        token = chosen(self.heard, names)
        if token is None:
            return self.complain("not_a_choice", choices=sorted(names))
        self.draft.asset_id = token.asset_id
        return True

    async def is_within_balance(self) -> bool:
        """Take an amount that the person has, or all of it."""
        try:
            amount = None if said(self.heard) in ALL else parse_amount(self.heard)
            quote = await self._withdrawals.quote(UserId(self.user_id), AssetId(self.draft.asset_id), amount)
        except Refused as refusal:
            return self.object(refusal)
        self.draft.amount = plain(quote.amount)
        return True

    async def is_no(self) -> bool:
        """Hear that it is not wanted any more."""
        if said(self.heard) not in NO:
            return False
        self.says.append(Say("conversation_left", {"flow": self.flow}))
        return True

    async def is_confirmed(self) -> bool:
        """Take the tapped token, or a typed yes to the summary that was shown last."""
        token = confirmation_in(self.heard)
        if token is None and said(self.heard) in YES:
            token = self.draft.token
        if token is None:
            return self.complain("not_yes_or_no")
        try:
            quote = self._shown(await self._quote())
            await self._withdrawals.request(quote, UserId(self.user_id), token)
        except Refused as refusal:
            return self.object(refusal)
        self.says.append(
            Say("withdraw_requested", {"coin": quote.token.coin, "receives": plain(quote.receives)})
        )
        return True

    async def _summary(self) -> Say:
        """Return the summary, with a fresh token for exactly what it shows."""
        quote = await self._quote()
        self.draft.fee, self.draft.fee_version = plain(quote.fee), quote.fee_version
        self.draft.token = await self._withdrawals.confirm(UserId(self.user_id), quote)
        return Say(
            "withdraw_confirm",
            {
                "coin": quote.token.coin,
                "network": quote.token.network,
                "amount": plain(quote.amount),
                "fee": plain(quote.fee),
                "receives": plain(quote.receives),
                "token": self.draft.token,
            },
        )

    async def _quote(self) -> WithdrawalQuote:
        amount = parse_amount(self.draft.amount)
        return await self._withdrawals.quote(UserId(self.user_id), AssetId(self.draft.asset_id), amount)

    def _shown(self, quote: WithdrawalQuote) -> WithdrawalQuote:
        """Return the quote with the fee that the person has seen, whatever it would be now."""
        return replace(quote, fee=Decimal(self.draft.fee), fee_version=self.draft.fee_version)

    async def _choices(self) -> list[CoinBalance]:
        return await self._withdrawals.choices(UserId(self.user_id))

    async def _offered(self) -> list[Token]:
        """Return the tokens of the coins that the person can take out."""
        coins = {balance.coin for balance in await self._choices()}
        return [token for token in self._tokens.list() if token.coin in coins]
