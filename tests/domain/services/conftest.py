"""The money world of a test: in memory and, where that is needed to believe it, on Postgres."""

from collections.abc import AsyncIterator

import pytest

from tests.domain.services.money_world import MoneyWorld, money_world


@pytest.fixture(params=["memory", pytest.param("postgres", marks=pytest.mark.database)])
def database(request: pytest.FixtureRequest) -> tuple[str, str]:
    """Give the addresses of a fresh database, for the services and for one whom no right holds back."""
    if request.param == "memory":
        return "", ""
    return request.getfixturevalue("migrated_url"), request.getfixturevalue("admin_url")


@pytest.fixture
async def world(database: tuple[str, str]) -> AsyncIterator[MoneyWorld]:
    """Give a world of people, their money, Mixin and our services."""
    async with money_world(*database) as made:
        yield made
