"""The loop that tells what everybody trades now."""

NAME = "tapes"
EVERY_S = 10.0
