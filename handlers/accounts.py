"""Exchange accounts by chat: what each key may do, how far clocks are apart, what rests there."""

from bot.filters import command
from bot.ports import Json
from bot.replies import Answer, Say
from bot.router import Router
from domain.market.capacity import Claimed
from domain.ports.users import User
from domain.roles import Permission
from domain.services.account_overview import AccountOverview, AccountStanding

router = Router("accounts")


@router.message(command("/accounts", "账户"), permission=Permission.HALTS_READ)
async def list_accounts(person: User, accounts: AccountOverview) -> Answer:
    """List every exchange account and how it is."""
    told: list[Json] = [_told(each) for each in await accounts.of(person.user_id)]
    return Say("accounts", {"accounts": told})


def _told(standing: AccountStanding) -> dict[str, Json]:
    look, compared = standing.look, standing.compared
    powers: list[Json] | None = None if look.powers is None else [str(each) for each in sorted(look.powers)]
    return {
        "account": look.account,
        "venue": look.venue,
        "age_s": max(0, int(standing.age.total_seconds())),
        "compared_s": None if compared is None else max(0, int(compared.total_seconds())),
        "powers": powers,
        "apart_ms": look.apart_ms,
        "used": look.open_orders,
        "room": _room(standing.claimed),
        "hourly": standing.claimed.hourly,
        "most_hourly": standing.claimed.capacity.hourly,
        "dead_man": str(look.dead_man),
        "refusal": look.refusal,
        "ills": list[Json](standing.ills),
    }


def _room(claimed: Claimed) -> list[Json]:
    """Return what is claimed of every pair that has runs, the fullest first."""
    pairs = sorted(claimed.orders, key=lambda pair: (-claimed.fullness(pair), str(pair)))
    return [
        {"pair": str(pair), "orders": claimed.orders[pair], "most": claimed.capacity.orders(pair)}
        for pair in pairs
        if claimed.orders[pair]
    ]
