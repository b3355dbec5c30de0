"""One router per file; turns chat into a use case call and back, nothing more."""
