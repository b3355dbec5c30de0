"""The offline world that speaks the real protocols; imported by nobody."""
