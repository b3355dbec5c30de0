"""Mixin as its clients see it, on loopback: HTTP API, Blaze, wallets, and a chat page for people."""
