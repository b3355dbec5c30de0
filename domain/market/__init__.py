"""Pairs, books, trading rules, orders and fills."""
