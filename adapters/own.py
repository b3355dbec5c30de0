"""Classes of the owner's own, named in the settings beside the built-in ones."""

import importlib
from collections.abc import Mapping
from typing import Any, TypeVar

T = TypeVar("T")


def named(name: str, built_in: Mapping[str, type[T]], method: str) -> T:
    """Return an instance of a built-in class, or of ``module:Class`` from Python's path, made of nothing.

    Raises:
        ValueError: it is not there, cannot be made, or lacks the method that will be called.
    """
    if found := built_in.get(name):
        return found()
    module, _, what = name.partition(":")
    try:
        own: Any = getattr(importlib.import_module(module), what)()
    except (ImportError, AttributeError, TypeError) as error:
        raise ValueError(f"{name} cannot be used: {error}") from error
    if callable(getattr(own, method, None)):
        made: T = own
        return made
    raise ValueError(f"{name} has no method {method}()")
