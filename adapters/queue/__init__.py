"""Redis: wake-ups and heartbeats. Nothing is lost with it, since every due thing is a row (D1)."""
