"""A request as it stood on the wire, and the parts a rule wants of it."""

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from sandbox.mixin.core.errors import forbidden, invalid, unparsable
from sandbox.mixin.core.rows import User


@dataclass(frozen=True, slots=True)
class Request:
    """Method, raw target (path and query exactly as sent), lower-case headers, raw body."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes = b""

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]

    @property
    def query(self) -> dict[str, str]:
        return dict(parse_qsl(self.target.partition("?")[2], keep_blank_values=True))


@dataclass(frozen=True, slots=True)
class Call:
    """A request that found its route: who asks, the words of its path, and its body."""

    request: Request
    user: User | None = None
    words: dict[str, str] = field(default_factory=dict)

    @property
    def caller(self) -> User:
        """Return who asks; a route that reads this needs a token."""
        if self.user is None:
            raise forbidden("this call needs a token")
        return self.user

    @property
    def query(self) -> dict[str, str]:
        return self.request.query

    def json(self) -> Any:
        try:
            return json.loads(self.request.body)
        except ValueError as e:
            raise unparsable(str(e)) from e

    def objects(self, most: int = 100) -> list[dict[str, Any]]:
        """Return the body as a list of objects, at least one."""
        body = self.json()
        if not isinstance(body, list) or not body or not all(isinstance(item, dict) for item in body):
            raise unparsable("a list of objects is expected")
        if len(body) > most:
            raise invalid("body", f"at most {most} entries")
        return body

    def texts(self, most: int = 500) -> list[str]:
        """Return the body as a list of texts."""
        body = self.json()
        if not isinstance(body, list) or not all(isinstance(item, str) for item in body):
            raise unparsable("a list of texts is expected")
        if len(body) > most:
            raise invalid("body", f"at most {most} entries")
        return body

    def limit(self, most: int = 500) -> int:
        text = self.query.get("limit", str(most))
        if not text.isascii() or not text.isdigit():
            raise invalid("limit", "a whole number is expected")
        return min(int(text), most)


def uuid_text(value: object, name: str) -> str:
    """Return the value as a lower-case UUID text, or refuse it."""
    if not isinstance(value, str):
        raise invalid(name, "a UUID is expected")
    try:
        canonical = str(uuid.UUID(value))
    except ValueError as e:
        raise invalid(name, "a UUID is expected") from e
    if canonical != value:
        raise invalid(name, "a lower-case UUID with dashes is expected")
    return value
