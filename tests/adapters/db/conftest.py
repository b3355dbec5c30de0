"""Fixtures that several tests of the database share."""

from tests.adapters.db.angel_place import place

__all__ = ["place"]  # a fixture
