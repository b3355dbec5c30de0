"""The inbox at work: store what comes, answer each person's messages in order, once."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

import structlog

from bot.dispatcher import Dispatcher
from bot.events import Event
from bot.inbox import InboxRow, InboxStore
from bot.loop import News, Pulse, Ring, backoff_s, outcome
from bot.outage import Outage
from bot.outbox import Notice, OutboxStore
from bot.ports import Clock, Transactions

log = structlog.get_logger()

MOST_ATTEMPTS = 3
"""A message whose answer fails so often is given up, with an apology (MS5)."""


class Reception:
    """Takes events in and answers them: many people at a time, one message of each."""

    def __init__(
        self,
        inbox: InboxStore,
        outbox: OutboxStore,
        transactions: Transactions,
        dispatcher: Dispatcher,
        clock: Clock,
        *,
        outage: Outage | None = None,
        transient: tuple[type[Exception], ...] = (),
        on_answer: Ring = lambda: None,
        at_once: int = 8,
        patience_s: float = 20.0,
    ) -> None:
        """Wire the reception; ``transient`` errors (the store is away) are waited out and not counted."""
        self._inbox = inbox
        self._outbox = outbox
        self._transactions = transactions
        self._dispatcher = dispatcher
        self._clock = clock
        self._outage = outage
        self._transient = transient
        self._on_answer = on_answer
        self._at_once = at_once
        self._patience_s = patience_s
        self._news = News()
        self.pulse = Pulse("the inbox")

    async def receive(self, event: Event) -> bool:
        """Store an event durably and return whether it is new; acknowledge it only after that (MS4)."""
        return await self.receive_all([event]) == 1

    async def receive_all(self, events: Sequence[Event]) -> int:
        """Store events durably in one commit; return how many were new.

        While the store is away their senders are told, and the error goes up: nothing may be acknowledged.
        """
        now = self._clock.now()
        try:
            new = await self._inbox.add(events, now)
        except self._transient:
            if self._outage:
                await self._outage.tell(events, now)
            raise
        if self._outage:
            self._outage.over()
        self._news.ring()
        return new

    async def drain(self) -> int:
        """Answer all that is due now and return how many messages that were."""
        served = 0
        while heads := await self._inbox.heads(self._at_once, self._clock.now(), ()):
            await asyncio.gather(*(self.serve(row) for row in heads))
            served += len(heads)
        return served

    async def run(self, poll_s: float = 0.5) -> None:
        """Answer for ever; a person whose answer takes long keeps nobody else waiting."""
        busy: dict[str, asyncio.Task[str]] = {}
        try:
            while True:
                self.pulse.beat()
                busy = {user_id: task for user_id, task in busy.items() if not task.done()}
                free = self._at_once - len(busy)
                heads = await outcome(self._inbox.heads(free, self._clock.now(), busy.keys())) if free else []
                if isinstance(heads, Exception):
                    log.error("inbox unreadable", reason=str(heads))
                    heads = []
                for row in heads:
                    busy[row.user_id] = asyncio.create_task(self._serve_and_ring(row))
                if not heads:
                    await self._news.wait(poll_s)
        finally:
            for task in busy.values():
                task.cancel()
            await asyncio.gather(*busy.values(), return_exceptions=True)

    async def _serve_and_ring(self, row: InboxRow) -> str:
        try:
            return await self.serve(row)
        finally:
            self._news.ring()

    async def serve(self, row: InboxRow) -> str:
        """Answer one message, or count the failure; say what happened."""
        fault = await outcome(self._answer(row))
        if not isinstance(fault, Exception):
            self._on_answer()
            return fault
        log.error("answer failed", user_id=row.user_id, message_id=row.event.message_id, exc_info=fault)
        if isinstance(fault, self._transient):
            await self._clock.sleep(1.0)
            return "waiting: the store does not answer"
        counted = await outcome(self._count(row, fault))
        if isinstance(counted, Exception):
            log.error("failure not counted", message_id=row.event.message_id, reason=str(counted))
            await self._clock.sleep(1.0)
            return "waiting: the store does not answer"
        return counted

    async def _answer(self, row: InboxRow) -> str:
        """Do all that a message asks for in one transaction."""
        async with asyncio.timeout(self._patience_s), self._transactions.transaction():
            if not await self._inbox.claim(row):
                return "answered before"
            now = self._clock.now()
            says = await self._dispatcher.answer(row.event, now)
            await self._outbox.add(
                [
                    Notice(row.user_id, say.kind, f"{row.event.key}#{index}", say.params)
                    for index, say in enumerate(says)
                ]
            )
            await self._inbox.finish(row, now)
        return "answered"

    async def _count(self, row: InboxRow, fault: Exception) -> str:
        """Count a failed attempt; give the message up when it was the last."""
        now = self._clock.now()
        reason = f"{type(fault).__name__}: {fault}"[:500]
        async with self._transactions.transaction():
            retry_at = now + timedelta(seconds=backoff_s(row.attempts + 1))
            attempts = await self._inbox.fail(row, reason, retry_at)
            if attempts < MOST_ATTEMPTS:
                return f"failed {attempts} times"
            await self._inbox.bury(row, reason, now)
            await self._outbox.add([Notice(row.user_id, "apology", row.event.key, {})])
        self._on_answer()
        log.critical("message given up", user_id=row.user_id, message_id=row.event.message_id, reason=reason)
        return "given up"
