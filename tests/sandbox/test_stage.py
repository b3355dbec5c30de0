"""The stage goes on when all answer, and when only the books are behind; never when somebody is missing."""

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import ThreadingTCPServer

import pytest

from sandbox.children import CannotStart
from sandbox.runfile import StateDirectory
from sandbox.stage import Options, Patience, Stage
from sandbox.world import ensure_world


@dataclass
class Pages:
    """A web process that says of ``/ready`` what it is told to."""

    checks: dict[str, str]
    port: int = 0
    said: list[str] = field(default_factory=list)


@pytest.fixture
def pages() -> Iterator[Pages]:
    told = Pages({})

    class Ready(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            good = all(reason == "ok" for reason in told.checks.values())
            self.send_response(200 if good else 503)
            self.end_headers()
            self.wfile.write(json.dumps({"checks": told.checks}).encode())

    server = ThreadingTCPServer(("127.0.0.1", 0), Ready)
    told.port = server.server_address[1]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield told
    server.shutdown()
    server.server_close()


class Impatient(Stage):
    patience = Patience(ready_s=1.0, books_s=0.3, reasons_every_s=60.0)


def stage_before(pages: Pages, directory: Path) -> Stage:
    stage = Impatient(Options(directory), StateDirectory(directory), pages.said.append)
    stage._ports = {"web": pages.port}
    return stage


def test_all_that_answers_is_waited_for_no_longer(pages: Pages, tmp_path: Path) -> None:
    pages.checks = {"database": "ok", "reconciliation": "ok"}
    stage_before(pages, tmp_path)._wait_until_ready()
    assert pages.said == []


def test_books_that_are_behind_keep_nobody_out_of_the_chat(pages: Pages, tmp_path: Path) -> None:
    """Where coins are really missing, only the owner in the chat can look and settle it."""
    pages.checks = {"database": "ok", "reconciliation": "not seen to agree for long: wallet"}
    stage_before(pages, tmp_path)._wait_until_ready()
    [said] = pages.said
    assert "not seen to agree for long: wallet" in said
    assert "/reconcile" in said


@pytest.mark.parametrize("books", ["ok", "not seen to agree for long: wallet"])
def test_without_its_workers_it_does_not_start(pages: Pages, tmp_path: Path, books: str) -> None:
    pages.checks = {"workers": "not heard of", "reconciliation": books}
    with pytest.raises(CannotStart, match="workers not heard of"):
        stage_before(pages, tmp_path)._wait_until_ready()


def test_prices_are_asked_of_the_worlds_own_coingecko(tmp_path: Path) -> None:
    stage = Stage(Options(tmp_path), StateDirectory(tmp_path), print)
    stage._ports, stage._keys = {"redis": 1, "web": 2}, {"accounts": "accounts.json"}
    told = {"mixin_api": "m", "mixin_blaze": "b", "web": "w", "chat": "c"}
    stage._urls = {**told, "venue": {"coingecko": "http://127.0.0.1:3/coingecko/api/v3"}}
    settings = stage._settings(ensure_world(stage.world_file))
    assert settings["MRMARKET_COINGECKO_URL"] == "http://127.0.0.1:3/coingecko/api/v3"
