"""Whether what the books call ours lies where they say: pure comparison, nothing is ever adjusted."""
