"""The processes that execute strategies and payouts."""
