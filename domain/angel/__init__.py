"""When somebody must act in the place of workers that are gone, and what there is to do (safety §2.9)."""
