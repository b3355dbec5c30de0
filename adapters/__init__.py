"""Ports made real; the only home of third-party clients."""
