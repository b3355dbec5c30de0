"""One coin into another, orders by hand, and leaving a run in one of its coins."""

from datetime import datetime

from bot.desk import Desk
from bot.events import Message
from bot.filters import command
from bot.ports import Json
from bot.replies import Answer, Say
from bot.router import Router
from domain.conversions.model import Conversion
from domain.money import plain
from domain.ports.users import User
from domain.roles import Permission
from domain.services.admission import Admission
from domain.services.conversions import OPEN, ConversionService
from handlers.runs import number_in

router = Router("conversions")

CANCEL = frozenset({"cancel", "取消", "撤销"})


def _after_command(message: Message) -> str:
    return " ".join(message.text.split()[1:])


@router.message(command("/convert", "兑换"), permission=Permission.RUNS_OWN, moves_money=True)
async def convert(message: Message, person: User, desk: Desk, now: datetime, admission: Admission) -> Answer:
    """Begin to ask for both coins and the amount; ``100 USDT to BTC`` behind the command says it all."""
    await admission.check_new(person.user_id)
    return await desk.begin("convert", person.user_id, now, _after_command(message))


@router.message(command("/buy", "买入"), permission=Permission.RUNS_OWN, moves_money=True)
async def buy(message: Message, person: User, desk: Desk, now: datetime, admission: Admission) -> Answer:
    """Begin to ask for pair, quantity and price; ``0.01 BTC at 60000`` behind the command says it all."""
    await admission.check_new(person.user_id)
    return await desk.begin("buy", person.user_id, now, _after_command(message))


@router.message(command("/sell", "卖出"), permission=Permission.RUNS_OWN, moves_money=True)
async def sell(message: Message, person: User, desk: Desk, now: datetime, admission: Admission) -> Answer:
    """Begin to ask for pair, quantity and price of an order that sells."""
    await admission.check_new(person.user_id)
    return await desk.begin("sell", person.user_id, now, _after_command(message))


@router.message(command("/leave", "离开"), permission=Permission.RUNS_OWN, moves_money=True)
async def leave(message: Message, person: User, desk: Desk, now: datetime) -> Answer:
    """Begin to ask in which form a run is to be left; ``1 USDT`` behind the command says it all."""
    return await desk.begin("leave", person.user_id, now, _after_command(message))


@router.message(command("/orders", "订单"), permission=Permission.RUNS_OWN)
async def orders(person: User, arguments: list[str], conversions: ConversionService) -> Answer:
    """List the sender's conversions and orders; ``cancel`` and a number call one back.

    That frees a person's own money to themselves, so it counts however late it comes (ST4).
    """
    if len(arguments) == 2 and arguments[0] in CANCEL and (number := number_in(arguments[1:])):
        return Say("conversion_called_back", _facts(await conversions.cancel(person.user_id, number)))
    return Say("orders", {"orders": [_facts(each) for each in await conversions.list(person.user_id)]})


def _facts(conversion: Conversion) -> dict[str, Json]:
    return {
        "number": conversion.number,
        "pair": str(conversion.pair),
        "side": conversion.side.value,
        "resting": "yes" if conversion.resting else "no",
        "pays": conversion.pays,
        "gets": conversion.gets,
        "amount": plain(conversion.amount),
        "worst": plain(conversion.worst),
        "state": conversion.state.value,
        "reason": conversion.reason,
        "spent": plain(conversion.spent),
        "received": plain(conversion.received),
        "open": conversion.state in OPEN,
    }
