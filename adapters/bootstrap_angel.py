"""Settings in, an Angel out: the least that can read the database and clear a book."""

import asyncio
import importlib
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from adapters.angel.files import DiaryFile, KeepsakeFile, SealedCopy, alone_in, own_name
from adapters.angel.settings import AngelSettings
from adapters.angel.witness import HttpWitness
from adapters.clock import SystemClock
from adapters.db.angel import PostgresAngelStore
from adapters.db.asking import Asking
from adapters.exchange.account import VenueAccount, VenueKey
from adapters.exchange.ccxt_exchange import CcxtExchange
from adapters.exchange.client import contract_of, reason_of
from adapters.ids import PREFIX, RandomIds
from adapters.own import in_time
from adapters.sealing.envelope import CannotOpen, Sealed
from adapters.sealing.masters import BadMasterKey, read_masters
from adapters.sealing.venue_keys import unseal_venue_keys
from adapters.stop_file import HaltFile
from domain.angel.closing import BUILT_IN, Bounds, FailSafe
from domain.angel.watch import Watch, Window
from domain.errors import OutcomeUnknown, Refused, Unavailable
from domain.leases import Grip, venue_scope
from domain.ports.account_looks import DeadManState
from domain.ports.angel import NoHaltSign
from domain.services.angel import Angel
from domain.services.angel_desk import AngelDesk
from domain.services.angel_log import AngelLog
from domain.services.angel_sweep import Sweeping

log = structlog.get_logger("angel")

SKEW_S, SEND_S = 0.5, 1.0
_KEYS = "keys.json"

OTHER_KEYS = "other keys are sealed by now than those in use"
"""What is said when everything is to be opened anew."""


class CannotWatch(ValueError):
    """The Angel cannot begin; the text says what to do."""


@dataclass(frozen=True, slots=True)
class Opened:
    """An Angel, put together, and the exchanges that it would clear."""

    angel: Angel
    clock: SystemClock
    store: PostgresAngelStore
    keys: "SealedKeys | None"
    """What opens keys that are sealed in the database; nothing where they are plain."""

    async def check_timers(self) -> str:
        """Say at which accounts the venue would not cancel by itself: there we are the last line (D5)."""
        known = await self.store.dead_men()
        states = {
            desk.account: known.get(desk.account, DeadManState.ABSENT) for desk in self.angel.desks.values()
        }
        bare = [
            f"{account}: {state}" for account, state in states.items() if state is not DeadManState.PROVEN
        ]
        return (
            f"dead-man's switch not proven: {', '.join(bare)}"
            if bare
            else "every dead-man's switch is proven"
        )

    async def copy_keys(self) -> str:
        """Keep a copy of the sealed keys; say when others than those in use are sealed by now."""
        if self.keys is None or (now := await self.store.sealed_keys()) == self.keys.in_use:
            return ""
        return OTHER_KEYS if self.keys.keep(now) else "the database has no keys that open: the copy stays"

    async def warm(self) -> str:
        """Have the exchanges answer, so that in need nothing has to be loaded; say who does not."""
        silent, blind = [], {}
        for desk in self.angel.desks.values():
            await desk.look_at_clock()
            for pair in desk.pairs:
                try:
                    await desk.exchange.rules(pair)
                    await desk.exchange.open_orders(pair)
                except Refused as error:  # a pair that is gone
                    silent.append(f"{desk.account} {pair}: {error}")
                except (Unavailable, OutcomeUnknown) as error:
                    silent.append(f"{desk.account} {pair}: {error}")
                    blind[desk.account] = error.code
        self.angel.blind = blind
        return "; ".join(silent) or f"{len(self.angel.desks)} accounts answer"


