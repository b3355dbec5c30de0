"""One file per measured thing; each prints a ratio."""
