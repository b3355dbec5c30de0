"""Pages of one's own: a link that opens once, and the visits that last."""

from bot.filters import command
from bot.ports import Json
from bot.replies import Answer, Say
from bot.router import Router
from domain.ports.pages import Purpose
from domain.ports.users import User
from domain.roles import Permission
from domain.services.pages import PageLinkService
from domain.services.trading_strategy import TradingStrategyService
from handlers.runs import number_in, page_facts

router = Router("pages")

END = frozenset({"end", "结束"})


@router.message(command("/live", "实时"), permission=Permission.RUNS_OWN)
async def show_live(
    person: User, arguments: list[str], runs: TradingStrategyService, links: PageLinkService
) -> Answer:
    """Give a link to the live page of one run."""
    number = number_in(arguments)
    if number is None:
        return Say("live_number_needed")
    run = await runs.get(person.user_id, number)
    link = await links.issue(person.user_id, Purpose.RUN, f"/runs/{number}")
    return Say("live", {"number": number, "pair": str(run.pair), **page_facts(Purpose.RUN, link)})


@router.message(command("/sessions", "会话"), permission=Permission.RUNS_OWN)
async def show_visits(person: User, arguments: list[str], links: PageLinkService) -> Answer:
    """List where one's pages are open; ``end`` closes them all."""
    if arguments and arguments[0] in END:
        return Say("visits_ended", {"count": await links.end_visits(person.user_id)})
    visits: list[Json] = [
        {"began_at": visit.began_at.isoformat(), "seen_at": visit.seen_at.isoformat()}
        for visit in await links.visits(person.user_id)
    ]
    return Say("visits", {"visits": visits})
