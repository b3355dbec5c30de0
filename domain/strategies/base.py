"""What every strategy is: a config whose fields explain themselves, presets, and one pure function.

A strategy sees a book, the venue's rules, its config and what it may use, and answers with the quotes it
wants resting now. From the config alone come the chat's questions, the validation and the docs.
"""

import dataclasses
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Any, Protocol, TypeVar, get_type_hints

from domain.errors import Refused
from domain.market.model import Book, Quote, TradingRules
from domain.money import LEDGER_PLACES, ZERO, parse_amount, plain


class Unit(StrEnum):
    """What a parameter counts."""

    BPS = "bps"
    SECONDS = "seconds"
    COUNT = "count"
    BASE = "base"  # an amount of the base asset
    SWITCH = "switch"  # yes or no


Value = int | Decimal | bool


@dataclass(frozen=True, slots=True)
class Parameter:
    """One field of a config, as people are asked for it; ``help`` is the key of its sentence."""

    name: str
    unit: Unit
    default: Value
    minimum: Value
    maximum: Value
    help: str

    def read(self, text: str) -> Value:
        """Return the value a person typed.

        Raises:
            Refused: ``parameter_not_understood``, or ``parameter_out_of_range`` with the bounds.
        """
        value = _READERS[self.unit](text.strip())
        if value is None:
            raise Refused("parameter_not_understood", parameter=self.name, unit=self.unit)
        self.check(value)
        return value

    def check(self, value: Value) -> None:
        """Refuse a value out of bounds.

        Raises:
            Refused: ``parameter_out_of_range``.
        """
        if not self.minimum <= value <= self.maximum:
            low, high = show_value(self.minimum), show_value(self.maximum)
            raise Refused("parameter_out_of_range", parameter=self.name, minimum=low, maximum=high)


def parameter(unit: Unit, default: Value, minimum: Value, maximum: Value, help_key: str = "") -> Any:
    """Return a dataclass field that knows its unit, default, bounds and the key of its help sentence."""
    known = {"unit": unit, "default": default, "minimum": minimum, "maximum": maximum, "help": help_key}
    return field(default=default, metadata=known)


class MakerConfig(Protocol):
    """What the executor itself needs of every config."""

    @property
    def refresh_s(self) -> int:
        """Return the seconds between two evaluations."""
        ...

    @property
    def tolerance_bps(self) -> int:
        """Return how far an order may stand from its wanted price before it is replaced."""
        ...

    @property
    def most_orders(self) -> int:
        """Return how many orders rest at most: so many must fit on the account, or a run does not begin."""
        ...

    @property
    def post_only(self) -> bool:
        """Tell whether orders must never take."""
        ...


@dataclass(frozen=True, slots=True)
class Inventory:
    """What a run may use: all it has of both assets, orders included."""

    base: Decimal
    quote: Decimal


@dataclass(frozen=True, slots=True)
class Strategy:
    """The rule, its knobs, and named settings of them.

    ``quote`` is pure. ``half_spread`` tells the distance from mid of the nearest quote, in bps, fees
    considered; it is what a preview shows.
    """

    name: str
    config_type: type
    presets: Mapping[str, Any]
    quote: Callable[[Book, TradingRules, Any, Inventory], list[Quote]]
    half_spread: Callable[[TradingRules, Any], Decimal]

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """Return the knobs, in the order in which people are asked."""
        return parameters(self.config_type)

    def read(self, answers: Mapping[str, str]) -> Any:
        """Return the config in a map of texts; what is missing takes its default.

        Raises:
            Refused: ``parameter_unknown``, ``parameter_not_understood``, ``parameter_out_of_range``.
        """
        known = {p.name: p for p in self.parameters}
        if unknown := sorted(set(answers) - set(known)):
            raise Refused("parameter_unknown", parameter=unknown[0])
        return self.config_type(**{name: known[name].read(text) for name, text in answers.items()})


C = TypeVar("C")


def parameters(config_type: type) -> tuple[Parameter, ...]:
    """Return the parameters of a config type, in the order of its fields."""
    return tuple(
        Parameter(
            f.name,
            f.metadata["unit"],
            f.metadata["default"],
            f.metadata["minimum"],
            f.metadata["maximum"],
            f.metadata["help"] or f.name,
        )
        for f in dataclasses.fields(config_type)
    )


def check_config(config: C) -> C:
    """Return the config if every field is of its type and within its bounds.

    Raises:
        Refused: ``parameter_out_of_range``.
        TypeError: a field has another type; a bug, not an input.
    """
    types = get_type_hints(type(config))
    for knob in parameters(type(config)):
        value = getattr(config, knob.name)
        if type(value) is not types[knob.name]:
            raise TypeError(f"{knob.name} is {type(value).__name__}, not {types[knob.name].__name__}")
        knob.check(value)
    return config


def show_value(value: Value) -> str:
    """Return a value as ``Parameter.read`` takes it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return plain(value) if isinstance(value, Decimal) else str(value)


def show(config: Any) -> dict[str, str]:
    """Return the config as a map of texts, which ``Strategy.read`` turns into the same config."""
    return {knob.name: show_value(getattr(config, knob.name)) for knob in parameters(type(config))}


_WHOLE = re.compile(r"0|[1-9][0-9]{0,8}", re.ASCII)


def _read_whole(text: str) -> Value | None:
    return int(text) if _WHOLE.fullmatch(text) else None


def _read_amount(text: str) -> Value | None:
    try:
        return ZERO if text in ("0", "auto") else parse_amount(text, LEDGER_PLACES)
    except Refused:
        return None


def _read_switch(text: str) -> Value | None:
    return {"yes": True, "no": False}.get(text.lower())


_READERS: dict[Unit, Callable[[str], Value | None]] = {
    Unit.BPS: _read_whole,
    Unit.SECONDS: _read_whole,
    Unit.COUNT: _read_whole,
    Unit.BASE: _read_amount,
    Unit.SWITCH: _read_switch,
}
