"""Fixtures that several tests of the database share."""

from tests.adapters.db.angel_place import place  # noqa: F401 - a fixture