@asynccontextmanager
async def open_angel(settings: AngelSettings) -> AsyncIterator[Opened]:
    """Open everything and close it again; with or without the database.

    Raises:
        CannotWatch: keys or fail-safe cannot be used, or another Angel is in its directory.
    """
    directory, clock = settings.angel_dir, SystemClock()
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    async with AsyncExitStack() as stack:
        if not stack.enter_context(alone_in(directory)):
            raise CannotWatch(f"Another Angel is at work in {directory}: each needs a directory of its own.")
        asking = Asking(settings.dsn())
        stack.push_async_callback(asking.close)
        store = PostgresAngelStore(asking)
        master = settings.master_key_file
        keys = SealedKeys(SealedCopy(directory / _KEYS), master) if master else None
        accounts = settings.venue_accounts(await keys.opened(store) if keys else None)
        us = own_name(directory)
        watch = Watch(settings.patience(), us, clock.monotonic())
        angel_log = AngelLog(store, DiaryFile(directory / "log.jsonl"), clock, RandomIds(), us)
        desks = {}
        of_venue = Counter(account.venue for account in accounts)
        for account in accounts:
            try:
                desk = _desk(settings, account, clock, of_venue[account.venue])
            except Refused as refusal:  # no worker trades there either
                log.error("venue account refused", account=account.name, reason=reason_of(refusal))  # noqa: TRY400 - one sentence
                continue
            stack.push_async_callback(desk.exchange.close)
            desks[venue_scope(account.name)] = desk
        angel = Angel(
            log=angel_log,
            watch=watch,
            sweeping=Sweeping(angel_log, failsafe_of(settings)),
            desks=desks,
            keepsake=KeepsakeFile(directory / "kept.json"),
            witness=HttpWitness(settings.angel_witness_url),
            halt=HaltFile(settings.halt_file) if settings.halt_file else NoHaltSign(),
        )
        angel.wake()
        yield Opened(angel, clock, store, keys)


def _desk(settings: AngelSettings, account: VenueAccount, clock: SystemClock, sharing: int) -> AngelDesk:
    expiry_s = contract_of(account.venue).latest_arrival_s(settings.request_expiry_ms)
    window = Window(SEND_S, settings.request_expiry_ms / 1000, expiry_s, SKEW_S)
    grip = Grip(venue_scope(account.name), clock.monotonic)
    exchange = CcxtExchange(account, clock, grip.require, sharing=sharing)
    return AngelDesk(
        *(exchange, grip, account.pairs, window, settings.lease_timing(), PREFIX),
        most_notional=account.limits.max_notional,
        keep_time=exchange.keep_time,
    )


@dataclass(slots=True)
class SealedKeys:
    """The keys sealed for the Angel: those of the database, and a copy that only keys replace which open."""

    copy: SealedCopy
    master_key_file: Path
    in_use: Mapping[str, Sealed] = field(default_factory=dict)

    async def opened(self, store: PostgresAngelStore) -> dict[str, VenueKey]:
        """Return the keys of the database, or of the copy where it has none that open.

        Raises:
            CannotWatch: there are keys, and none that open.
        """
        copied, unopened = self.copy.recall(), None
        try:
            async with asyncio.timeout(5):
                self.in_use = await store.sealed_keys()
            if self.in_use or not copied:
                opened = self._open(self.in_use)
                self.keep(self.in_use)
                return opened
            said = "it has none"
        except CannotWatch as error:
            said, unopened = str(error), error
        except Exception as error:  # AN5: whatever is wrong with the database, the copy may still do
            said = str(error) or type(error).__name__
        if unopened and not copied:
            raise unopened
        log.warning("the database gives no keys: they are those of the copy", error=said, keys=len(copied))
        self.in_use = copied
        return self._open(copied)

    def keep(self, current: Mapping[str, Sealed]) -> bool:
        """Have the copy be of these keys, if all of them open; tell whether they do."""
        try:
            opened = self._open(current)
        except CannotWatch:
            return False
        if not opened:
            return False
        try:
            self.copy.keep(current)
        except OSError as error:
            log.error("no copy of the keys kept", error=error.strerror)  # noqa: TRY400 - one sentence
        return True

    def _open(self, current: Mapping[str, Sealed]) -> dict[str, VenueKey]:
        try:
            return unseal_venue_keys(current, read_masters(self.master_key_file))
        except (BadMasterKey, CannotOpen) as error:
            raise CannotWatch(str(error)) from error


def failsafe_of(settings: AngelSettings) -> FailSafe:
    """Return the fail-safe that the settings name: a built-in one, or the owner's own class.

    Raises:
        CannotWatch: there is none of that name.
    """
    bounds, name = Bounds(settings.angel_slippage_bps), settings.failsafe
    if name in BUILT_IN:
        return BUILT_IN[name](bounds)
    module, _, kind = name.partition(":")
    try:
        own: FailSafe = getattr(importlib.import_module(module), kind)(bounds)
    except Exception as error:  # the owner's own code: whatever it raises, the start says so in a sentence
        raise CannotWatch(f"MRMARKET_FAILSAFE {name} is no class that can be made: {error}.") from error
    return in_time(own)
