"""Central exchanges through ccxt."""
