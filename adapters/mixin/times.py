"""Instants as Mixin writes them: RFC 3339 with up to nine digits behind the second."""

from datetime import UTC, datetime


def as_time(text: object) -> datetime | None:
    """Return an instant in UTC, cut to microseconds; ``None`` when the text names none."""
    try:
        at = datetime.fromisoformat(str(text))
        return at.astimezone(UTC) if at.tzinfo else None
    except (ValueError, OverflowError):
        return None
