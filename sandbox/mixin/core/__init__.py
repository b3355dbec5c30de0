"""The far side without I/O: rows in, rows out; clock and randomness are arguments."""
