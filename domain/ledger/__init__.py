"""Double entry: accounts, postings, transfers, holds."""
