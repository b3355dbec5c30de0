"""What the world says that coins are worth."""
