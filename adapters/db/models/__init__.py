"""Plain rows as tortoise models, one file per family; found by ``adapters.db.config``.

What needs locks, batches or arithmetic is SQL by hand in the adapters, and has no model.
"""
