"""The loop that reminds people of what they have here."""

NAME = "inactive"
EVERY_S = 600.0
