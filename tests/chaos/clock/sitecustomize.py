"""A wall clock that is wrong by what a file says, for one process and its Python alone.

Python imports this by itself when its directory is on the path. What is wrong is ``time.time``, by which
requests to exchanges are stamped, and the clock of ``adapters.clock``, which is everybody else's. The
monotonic clock stays right, as it does when somebody sets a host's clock.
"""

import datetime
import importlib.abc
import importlib.machinery
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

_FILE = os.environ.get("CHAOS_CLOCK_FILE")
_CLOCK = "adapters.clock"
_right, _right_ns = time.time, time.time_ns


def _offset_s() -> float:
    try:
        return float(Path(str(_FILE)).read_text() or 0)
    except (OSError, ValueError):  # it is just being written
        return 0.0


class _Wrong:
    @staticmethod
    def now(tz: datetime.tzinfo | None = None) -> datetime.datetime:
        return datetime.datetime.now(tz) + datetime.timedelta(seconds=_offset_s())


class _Late(importlib.abc.Loader):
    def __init__(self, loader: Any) -> None:
        self._loader = loader

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType | None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        self._loader.exec_module(module)
        vars(module)["datetime"] = _Wrong


class _Finder(importlib.abc.MetaPathFinder):
    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname != _CLOCK or not (spec := importlib.machinery.PathFinder.find_spec(fullname, path)):
            return None
        spec.loader = _Late(spec.loader)
        return spec


if _FILE:
    time.time = lambda: _right() + _offset_s()
    time.time_ns = lambda: _right_ns() + int(_offset_s() * 1_000_000_000)
    sys.meta_path.insert(0, _Finder())
