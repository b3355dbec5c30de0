"""T26: a rotation that dies at any boundary of any row leaves every secret readable, and goes on."""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from adapters.db.grants import Role
from adapters.db.secrets import PostgresSecrets
from adapters.db.store import PostgresStore
from adapters.ids import RandomIds
from adapters.sealing import masters as key_files
from adapters.sealing.contents import BOT, open_keystore, open_venue_keys, pack_session
from adapters.sealing.envelope import CannotOpen, Kind
from adapters.sealing.masters import BadMasterKey, MasterKey, master_of, new_root, read_masters, write_masters
from adapters.sealing.sealing import Sealing
from adapters.sealing.venue_keys import pack_venue_key
from domain.errors import InvariantBroken
from tests.adapters.sealing.box import KEYS, OLD, VENUES, Box
from tests.fakes.crash import Crashing, Fuse, SimulatedCrash

pytestmark = pytest.mark.database


@pytest.fixture
async def box(admin_url: str, tmp_path: Path) -> Any:
    async with PostgresStore(admin_url, connections=3) as store:
        box = Box(store, tmp_path / "key")
        await box.fill()
        yield box


def mined(box: Box, fuse: Fuse, monkeypatch: pytest.MonkeyPatch) -> Sealing:
    """Return the commands of a process that dies where the fuse blows: at the store, a table or a file."""
    written = key_files.write_private

    def write(path: Path, text: str) -> None:
        fuse.step(f"before writing {path.suffix or 'key'}")
        written(path, text)
        fuse.step(f"after writing {path.suffix or 'key'}")

    monkeypatch.setattr(key_files, "write_private", write)
    store: Any = Crashing(box.store, fuse)
    secrets: Any = Crashing(PostgresSecrets(box.store), fuse)
    return Sealing(store, secrets, RandomIds())


async def rotate(sealing: Sealing, file: Path) -> None:
    """Do all that the two commands do: rotate, then retire."""
    masters = await sealing.begin_rotation(file)
    async for _ in sealing.rotate(masters):
        pass
    await sealing.retire(masters[0].kid)
    await sealing.drop_retired(file)


