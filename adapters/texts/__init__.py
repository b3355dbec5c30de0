"""The catalogues of texts, one per language, and what turns facts into them."""
