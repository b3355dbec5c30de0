"""`mrmarket chain head` and `verify`: what they say, and with which exit code."""

import asyncio
from typing import Any

import pytest

from adapters.cli import chain
from adapters.cli.__main__ import main
from adapters.db.store import PostgresStore
from domain.ledger.chain import START
from tests.domain.services.test_chain import World


@pytest.fixture
async def sealed(store: PostgresStore, migrated_url: str, monkeypatch: pytest.MonkeyPatch) -> World:
    """Give a world with five transfers in the chain, and the command its address."""
    monkeypatch.setenv("MRMARKET_DATABASE_URL", migrated_url)
    monkeypatch.setattr(chain, "_PAGE", 2)
    world = World(store)
    await world.post(5)
    await world.service().round()
    return world


async def said(capsys: pytest.CaptureFixture[str], *argv: str) -> tuple[int, list[str]]:
    """Return exit code and lines, as a process of its own would answer."""
    code = await asyncio.get_running_loop().run_in_executor(None, main, ["chain", *argv])
    return code, capsys.readouterr().out.splitlines()


async def test_whole_chain_is_said_to_be_whole(sealed: World, capsys: pytest.CaptureFixture[str]) -> None:
    head = str(await sealed.chain.head())
    assert await said(capsys, "head") == (0, [head])
    assert await said(capsys, "verify") == (0, [f"whole: 5 links read, head {head}"])
    assert await said(capsys, "verify", head) == (0, [f"whole: 5 links read, head {head}"])


async def test_empty_chain_is_whole(
    migrated_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MRMARKET_DATABASE_URL", migrated_url)
    assert await said(capsys, "verify") == (0, [f"whole: 0 links read, head {START}"])


async def test_every_fault_is_named(sealed: World, admin: Any, capsys: pytest.CaptureFixture[str]) -> None:
    await admin.execute("SET session_replication_role = replica")
    await admin.execute("UPDATE postings SET amount = 2 WHERE transfer_id = 2 AND number = 1")
    await admin.execute("DELETE FROM chain_links WHERE number = 4")
    await admin.execute("UPDATE transfers SET posted_at = posted_at - interval '2 minutes' WHERE id = 4")
    head = await sealed.chain.head()
    assert await said(capsys, "verify") == (
        1,
        [
            "transfer_altered at link 2, transfer 2",
            "link_missing at link 4",
            "transfer_unchained at no link, transfer 4",
            f"broken: 5 links read, head {head}",
        ],
    )


async def test_rewritten_end_is_found_by_a_head_noted_before(
    sealed: World, admin: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    noted = str(await sealed.chain.head())
    await admin.execute("SET session_replication_role = replica")
    await admin.execute(
        "DELETE FROM chain_links WHERE number = 5; UPDATE transfers SET cause = 'x' WHERE id = 5"
    )
    await sealed.service().round()
    assert (await said(capsys, "verify"))[0] == 0
    code, lines = await said(capsys, "verify", noted)
    assert (code, lines[0]) == (1, "chain_rewritten at link 5")


async def test_what_cannot_be_looked_at_is_not_whole(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MRMARKET_DATABASE_URL", "postgres://nobody@127.0.0.1:1/nothing")
    assert await said(capsys, "verify") == (1, [])


@pytest.mark.parametrize("noted", ["5", "five:abc", "5:abc", ":" + "0" * 64])
def test_head_that_is_none_is_refused(noted: str) -> None:
    with pytest.raises(SystemExit):
        main(["chain", "verify", noted])
