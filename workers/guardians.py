"""The loop that minds whether the Angel is there."""

NAME = "guardians"
EVERY_S = 60.0
