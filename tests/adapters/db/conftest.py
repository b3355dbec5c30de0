"""A store on a migrated database of its own."""

from collections.abc import AsyncIterator

import pytest

from adapters.db.ledger import PostgresLedger
from adapters.db.store import PostgresStore


@pytest.fixture
async def store(migrated_url: str) -> AsyncIterator[PostgresStore]:
    """Give a connected store on an own, migrated database."""
    async with PostgresStore(migrated_url) as store:
        yield store


@pytest.fixture
def ledger(store: PostgresStore) -> PostgresLedger:
    """Give the ledger of that store."""
    return PostgresLedger(store)