async def test_a_rotation_that_dies_anywhere_loses_nothing_and_goes_on(
    box: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen, blow_at = set(), 0
    while True:
        blow_at += 1
        fuse, first = Fuse(blow_at), box.masters[0].kid
        with monkeypatch.context() as patched:
            try:
                await rotate(mined(box, fuse, patched), box.file)
            except SimulatedCrash:
                seen.add(fuse.where)
            else:
                break
        await box.assert_all_open()
        await rotate(box.sealing, box.file)  # goes on, or has nothing left to do and begins another
        await box.assert_all_open()
        assert await box.kids() == {box.masters[0].kid}
        assert len(box.masters) == 1
        assert box.masters[0].kid != first
    assert blow_at > 60, "five rows, each with its boundaries, and the files"
    assert {"after PostgresSecrets.wrap_anew", "before commit of PostgresStore.transaction"} <= seen
    assert {"before writing .bot", "after writing .bot", "before writing key", "after writing key"} <= seen


async def test_both_keys_open_meanwhile_and_new_secrets_take_the_new_one(box: Box) -> None:
    old = box.masters[0]
    masters = await box.sealing.begin_rotation(box.file)
    assert masters[1] == old
    rotation = box.sealing.rotate(masters)
    for _ in range(5):
        await box.assert_all_open()
        assert "->" in await anext(rotation)
    await box.sealing.put(KEYS.app_id, Kind.VENUE_KEY, "third", pack_venue_key(OLD), box.masters)
    assert await box.kids() == {masters[0].kid}


async def test_rotations_at_once_are_one(box: Box) -> None:
    await asyncio.gather(*(box.sealing.begin_rotation(box.file) for _ in range(5)))
    assert len(box.masters) == 2
    masters = box.masters

    async def all_of_it() -> list[str]:
        return [said async for said in box.sealing.rotate(masters)]

    said = await asyncio.gather(*(all_of_it() for _ in range(3)))
    assert sum(map(len, said)) == 5
    await box.assert_all_open()


async def test_a_key_in_use_is_not_retired_and_a_retired_one_wraps_nothing(box: Box) -> None:
    masters = await box.sealing.begin_rotation(box.file)
    old = masters[1]
    assert await box.sealing.retire(masters[0].kid) == []
    assert await box.sealing.drop_retired(box.file) == []
    with pytest.raises(InvariantBroken, match="change_refused"):
        await box.secrets.retire(old.kid)
    async for _ in box.sealing.rotate(masters):
        pass
    assert await box.sealing.users_of() == {masters[0].kid: 5, old.kid: 0}
    assert await box.sealing.retire(masters[0].kid) == [old.kid]
    with pytest.raises(InvariantBroken, match="master_key_retired"):
        await box.sealing.put(KEYS.app_id, Kind.VENUE_KEY, "late", pack_venue_key(OLD), [old])
    assert await box.sealing.drop_retired(box.file) == [old.kid]
    assert box.masters == [masters[0]]


async def test_a_row_nobody_can_open_is_told_and_does_not_stop_the_rest(box: Box) -> None:
    lost = master_of(new_root())
    await box.secrets.add_master(lost.kid)
    await box.sealing.put(KEYS.app_id, Kind.VENUE_KEY, "aaa", pack_venue_key(OLD), [lost])
    masters = await box.sealing.begin_rotation(box.file)
    said = [line async for line in box.sealing.rotate(masters)]
    assert len(said) == 6
    assert [line for line in said if "left as it is" in line and lost.kid in line]
    assert await box.kids() == {masters[0].kid, lost.kid}


async def test_the_bots_half_rotates_nothing(box: Box) -> None:
    with pytest.raises(BadMasterKey, match="a part of a key"):
        await box.sealing.begin_rotation(key_files.bot_file(box.file))
    await box.assert_all_open()


async def test_the_same_is_not_sealed_twice_and_another_is_a_new_version(box: Box) -> None:
    said = await box.sealing.put(
        KEYS.app_id, Kind.VENUE_KEY, "main", pack_venue_key(VENUES["main"]), box.masters
    )
    assert "stands" in said
    said = await box.sealing.put(KEYS.app_id, Kind.VENUE_KEY, "main", pack_venue_key(OLD), box.masters)
    assert "venue_key main version 3" in said
    assert (await open_venue_keys(box.secrets, box.masters, KEYS.app_id))["main"] == OLD


async def test_the_version_in_use_is_not_revoked_and_an_old_one_is_once(box: Box) -> None:
    with pytest.raises(CannotOpen, match="in use"):
        await box.sealing.revoke(Kind.VENUE_KEY, "main", 2)
    with pytest.raises(CannotOpen, match="no version"):
        await box.sealing.revoke(Kind.VENUE_KEY, "main", 9)
    for _ in range(2):
        assert "counts no more" in await box.sealing.revoke(Kind.VENUE_KEY, "main", 1)
    (kept,) = [kept for kept in await box.secrets.every() if kept.revoked_at]
    assert kept.sealed.label.version == 1
    await box.assert_all_open()


async def test_nothing_sealed_yet_says_what_to_run(store: PostgresStore) -> None:
    with pytest.raises(CannotOpen, match="mrmarket keys import"):
        await open_keystore(PostgresSecrets(store), [], spends=False)


async def test_rows_of_another_instance_do_not_pass_for_ours(box: Box) -> None:
    masters = box.masters
    other = "00000000-1111-4222-8333-444444444444"
    await box.sealing.put(other, Kind.VENUE_KEY, "main", pack_venue_key(OLD), masters)
    with pytest.raises(CannotOpen, match="another instance"):
        await open_venue_keys(box.secrets, masters, KEYS.app_id)
    await box.sealing.put(other, Kind.SESSION_KEY, BOT, pack_session(KEYS), masters)
    with pytest.raises(CannotOpen, match="another instance"):
        await open_keystore(box.secrets, masters, spends=False)
    with pytest.raises(CannotOpen, match="another instance"):
        await open_keystore(box.secrets, masters, spends=True)


STATEMENTS = (
    "UPDATE secrets SET ciphertext = ciphertext || 'x'",
    "UPDATE secrets SET nonce = substr(md5('x'), 1, 12)::bytea",
    "UPDATE secrets SET name = 'other' WHERE kind = 'spend_key'",
    "UPDATE secrets SET instance = 'other'",
    "UPDATE secrets SET version = 7 WHERE kind = 'spend_key'",
    "UPDATE secrets SET wrapped_key = substr(wrapped_key, 2) || 'x'",
    "UPDATE secrets SET created_at = now()",
    "DELETE FROM secrets",
    "TRUNCATE secrets",
    "DELETE FROM master_keys",
    "TRUNCATE master_keys CASCADE",
    "UPDATE master_keys SET retired_at = now()",
    "UPDATE master_keys SET kid = '0123456789abcdef'",
    "UPDATE master_keys SET salt = 'x', scrypt_n = 2, scrypt_r = 8, scrypt_p = 1",
)


NOT_OURS = (
    "UPDATE secrets SET revoked_at = now()",
    "INSERT INTO secrets SELECT * FROM secrets",
    "DELETE FROM secrets",
    "INSERT INTO master_keys (kid) VALUES ('0123456789abcdef')",
    "UPDATE master_keys SET retired_at = now()",
)


async def test_the_owner_too_changes_nothing_that_is_sealed(box: Box) -> None:
    for statement in STATEMENTS:
        with pytest.raises(InvariantBroken) as said:
            await box.store.execute(statement)
        assert said.value.code in ("change_refused", "store_refused"), statement
    await box.assert_all_open()


async def test_bot_and_workers_write_nothing_here(box: Box, store: PostgresStore) -> None:
    for statement in NOT_OURS:
        with pytest.raises(InvariantBroken) as said:
            await store.execute(statement)
        assert "permission denied" in str(said.value), statement


async def test_no_login_but_the_workers_sees_what_moves_money(
    box: Box, url_of: Callable[[Role], str]
) -> None:
    kinds = "SELECT kind, count(*) AS n FROM secrets GROUP BY kind ORDER BY kind"
    everything = [("session_key", 1), ("spend_key", 1), ("venue_key", 3)]
    seen = {}
    for role in (Role.APP, Role.WORKERS):
        async with PostgresStore(url_of(role)) as store:
            seen[role] = [(row["kind"], row["n"]) for row in await store.fetch(kinds)]
            with pytest.raises(InvariantBroken, match="store_refused"):
                await store.execute("UPDATE secrets SET revoked_at = now()")
            if role is Role.WORKERS:
                assert await open_keystore(PostgresSecrets(store), box.masters, spends=True) == KEYS
            else:
                with pytest.raises(CannotOpen, match="this login may not read it"):
                    await open_keystore(PostgresSecrets(store), box.masters, spends=True)
    assert seen == {Role.APP: everything[:1], Role.WORKERS: everything}
    for role in (Role.WEB, Role.POLLER):
        async with PostgresStore(url_of(role)) as store:
            with pytest.raises(InvariantBroken, match="store_refused"):
                await store.fetch(kinds)
    async with PostgresStore(url_of(Role.ANGEL)) as store:
        assert await store.fetch(kinds) == [], "its own are of a kind of their own"


def test_write_masters_is_what_is_patched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[str] = []
    monkeypatch.setattr(key_files, "write_private", lambda path, _: written.append(path.name))
    some: Sequence[MasterKey] = [master_of(new_root())]
    write_masters(tmp_path / "key", some)
    assert written == ["key.bot", "key.angel", "key"]
    with pytest.raises(BadMasterKey):
        read_masters(tmp_path / "key")
