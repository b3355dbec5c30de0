"""A central exchange as its clients see it, on loopback."""
