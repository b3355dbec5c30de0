"""Every use case, one family per file."""
