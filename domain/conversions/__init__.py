"""Conversions: one coin into another at a person's word, never at a worse price than they were shown."""
