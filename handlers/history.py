"""What one's runs did: fills, orders and fees, page by page."""

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from urllib.parse import urlencode

from bot.filters import command
from bot.ports import Json
from bot.replies import Answer, Say
from bot.router import Router
from domain.errors import Refused
from domain.market.history import STATES, Row, Subject, Wanted
from domain.ports.pages import Purpose
from domain.ports.users import User
from domain.roles import Permission
from domain.services.history import HistoryService
from domain.services.pages import PageLinkService
from domain.services.sheets import cells_of
from handlers.runs import page_facts

router = Router("history")

ROWS_SHOWN = 8

_VALUES: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        **{str(subject): ("subject", str(subject)) for subject in Subject},
        **{state: ("state", str(state)) for states in STATES.values() for state in states},
        "trades": ("subject", "fills"),
        "成交": ("subject", "fills"),
        "订单": ("subject", "orders"),
        "挂单": ("subject", "orders"),
        "费用": ("subject", "fees"),
        "手续费": ("subject", "fees"),
        "buy": ("side", "buy"),
        "sell": ("side", "sell"),
        "买": ("side", "buy"),
        "买入": ("side", "buy"),
        "卖": ("side", "sell"),
        "卖出": ("side", "sell"),
        "已成交": ("state", "filled"),
        "已取消": ("state", "cancelled"),
        "已更正": ("state", "corrected"),
        "已作废": ("state", "busted"),
        **dict.fromkeys(("csv", "json", "page", "网页", "文件"), ("page", "yes")),
    }
)
"""Words that say all by themselves."""

_NAMES: Mapping[str, str] = MappingProxyType(
    {
        "run": "run",
        "做市": "run",
        "from": "from",
        "since": "from",
        "从": "from",
        "自": "from",
        "to": "to",
        "until": "to",
        "到": "to",
        "至": "to",
        "before": "before",
    }
)
"""Words that say what the next one is."""


def wanted_in(arguments: list[str]) -> tuple[Wanted, bool]:
    """Return what somebody wants to see, and whether on the page that gives files, or here in the chat.

    Raises:
        Refused: ``history_not_understood``: a word says nothing here, or what it names cannot be read.
    """
    typed: dict[str, str] = {}
    words = iter(arguments)
    for word in words:
        if word in _NAMES:
            name, value = _NAMES[word], next(words, "?")
        else:
            name, value = _VALUES.get(word) or _recognised(word)
        if typed.setdefault(name, value) != value:
            raise Refused("history_not_understood", what="word", said=word[:40])
    on_page = bool(typed.pop("page", ""))
    return Wanted.read(typed), on_page


def _recognised(word: str) -> tuple[str, str]:
    """Return what a word is by its looks."""
    if word.startswith("#"):
        return "run", word
    if "/" in word:
        return "pair", word
    raise Refused("history_not_understood", what="word", said=word[:40])


def command_for(wanted: Wanted) -> str:
    """Return what to say to see this."""
    typed = wanted.typed()
    values = [typed.pop(name) for name in ("subject", "pair", "side", "state") if name in typed]
    return " ".join(["/history", *values, *(f"{name} {value}" for name, value in typed.items())])


def facts_of(row: Row) -> dict[str, Json]:
    """Return a row as facts to say: as it is exported, with its coins by name."""
    pair = row.pair
    return {
        **cells_of(row, row.columns),
        "base_coin": pair.base if pair else "",
        "quote_coin": pair.quote if pair else "",
    }


@router.message(command("/history", "历史", "记录"), permission=Permission.RUNS_OWN)
async def show_history(
    person: User, arguments: list[str], history: HistoryService, links: PageLinkService
) -> Answer:
    """List what the sender's runs did, the newest first, with a button that goes on, or link to the page."""
    wanted, on_page = wanted_in(arguments)
    if on_page:
        target = f"/history?{urlencode(replace(wanted, before=None).typed())}"
        link = await links.issue(person.user_id, Purpose.HISTORY, target)
        return Say("history_page", {"subject": str(wanted.subject), **page_facts(Purpose.HISTORY, link)})
    page = await history.page(person.user_id, wanted, ROWS_SHOWN)
    others: list[Json] = [
        {"subject": str(subject), "command": command_for(_about(wanted, subject))}
        for subject in Subject
        if subject is not wanted.subject
    ]
    rows: list[Json] = [facts_of(row) for row in page.rows]
    older = command_for(page.older) if page.older else ""
    page_by: dict[str, Json] = {"page": f"{command_for(replace(wanted, before=None))} page" if rows else ""}
    return Say(
        "history", {"subject": str(wanted.subject), "rows": rows, "older": older, "others": others, **page_by}
    )


def _about(wanted: Wanted, subject: Subject) -> Wanted:
    """Return the same filters for something else, without those that it does not have."""
    side = None if subject is Subject.FEES else wanted.side
    return replace(wanted, subject=subject, state="", before=None, side=side)
