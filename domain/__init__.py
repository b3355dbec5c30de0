"""What MrMarket is, in plain Python: no clock, no network, no database of its own."""
