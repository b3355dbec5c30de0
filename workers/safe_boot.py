"""The loop that notes how far the books are, for a later start to compare with."""

NAME = "marker"
EVERY_S = 10.0
