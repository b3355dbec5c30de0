"""The loop that compares the wallet with the books; venue accounts are compared by who trades them."""

NAME = "reconcile"
EVERY_S = 2.0
"""How often is asked whether a round is due; one is every minute, and when somebody wants it."""
