"""Mixin Messenger and Mixin Safe, spoken on aiohttp."""
