"""Trading rules, one a file. A file with a ``STRATEGY`` is a strategy; nothing needs to be registered."""

import importlib
import pkgutil
from collections.abc import Mapping
from functools import cache

from domain.errors import Refused
from domain.strategies.base import Strategy


@cache
def strategies() -> Mapping[str, Strategy]:
    """Return every strategy in this package by name."""
    modules = [importlib.import_module(f"{__name__}.{file.name}") for file in pkgutil.iter_modules(__path__)]
    found = [getattr(module, "STRATEGY", None) for module in modules]
    known = [strategy for strategy in found if isinstance(strategy, Strategy)]
    return {strategy.name: strategy for strategy in sorted(known, key=lambda s: s.name)}


def get_strategy(name: str) -> Strategy:
    """Return a strategy.

    Raises:
        Refused: ``strategy_unknown``.
    """
    if name not in strategies():
        raise Refused("strategy_unknown", strategy=name)
    return strategies()[name]
