"""The process that hears one word, STOP, while the bot may be down; it knows nothing else of the instance."""
