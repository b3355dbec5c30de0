"""The loop that carries out a STOP said to the listener."""

NAME = "stops"
EVERY_S = 1.0
