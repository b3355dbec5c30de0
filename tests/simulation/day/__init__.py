"""A whole simulated day of many accounts, runs and people in memory, with a fault a minute (T5)."""
