"""Money on its way out: states, fees, which outputs to spend, and which noes are final."""
