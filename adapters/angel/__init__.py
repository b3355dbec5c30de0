"""The ports of the Angel, made real: its files, its settings, and how it is put together."""
