"""The owner's command line, ``mrmarket``: a composition root of its own. English only."""
