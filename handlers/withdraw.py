"""Taking out."""

from datetime import datetime

from bot.desk import Desk
from bot.events import Message
from bot.filters import command
from bot.ports import Json
from bot.replies import Answer, Say
from bot.router import Router
from domain.ids import WithdrawalId
from domain.money import plain
from domain.payouts.model import PayoutState
from domain.ports.users import User
from domain.roles import Permission
from domain.services.withdrawals import WithdrawalService, WithdrawalStatus

router = Router("withdraw")

SENT = frozenset({PayoutState.SENT, PayoutState.DONE})
"""From here on there is a transaction that anybody can look up."""


@router.message(command("/withdraw", "提现", "提币"), permission=Permission.MONEY_OWN, moves_money=True)
async def withdraw(person: User, desk: Desk, now: datetime) -> Answer:
    """Begin to ask for coin, amount and confirmation."""
    return await desk.begin("withdraw", person.user_id, now)


@router.message(command("/withdrawals", "提现记录"), permission=Permission.MONEY_OWN, moves_money=True)
async def list_withdrawals(message: Message, person: User, withdrawals: WithdrawalService) -> Answer:
    """List what is on its way out and what was; ``cancel`` and an id take back what still waits."""
    typed = message.text.lower().split()[1:]
    if len(typed) == 2 and typed[0] == "cancel":
        payout = await withdrawals.cancel(person.user_id, WithdrawalId(typed[1]))
        return Say("withdrawal_cancelled", {"coin": payout.token.coin, "amount": plain(payout.amount)})
    return Say("withdrawals", {"withdrawals": [_told(s) for s in await withdrawals.status(person.user_id)]})


def _told(status: WithdrawalStatus) -> Json:
    payout = status.payout
    return {
        "id": payout.id if status.can_be_cancelled else "",
        "coin": payout.token.coin,
        "amount": plain(payout.amount),
        "state": payout.state,
        "outlook": status.outlook,
        "place": str(status.place),
        "hash": payout.transaction_hash if payout.state in SENT else "",
        "at": payout.created_at.isoformat(),
    }
