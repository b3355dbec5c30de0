"""Market makers: start one, look at them, stop them."""

import re
from datetime import datetime

from bot.desk import Desk
from bot.events import Message
from bot.filters import command
from bot.ports import Json
from bot.replies import Answer, Say
from bot.router import Router
from domain.market.runs import GOING
from domain.money import plain
from domain.ports.pages import Purpose
from domain.ports.users import User
from domain.roles import Permission
from domain.services.admission import Admission
from domain.services.pages import PageLinkService
from domain.services.run_changes import RunChangeService
from domain.services.run_pauses import RunPauseService
from domain.services.trading_strategy import RunSummary, TradingStrategyService

router = Router("runs")

EVERYTHING = frozenset({"all", "全部", "所有"})

_NUMBER = re.compile(r"#?([1-9][0-9]{0,5})", re.ASCII)


def number_in(arguments: list[str]) -> int | None:
    """Return the run's number that was typed, ``None`` when it is not one."""
    found = _NUMBER.fullmatch(arguments[0]) if len(arguments) == 1 else None
    return int(found[1]) if found else None


def page_facts(purpose: Purpose, link: str) -> dict[str, Json]:
    """Return what whoever says this needs to make a link's address: its id, never its token."""
    return {"page_purpose": str(purpose), "page_link": link}


def facts_of(run: RunSummary) -> dict[str, Json]:
    """Return a run as facts to say."""
    return {
        "number": run.number,
        "pair": str(run.pair),
        "state": str(run.state),
        "preset": run.preset,
        "base_coin": run.pair.base,
        "quote_coin": run.pair.quote,
        "base": plain(run.base),
        "quote": plain(run.quote),
        "base_start": plain(run.base_start),
        "quote_start": plain(run.quote_start),
        "fills": run.fills,
        "volume": plain(run.volume),
        "open_orders": run.open_orders,
        "mid": None if run.mid is None else plain(run.mid),
        "profit": None if run.profit is None else plain(run.profit),
        "trouble": run.trouble,
        "started_at": run.started_at.isoformat(),
        "stopped_at": run.stopped_at.isoformat() if run.stopped_at else None,
        "fee_bps": run.fee_bps,
        "paid": [{"coin": coin, "amount": plain(amount)} for coin, amount in sorted(run.paid.items())],
    }


@router.message(command("/new", "新建", "做市"), permission=Permission.RUNS_OWN, moves_money=True)
async def new(person: User, desk: Desk, now: datetime, admission: Admission) -> Answer:
    """Begin to ask for pair, settings and amounts, unless nothing may begin now."""
    await admission.check_new(person.user_id)
    return await desk.begin("new_run", person.user_id, now)


@router.message(command("/runs", "列表", "我的做市"), permission=Permission.RUNS_OWN)
async def list_runs(person: User, runs: TradingStrategyService) -> Answer:
    """List the sender's runs, active ones first."""
    return Say("runs", {"runs": [facts_of(run) for run in await runs.list(person.user_id)]})


@router.message(command("/run", "查看"), permission=Permission.RUNS_OWN)
async def show_run(
    person: User, arguments: list[str], runs: TradingStrategyService, links: PageLinkService
) -> Answer:
    """Tell all about one run: what it has, what it did, how it is set."""
    number = number_in(arguments)
    if number is None:
        return Say("run_number_needed")
    run = await runs.get(person.user_id, number)
    link = await links.issue(person.user_id, Purpose.RUN, f"/runs/{number}")
    return Say("run", {**facts_of(run), "settings": dict(run.config), **page_facts(Purpose.RUN, link)})


@router.message(command("/change", "/edit", "更改"), permission=Permission.RUNS_OWN, moves_money=True)
async def change(message: Message, person: User, changes: RunChangeService) -> Answer:
    """Show what other settings would change and ask; with the token of that question, change them."""
    number, *words = message.text.split()[1:] or [""]  # as typed: a token's letters are large and small
    if number_in([number]) is None or len(words) < 2:
        return Say("change_how")
    answers = dict(zip(words[::2], (word.lower() for word in words[1::2]), strict=False))
    if len(words) % 2:
        await changes.change(person.user_id, int(number.removeprefix("#")), answers, words[-1])
        return None
    wanted = await changes.preview(person.user_id, int(number.removeprefix("#")), answers)
    moves: list[Json] = [
        {"help": knob.help, "unit": str(knob.unit), "name": knob.name, "before": before, "after": after}
        for knob, before, after in wanted.moves
    ]
    token = await changes.confirm(person.user_id, wanted)
    shown: dict[str, Json] = {"number": wanted.number, "pair": str(wanted.pair), "moves": moves}
    return Say("change_confirm", {**shown, "state": str(wanted.run.state), "token": token})


@router.message(command("/pause", "暂停"), permission=Permission.RUNS_OWN)
async def pause(person: User, arguments: list[str], pauses: RunPauseService) -> Answer:
    """Let a run stand aside, however late the word comes: it takes orders off; the use case tells of it."""
    number = number_in(arguments)
    if number is None:
        return Say("pause_how")
    return None if await pauses.pause(person.user_id, number) else Say("paused_already", {"number": number})


@router.message(command("/resume", "恢复"), permission=Permission.RUNS_OWN, moves_money=True)
async def resume(person: User, arguments: list[str], pauses: RunPauseService) -> Answer:
    """Let a run that stands aside go on; the use case tells of it."""
    number = number_in(arguments)
    if number is None:
        return Say("pause_how")
    return None if await pauses.resume(person.user_id, number) else Say("running_already", {"number": number})


@router.message(command("/stop", "停止"), permission=Permission.RUNS_OWN)
async def stop(person: User, arguments: list[str], runs: TradingStrategyService) -> Answer:
    """Stop one run, or all, however late the word comes (ST4); the use case tells that it is stopping."""
    if len(arguments) == 1 and arguments[0] in EVERYTHING:
        return None if await runs.stop_all(person.user_id) else Say("stop_nothing")
    number = number_in(arguments)
    if number is None:
        active = [run for run in await runs.list(person.user_id) if run.state in GOING]
        choices: list[Json] = [{"number": run.number, "pair": str(run.pair)} for run in active]
        return Say("stop_ask", {"runs": choices}) if active else Say("stop_nothing")
    run = await runs.get(person.user_id, number)
    if run.state not in GOING:
        return Say("run_ended", {"number": number, "pair": str(run.pair), "state": str(run.state)})
    await runs.stop(person.user_id, number)
    return None
