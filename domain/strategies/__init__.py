"""The trading rules, each a pure function in a file of its own."""
