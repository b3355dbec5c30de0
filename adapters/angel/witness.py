"""Another process that looks at the store, asked over HTTP: a hint, and nothing more (AN3)."""

import aiohttp

from domain.health.progress import OK, UNHEARD

_WITHIN_S = 2.0


class HttpWitness:
    """The ``/ready`` of the pages, or of a worker; as ``domain.ports.angel.Witness``."""

    def __init__(self, url: str | None) -> None:
        self._url = url

    async def sees_store(self) -> bool:
        """Tell whether the store answers it, and workers are heard there; whoever says nothing does not."""
        if self._url is None:
            return False
        try:
            timeout = aiohttp.ClientTimeout(total=_WITHIN_S)
            async with aiohttp.ClientSession(timeout=timeout) as wire, wire.get(self._url) as answer:
                said = await answer.json()
        except (TimeoutError, aiohttp.ClientError, ValueError, OSError):
            return False
        checks = said.get("checks", {}) if isinstance(said, dict) else {}
        return isinstance(checks, dict) and checks.get("database") == OK and checks.get("workers") != UNHEARD
