"""Health pages over HTTP: served where the settings say so, without the database, and never in the way."""

import time
from pathlib import Path
from typing import Any

import aiohttp

from adapters.health import OwnProbe
from adapters.health_pages import telling
from adapters.settings import Settings
from sandbox.children import free_port


def settings_of(tmp_path: Path, port: int | None) -> Settings:
    return Settings.model_validate(
        {
            "database_url": f"postgres://user:hunter2-hunter2@127.0.0.1:{free_port()}/x",
            "redis_url": "redis://127.0.0.1:1/0",
            "venue_accounts_file": tmp_path / "none.json",
            "health_port": port,
        }
    )


async def asked(port: int, page: str) -> tuple[int, str]:
    async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{port}{page}") as answer:
        return answer.status, await answer.text()


async def test_a_process_tells_how_it_is_while_the_database_is_away(tmp_path: Path) -> None:
    port, stuck = free_port(), ""
    probes = [OwnProbe("chat", lambda: stuck)]
    async with telling(settings_of(tmp_path, port), "bot", lambda: stuck, probes, time.monotonic):
        assert await asked(port, "/live") == (200, '{"live": true}')
        assert await asked(port, "/ready") == (200, '{"ready": true, "checks": {"chat": "ok"}}')
        stuck = "not connected to Mixin"
        assert (await asked(port, "/live"))[0] == 503
        status, text = await asked(port, "/metrics")
        assert (status, "mrmarket_database_up 0.0\n" in text) == (200, True)
        assert 'mrmarket_live{process="bot"} 0.0\n' in text


async def test_a_port_that_is_taken_or_not_named_stops_no_work(tmp_path: Path) -> None:
    port, worked = free_port(), list[Any]()
    async with telling(settings_of(tmp_path, port), "bot", str, [], time.monotonic):
        for taken in (port, None):
            async with telling(settings_of(tmp_path, taken), "workers", str, [], time.monotonic):
                worked.append(taken)
    assert worked == [port, None]
