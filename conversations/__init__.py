"""One state machine per file: table at the top, draft as plain data."""
