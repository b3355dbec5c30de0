"""Mixin as its clients see it, on loopback."""
