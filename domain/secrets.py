"""What must not be seen: held by one type, seen by one call."""

import hmac
from typing import Any, Generic, NoReturn, TypeVar

MASK = "***"

T = TypeVar("T", str, bytes)


class Secret(Generic[T]):
    """Text or bytes that show as ``***`` wherever they are printed, and that refuse to be stored.

    ``reveal()`` is the single way to the value; a test lists every place that calls it. Comparing takes
    the same time wherever two secrets differ. A copy is the secret itself, so that it stands in memory once.
    """

    __slots__ = ("__value",)
    __value: T

    def __init__(self, value: T) -> None:
        """Keep a value from sight."""
        object.__setattr__(self, "_Secret__value", value)

    def reveal(self) -> T:
        """Return the value: where it is used, and nowhere before."""
        return self.__value

    def __setattr__(self, name: str, value: object) -> NoReturn:
        """Refuse to change."""
        raise AttributeError("a secret does not change")

    def __repr__(self) -> str:
        """Return the mask."""
        return MASK

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        """Return the mask, whatever form was asked for."""
        return MASK

    def __eq__(self, other: object) -> bool:
        """Compare in a time that says nothing."""
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(_bytes(self), _bytes(other))

    __hash__ = None  # type: ignore[assignment]  # a hash, kept or shown, is a way to guess

    def __copy__(self) -> "Secret[T]":
        """Return the secret itself."""
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> "Secret[T]":
        """Return the secret itself."""
        return self

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        """Refuse to be pickled."""
        raise TypeError("a secret is not stored")

    def __getstate__(self) -> NoReturn:
        """Refuse to be taken apart."""
        raise TypeError("a secret is not stored")


def _bytes(secret: "Secret[Any]") -> bytes:
    value = secret.reveal()
    return value.encode() if isinstance(value, str) else bytes(value)
