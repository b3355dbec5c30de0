"""What plain SQL cannot do to a lease: shorten, steal, stretch or rewind it, or pose as another release."""

from pathlib import Path
from typing import Any

import pytest

from adapters.build import build_name, build_of_sources, schema_version
from adapters.db.leases import Claimant, PostgresLeases
from adapters.db.store import PostgresStore
from domain.errors import MrMarketError, Refused
from domain.leases import WALLET
from tests.fakes.leases import move_lease_clock

ROW = "'held', interval '10 s', lease_clock() + interval '10 s', lease_clock()"
DEPLOYED = "(SELECT build FROM deployment), (SELECT schema_version FROM deployment)"
INSERT = (
    "INSERT INTO leases (scope, epoch, holder, state, ttl, expires_at, renewed_at, build, schema_version)"
)

ON_A_LEASE = {
    "a lease stolen while it lasts": "UPDATE leases SET holder = 'thief', epoch = epoch + 1",
    "a holder put in another's place": "UPDATE leases SET holder = 'thief'",
    "an epoch that goes back": "UPDATE leases SET epoch = epoch - 1",
    "an epoch that leaps": "UPDATE leases SET epoch = epoch + 2",
    "a lease made shorter": "UPDATE leases SET expires_at = lease_clock()",
    "a lease that has ended already": "UPDATE leases SET expires_at = expires_at - interval '1 h'",
    "a lease that lasts for ever": "UPDATE leases SET expires_at = 'infinity'",
    "a lease longer than its ttl": "UPDATE leases SET expires_at = lease_clock() + interval '11 s'",
    "a longer ttl": "UPDATE leases SET ttl = interval '4 minutes'",
    "a ttl of an hour": "UPDATE leases SET ttl = interval '1 h', epoch = epoch + 1",
    "another scope": "UPDATE leases SET scope = 'venue:x'",
    "another scope in the next epoch": "UPDATE leases SET scope = 'venue:x', epoch = epoch + 1, "
    "expires_at = lease_clock() + ttl",
    "another build": "UPDATE leases SET build = 'x'",
    "another build in the next epoch": "UPDATE leases SET build = 'x', epoch = epoch + 1, "
    "expires_at = lease_clock() + ttl",
    "a state nobody knows": "UPDATE leases SET state = 'mine'",
    "given back by another": "UPDATE leases SET state = 'released', holder = 'thief'",
    "given back and shorter": "UPDATE leases SET state = 'released', expires_at = expires_at - ttl",
    "a lease forgotten": "DELETE FROM leases",
    "all leases forgotten": "TRUNCATE leases",
    "a second lease of a scope": f"{INSERT} VALUES ('wallet', 1, 'thief', {ROW}, {DEPLOYED})",
    "a lease that begins high": f"{INSERT} VALUES ('venue:x', 2, 'thief', {ROW}, {DEPLOYED})",
    "a lease that begins given back": f"{INSERT} VALUES ('venue:x', 1, 'a', 'released', interval '10 s', "
    f"lease_clock(), lease_clock(), {DEPLOYED})",
    "a lease of nothing known": f"{INSERT} VALUES ('everything', 1, 'thief', {ROW}, {DEPLOYED})",
    "a lease by another build": f"{INSERT} VALUES ('venue:x', 1, 'thief', {ROW}, 'x', {schema_version()})",
    "a lease by an older schema": f"{INSERT} SELECT 'venue:x', 1, 'thief', {ROW}, build, 1 FROM deployment",  # noqa: S608
    "a stamp by somebody else": "UPDATE deployment SET build = 'x'",
    "no stamp": "DELETE FROM deployment",
    "a second stamp": "INSERT INTO deployment VALUES (false, 'x', 1, now())",
}
ON_WHAT_WAS_GIVEN_BACK = {
    "a lease that came back without a new epoch": "UPDATE leases SET state = 'held'",
    "a longer life": "UPDATE leases SET expires_at = expires_at + interval '1 s'",
    "a take-over that has ended already": "UPDATE leases SET state = 'held', epoch = epoch + 1, "
    "expires_at = lease_clock() - interval '1 s'",
    "a take-over beyond its ttl": "UPDATE leases SET state = 'held', epoch = epoch + 1, "
    "expires_at = lease_clock() + ttl + interval '1 s'",
}
RIGHTFUL = (
    "UPDATE leases SET holder = 'b', epoch = epoch + 1, state = 'held', expires_at = lease_clock() + ttl"
)


async def everything(store: PostgresStore) -> list[object]:
    return [await store.fetch(sql) for sql in ("SELECT * FROM leases", "SELECT * FROM deployment")]


@pytest.mark.parametrize(("given_back", "attacks"), [(False, ON_A_LEASE), (True, ON_WHAT_WAS_GIVEN_BACK)])
async def test_every_attack_on_a_lease_is_refused_and_changes_nothing(
    store: PostgresStore, given_back: bool, attacks: dict[str, str]
) -> None:
    us = PostgresLeases(store, Claimant("us", build_name(), schema_version()))
    assert await us.take([WALLET], 10) == {WALLET: 1}
    if given_back:
        assert await us.release({WALLET: 1}) == {WALLET}
    before = await everything(store)
    successes = []
    for name, attack in attacks.items():
        try:
            await store.execute(attack)
        except MrMarketError:
            continue
        successes.append(name)
    assert successes == []
    assert await everything(store) == before


async def test_a_take_over_in_plain_sql_works_when_it_may(store: PostgresStore) -> None:
    """So that the attacks above fail for their reason, and not for their grammar."""
    us = PostgresLeases(store, Claimant("us", build_name(), schema_version()))
    await us.take([WALLET], 10)
    with pytest.raises(Refused, match="lease_held"):
        await store.execute(RIGHTFUL)
    await us.release({WALLET: 1})
    assert await store.execute(RIGHTFUL) == 1


async def test_what_has_expired_is_not_revived(store: PostgresStore, admin: Any) -> None:
    us = PostgresLeases(store, Claimant("us", build_name(), schema_version()))
    await us.take([WALLET], 10)
    await move_lease_clock(admin, 11)
    before = await everything(store)
    assert await store.execute("UPDATE leases SET expires_at = expires_at + interval '9 s'") == 0
    assert await everything(store) == before


def test_build_changes_with_any_source(tmp_path: Path) -> None:
    (tmp_path / "domain").mkdir()
    builds = [build_of_sources(tmp_path)]
    for name, text in (("a.py", "x = 1"), ("a.py", "x = 2"), ("b.py", ""), ("c.py", "")):
        (tmp_path / "domain" / name).write_text(text)
        builds.append(build_of_sources(tmp_path))
    assert len(set(builds)) == len(builds)
    assert build_of_sources(tmp_path) == builds[-1]
