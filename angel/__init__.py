"""The process that clears the book when the instance fails; it knows nothing but the domain."""
