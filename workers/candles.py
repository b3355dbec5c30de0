"""The loop that keeps candles of what is traded."""

NAME = "candles"
EVERY_S = 10.0
