"""The outbox at work: render what is due, send it, mark it sent."""

from collections.abc import Sequence
from datetime import timedelta

import structlog

from bot.loop import News, Pulse, backoff_s, outcome
from bot.outbox import Messenger, OutboxRow, OutboxStore, Outgoing, Renderer
from bot.ports import Clock
from bot.replies import Undeliverable

log = structlog.get_logger()

MOST_ROWS = 25
"""Rows of one round: each gives at most four messages, and a request takes 100."""

MOST_RENDERINGS = 3

MOST_TOGETHER = 2
"""After so many failed attempts a row is sent apart from other people's, which it may be damming."""


class Delivery:
    """Sends what the outbox holds: at least once to Mixin, at most once to people's eyes."""

    def __init__(self, outbox: OutboxStore, renderer: Renderer, messenger: Messenger, clock: Clock) -> None:
        self._outbox = outbox
        self._renderer = renderer
        self._messenger = messenger
        self._clock = clock
        self._news = News()
        self.pulse = Pulse("the outbox")

    def ring(self) -> None:
        """Tell that a row was added."""
        self._news.ring()

    async def run(self, poll_s: float = 0.5) -> None:
        """Deliver for ever."""
        failures = 0
        while True:
            self.pulse.beat()
            said = await outcome(self.round())
            if isinstance(said, Exception):
                failures += 1
                log.error("delivery failed", exc_info=said)
                await self._clock.sleep(backoff_s(failures))
                continue
            failures = 0
            if said == NOTHING_DUE:
                await self._news.wait(poll_s)
            else:
                log.info("delivery done", outcome=said)

    async def drain(self) -> None:
        """Deliver until nothing is due."""
        while await self.round() != NOTHING_DUE:
            pass

    async def round(self) -> str:
        """Deliver what is due now, oldest first; say what happened."""
        rows = await self._outbox.due(MOST_ROWS, self._clock.now())
        if not rows:
            return NOTHING_DUE
        rendered: list[tuple[OutboxRow, list[Outgoing]]] = []
        for row in rows:
            messages = await outcome(self._rendered(row))
            if isinstance(messages, Exception):
                await self._put_aside(row, messages)
            else:
                rendered.append((row, messages))
        return await self._send(rendered) if rendered else "nothing could be worded"

    async def _rendered(self, row: OutboxRow) -> list[Outgoing]:
        notice = row.notice
        replies = self._renderer.render(notice.kind, notice.params, row.language)
        return [Outgoing(notice.user_id, notice.message_id(i), reply) for i, reply in enumerate(replies)]

    async def _put_aside(self, row: OutboxRow, fault: Exception) -> None:
        """Wait with a row that cannot be worded, and give it up at last: it must not dam the others."""
        log.error("notice not worded", notice_kind=row.notice.kind, exc_info=fault)
        now, reason = self._clock.now(), f"{type(fault).__name__}: {fault}"[:500]
        if row.attempts + 1 >= MOST_RENDERINGS:
            await self._outbox.bury([row], reason, now)
        else:
            await self._outbox.postpone([row], reason, now + timedelta(seconds=backoff_s(row.attempts + 1)))

    async def _send(self, rendered: Sequence[tuple[OutboxRow, list[Outgoing]]]) -> str:
        """Send all in one go; where somebody is unreachable, or it failed before, send person by person.

        Where Mixin never takes several notices of one person together, one of them may be to blame: each goes
        alone.
        """
        rows = [row for row, _ in rendered]
        if any(row.attempts >= MOST_TOGETHER for row in rows):
            return await self._send_apart(rendered)
        fault = await outcome(self._messenger.send([one for _, messages in rendered for one in messages]))
        if isinstance(fault, Undeliverable):
            return await self._send_apart(rendered)
        return await self._note(rows, fault)

    async def _send_apart(self, rendered: Sequence[tuple[OutboxRow, list[Outgoing]]]) -> str:
        said = []
        for user_id in dict.fromkeys(row.notice.user_id for row, _ in rendered):
            rows = [row for row, _ in rendered if row.notice.user_id == user_id]
            mine = [(row, some) for row, some in rendered if row.notice.user_id == user_id]
            fault = await outcome(self._messenger.send([one for _, some in mine for one in some]))
            if isinstance(fault, Undeliverable) and len(mine) > 1:
                said.append(await self._send_alone(mine))
            else:
                said.append(await self._note(rows, fault))
        return "; ".join(said)

    async def _send_alone(self, mine: Sequence[tuple[OutboxRow, list[Outgoing]]]) -> str:
        """Send one row after the other, and none before one that must wait."""
        said = []
        for row, messages in mine:
            fault = await outcome(self._messenger.send(messages))
            said.append(await self._note([row], fault))
            if fault is not None and not isinstance(fault, Undeliverable):
                break
        return ", ".join(said)

    async def _note(self, rows: Sequence[OutboxRow], fault: Exception | None) -> str:
        """Note what became of rows that were sent together."""
        now = self._clock.now()
        if fault is None:
            await self._outbox.sent(rows, now)
            return f"sent {len(rows)}"
        reason = f"{type(fault).__name__}: {fault}"[:500]
        if isinstance(fault, Undeliverable):
            await self._outbox.bury(rows, reason, now)
            return f"{len(rows)} undeliverable"
        wait_s = backoff_s(1 + max(row.attempts for row in rows))
        await self._outbox.postpone(rows, reason, now + timedelta(seconds=wait_s))
        return f"{len(rows)} postponed: {reason}"


NOTHING_DUE = "nothing due"
