"""Secrets at rest: sealed each with a key of its own, which a master key wraps (docs/keys.md)."""
