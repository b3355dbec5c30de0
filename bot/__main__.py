"""The chat process: ``python -m bot``."""

import asyncio
import signal
import sys
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import structlog

from adapters.bootstrap import (
    World,
    account_overview,
    admission_of,
    auth_service,
    difference_service,
    fee_taking_service,
    freeze_service,
    halt_service,
    money_services,
    open_world,
    ownership_service,
    reconciling_service,
    refund_service,
    role_service,
)
from adapters.bootstrap_closing import closing_service, forgetting_service, inactivity_service
from adapters.bootstrap_prices import market_data, open_market_data
from adapters.bootstrap_runs import (
    change_service,
    conversion_service,
    history_service,
    page_addresses,
    page_link_service,
    pause_service,
    stop_all_service,
    trading_service,
)
from adapters.bootstrap_treasury import address_service, transfer_decisions
from adapters.clock import SystemClock
from adapters.db.chat import PostgresConversations, PostgresInbox
from adapters.db.progress import PostgresProgress
from adapters.health import DatabaseProbe, OwnProbe
from adapters.health_pages import telling
from adapters.logging import configure_logging
from adapters.mixin.blaze import Blaze
from adapters.mixin.codec.ids import conversation_id
from adapters.mixin.keystore import BadKeystore
from adapters.mixin.messenger import MixinMessenger
from adapters.process import keep_memory_private, own_name
from adapters.settings import Settings, load_settings
from adapters.texts.catalogues import texts
from bot.delivery import Delivery
from bot.events import Event
from bot.loop import Pulse, outcome
from bot.outage import Outage
from bot.reception import Reception
from domain.errors import OutcomeUnknown, Unavailable
from domain.health.progress import WHOLE, Progress
from domain.services.market_data import MarketDataService
from domain.services.users import LANGUAGES
from handlers.notices import NoticeRenderer
from handlers.wiring import ChatServices, dispatcher_of

log = structlog.get_logger("bot")

BEAT_EVERY_S, SOON_S = 2.0, 0.2
ASK_PRICES_EVERY_S = 60.0


def reception_of(world: World, delivery: Delivery, prices: MarketDataService | None = None) -> Reception:
    """Return the inbox at work, with the whole chat behind it."""
    money, app_id = money_services(world), world.http.app_id
    chat = ChatServices(
        users=money.users,
        balances=money.balances,
        deposits=money.deposits,
        withdrawals=money.withdrawals,
        tokens=money.tokens,
        runs=trading_service(world, money.confirmations),
        changes=change_service(world, money.confirmations),
        pauses=pause_service(world),
        halts=halt_service(world, money.confirmations),
        accounts=account_overview(world),
        freezes=freeze_service(world, money.confirmations),
        refunds=refund_service(world, money.confirmations),
        confirmations=money.confirmations,
        auth=auth_service(world),
        roles=role_service(world, money.confirmations),
        ownership=ownership_service(world),
        fees=money.fees,
        takings=fee_taking_service(world, money.confirmations),
        reconciling=reconciling_service(world),
        differences=difference_service(world, money.confirmations),
        moves=transfer_decisions(world, money.confirmations),
        addresses=address_service(world, money.confirmations),
        conversions=conversion_service(world, money.confirmations),
        stopping=stop_all_service(world, money.confirmations),
        closing=closing_service(world, money.confirmations),
        history=history_service(world),
        forgetting=forgetting_service(world, money),
        inactivity=inactivity_service(world),
        prices=prices or market_data(world),
        links=page_link_service(world),
        admission=admission_of(world),
    )

    def is_private(event: Event) -> bool:
        return event.conversation_id == conversation_id(app_id, event.sender_id)

    return Reception(
        PostgresInbox(world.store),
        world.notices,
        world.store,
        dispatcher_of(chat, PostgresConversations(world.store), world.store, is_private),
        world.clock,
        outage=Outage(
            MixinMessenger(world.http),
            NoticeRenderer(texts()),
            LANGUAGES,
            is_private,
        ),
        transient=(Unavailable, OutcomeUnknown),
        on_answer=delivery.ring,
    )


