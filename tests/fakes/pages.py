"""Links and visits in memory, as chat and pages share them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from domain.ids import UserId
from domain.ports.clock import Clock
from domain.ports.pages import PageLink, Visit, Visitor

IDLE, LONGEST = timedelta(minutes=15), timedelta(hours=8)


@dataclass(frozen=True, slots=True)
class Row:
    """A link, and the visit that began with it."""

    link: PageLink
    visit_hash: str = ""
    began_at: datetime | None = None
    seen_at: datetime | None = None
    ended: bool = False


class FakePageLinks:
    """Both stores over the same rows."""

    def __init__(self, clock: Clock) -> None:
        self.rows: dict[str, Row] = {}
        self.frozen_at: dict[UserId, datetime] = {}
        self._clock = clock

    async def add(self, link: PageLink, forget_before: datetime) -> None:
        self.rows = {
            key: row
            for key, row in self.rows.items()
            if row.link.user_id != link.user_id or row.link.expires_at >= forget_before
        }
        self.rows[link.token_hash] = Row(link)

    async def visits(self, user_id: UserId) -> Sequence[Visit]:
        lasting = [row for row in self.rows.values() if row.link.user_id == user_id and self._lasts(row)]
        found = [Visit(row.began_at, row.seen_at) for row in lasting if row.began_at and row.seen_at]
        return sorted(found, key=lambda visit: visit.began_at, reverse=True)

    async def end_visits(self, user_id: UserId) -> int:
        ended = len(await self.visits(user_id))
        mine = {key: row for key, row in self.rows.items() if row.link.user_id == user_id}
        self.rows |= {key: replace(row, ended=True) for key, row in mine.items()}
        return ended

    async def open(self, token_hash: str, purpose: str, visit_hash: str) -> str | None:
        row, now = self.rows.get(token_hash), self._clock.now()
        if (
            row is None
            or row.link.purpose != purpose
            or row.began_at
            or row.ended
            or row.link.expires_at <= now
        ):
            return None
        self.rows[token_hash] = replace(row, visit_hash=visit_hash, began_at=now, seen_at=now)
        return row.link.target

    async def visitor(self, visit_hash: str) -> Visitor | None:
        for key, row in self.rows.items():
            if row.visit_hash == visit_hash and self._lasts(row):
                self.rows[key] = replace(row, seen_at=self._clock.now())
                return Visitor(row.link.user_id, "")
        return None

    async def end(self, visit_hash: str) -> None:
        for key, row in self.rows.items():
            if row.visit_hash == visit_hash:
                self.rows[key] = replace(row, ended=True)

    def _lasts(self, row: Row) -> bool:
        now, frozen_at = self._clock.now(), self.frozen_at.get(row.link.user_id)
        if row.ended or row.began_at is None or row.seen_at is None:
            return False
        return (
            row.seen_at > now - IDLE
            and row.began_at > now - LONGEST
            and not (frozen_at and frozen_at >= row.link.created_at)
        )
