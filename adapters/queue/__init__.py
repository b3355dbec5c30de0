"""Redis: wake-ups. Nothing is lost with it, since every due thing is a row (D1)."""
