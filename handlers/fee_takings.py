"""What the instance has earned: its owner sees it, takes it with a day of notice, or thinks better of it."""

import re

from bot.events import Message
from bot.filters import command
from bot.ports import Json
from bot.replies import Answer, Say
from bot.router import Router
from domain.fees import NOTICE
from domain.ids import AssetId, WithdrawalId
from domain.money import parse_amount, plain
from domain.payouts.model import OPEN_TO_CANCEL, Payout
from domain.ports.users import User
from domain.roles import Permission
from domain.services.fee_takings import Earned, FeeTakingService

router = Router("fee_takings")

_ID = re.compile(r"[0-9a-f-]{36}", re.ASCII)


@router.message(command("/takefees", "提取费用"), permission=Permission.FEES_TAKE, moves_money=True)
async def take_fees(message: Message, person: User, takings: FeeTakingService) -> Answer:
    """List what was earned; with an asset ask, with the token of that question announce; or cancel."""
    typed = message.text.split()[1:]  # as typed: a token's letters are large and small
    if not typed:
        earned, taken = await takings.list(person.user_id)
        listed: dict[str, Json] = {
            "earned": [_earned(e) for e in earned],
            "taken": [_taking(p) for p in taken],
        }
        return Say("fees_earned", listed)
    if len(typed) == 2 and typed[0].lower() == "cancel":
        await takings.cancel(person.user_id, WithdrawalId(typed[1].lower()), message.key)
        return None
    if len(typed) > 3 or not _ID.fullmatch(typed[0].lower()):
        return Say("take_fees_how")
    asset_id = AssetId(typed[0].lower())
    amount = parse_amount(typed[1]) if len(typed) > 1 else None
    if len(typed) == 3 and amount is not None:
        await takings.announce(person.user_id, asset_id, amount, typed[2], message.key)
        return None
    wanted, token = await takings.ask(person.user_id, asset_id, amount)
    coin = takings.token(asset_id)
    return Say(
        "take_fees_confirm",
        {
            "asset_id": asset_id,
            "coin": coin.coin,
            "network": coin.network,
            "amount": plain(wanted),
            "token": token,
        },
    )


def _earned(one: Earned) -> dict[str, Json]:
    return {
        "asset_id": one.token.asset_id,
        "coin": one.token.coin,
        "network": one.token.network,
        "earned": plain(one.earned),
        "takeable": plain(one.takeable),
    }


def _taking(payout: Payout) -> dict[str, Json]:
    return {
        "id": payout.id if payout.state in OPEN_TO_CANCEL else "",
        "coin": payout.token.coin,
        "amount": plain(payout.amount),
        "state": payout.state,
        "reason": payout.reason,
        "ready_at": (payout.created_at + NOTICE).isoformat(),
    }
