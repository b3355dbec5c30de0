"""Paying in: which coin, how much, and a button to pay with."""

from dataclasses import dataclass

from bot.replies import Say
from conversations.coins import by_name, of_asset, option
from conversations.hearing import chosen
from conversations.machine import MachineConversation, Table, machine_of
from domain.errors import Refused
from domain.ids import AssetId, UserId
from domain.money import parse_amount, plain
from domain.services.deposits import DepositService

STATES = frozenset({"coin", "amount", "linked"})

TRANSITIONS: Table = [
    # trigger  from      to        only if
    ["answer", "coin", "amount", "names_a_coin"],
    ["answer", "amount", "linked", "is_an_amount"],
]


@dataclass
class DepositDraft:
    """What is known so far; the amount is plain text."""

    asset_id: str = ""
    amount: str = ""


class DepositConversation(MachineConversation[DepositDraft]):
    """One person's way to a pay link."""

    flow = "deposit"
    first = "coin"
    last = frozenset({"linked"})
    states = STATES
    draft_type = DepositDraft
    machine = machine_of(STATES, "coin", TRANSITIONS)

    def __init__(self, user_id: str, deposits: DepositService) -> None:
        super().__init__(user_id, self.first, DepositDraft())
        self._deposits = deposits

    async def question(self) -> list[Say]:
        """Ask for the coin, then for the amount."""
        tokens = self._deposits.choices()
        token = of_asset(self.draft.asset_id, tokens)
        if self.state == "coin" or token is None:
            self.state = "coin"
            return [Say("deposit_ask_coin", {"choices": [option(one, tokens) for one in tokens]})]
        minimum = plain(self._deposits.minimum(token))
        return [Say("deposit_ask_amount", {"coin": token.coin, "network": token.network, "minimum": minimum})]

    async def names_a_coin(self) -> bool:
        """Take one of the offered coins."""
        names = by_name(self._deposits.choices())
        token = chosen(self.heard, names)
        if token is None:
            return self.complain("not_a_choice", choices=sorted(names))
        self.draft.asset_id = token.asset_id
        return True

    async def is_an_amount(self) -> bool:
        """Take an amount and make a link that pays exactly this."""
        try:
            amount = parse_amount(self.heard)
            intent = await self._deposits.open(UserId(self.user_id), AssetId(self.draft.asset_id), amount)
        except Refused as refusal:
            return self.object(refusal)
        fee = await self._deposits.fee_of(intent)
        self.says.append(
            Say(
                "deposit_pay",
                {
                    "coin": intent.token.coin,
                    "network": intent.token.network,
                    "amount": plain(intent.amount),
                    "fee": plain(fee),
                    "receives": plain(intent.amount - fee),
                    "link": intent.pay_link,
                },
            )
        )
        return True