def stuck(pulses: Sequence[Pulse]) -> str:
    """Return which loops go round no more, or nothing: another start might mend it."""
    return "; ".join(f"{pulse.name} is stuck" for pulse in pulses if pulse.silent)


def deaf(blaze: Blaze, pulses: Sequence[Pulse]) -> str:
    """Return why people are not heard or not answered, or nothing."""
    unheard = "" if blaze.connected else "not connected to Mixin"
    return "; ".join(why for why in (unheard, stuck(pulses)) if why)


async def beat(progress: PostgresProgress, clock: SystemClock, why: Callable[[], str]) -> None:
    """Say again and again how this process is; a store that is away says the same by its silence."""
    while True:
        said = why()
        try:
            await progress.say([Progress(WHOLE, stuck=said)])
        except (Unavailable, OutcomeUnknown) as error:
            log.warning("not said how the bot is", error=str(error))
        await clock.sleep(SOON_S if said else BEAT_EVERY_S)


async def keep_asking(prices: MarketDataService, world: World) -> None:
    """Ask what coins are worth now and then, so that nobody who wants to know has to wait."""
    said = ""
    while True:
        told = str(await outcome(prices.refresh()))
        if told != said:
            log.info("prices asked", said=told)
        said = told
        await world.clock.sleep(ASK_PRICES_EVERY_S)


async def offer_ownership(world: World) -> None:
    """Print a code that makes its sender the owner, as long as there is none."""
    if code := await ownership_service(world).issue():
        print(
            f"Nobody owns this instance yet. Send the bot this message within 24 hours to become its owner:"
            f" /claim {code}",
            flush=True,
        )


async def talk(settings: Settings) -> None:
    """Listen, answer and deliver until told to stop."""
    async with open_world(settings) as world, open_market_data(world) as prices:
        await offer_ownership(world)
        renderer = NoticeRenderer(texts(), page_addresses(world).address_of)
        messenger = MixinMessenger(world.http)
        delivery = Delivery(world.notices, renderer, messenger, world.clock)
        reception = reception_of(world, delivery, prices)
        blaze = Blaze(settings.mixin_blaze_url, world.http, world.clock, reception.receive_all)
        pulses = [reception.pulse, delivery.pulse]
        progress = PostgresProgress(world.store, "bot", own_name())

        def why() -> str:
            return deaf(blaze, pulses)

        probes = (OwnProbe("chat", why), DatabaseProbe(settings.database_url.reveal()))
        async with telling(settings, "bot", lambda: stuck(pulses), probes, world.clock.monotonic):
            talking = [reception.run(), delivery.run(), blaze.run()]
            await until_told([*talking, beat(progress, world.clock, why), keep_asking(prices, world)])
        await progress.end()


async def until_told(loops: Sequence[Coroutine[Any, Any, None]]) -> None:
    """Run loops until SIGTERM or SIGINT; one that ends by itself ends all, loudly."""
    stop = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    tasks = [asyncio.create_task(loop) for loop in loops]
    told = asyncio.create_task(stop.wait())
    log.info("bot started")
    ended: list[asyncio.Task[None]] = []
    try:
        await asyncio.wait([*tasks, told], return_when=asyncio.FIRST_COMPLETED)
        ended = [task for task in tasks if task.done()]
    finally:
        for task in (*tasks, told):
            task.cancel()
        await asyncio.gather(*tasks, told, return_exceptions=True)
        log.info("bot stopped")
    for task in ended:
        task.result()


def main() -> None:
    """Read the settings and talk."""
    keep_memory_private()
    settings = load_settings()
    configure_logging(settings.log_format, settings.log_level, process="bot")
    try:
        asyncio.run(talk(settings))
    except BadKeystore as error:
        sys.exit(f"MrMarket cannot start.\n  {error}")


if __name__ == "__main__":
    main()
