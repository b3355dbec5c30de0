"""How processes are: what each says of its own work, and what others make of it."""
