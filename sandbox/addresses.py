"""Ports: the same ones every time where possible, others where those are taken."""

from sandbox.children import CannotStart, free_port, port_is_free

DEFAULTS = {
    "chat": 8700,
    "venue": 8701,
    "web": 8702,
    "postgres": 8703,
    "redis": 8704,
    "gate": 8705,
    "bot_health": 8706,
    "workers_health": 8707,
    "webapp_health": 8708,
    "angel_health": 8709,
    "listener_health": 8710,
}


def choose_ports(wished: int | None = None) -> dict[str, int]:
    """Return a port for each part; ``wished`` is where the chat page shall be, 0 for any free ports at all.

    Raises:
        CannotStart: the port that was asked for is taken.
    """
    if wished and not port_is_free(wished):
        raise CannotStart(
            f"Port {wished} is taken by another program. Choose another one with --port, "
            "or leave --port away and a free one is taken."
        )
    chosen = {"chat": wished} if wished else {}
    for name, usual in DEFAULTS.items():
        if name not in chosen:
            free = wished != 0 and usual not in chosen.values() and port_is_free(usual)
            chosen[name] = usual if free else _another(set(chosen.values()))
    return chosen


def _another(taken: set[int]) -> int:
    while (port := free_port()) in taken:
        pass
    return port
