"""Money between the Mixin wallet and the venue accounts: where to, how much, how far."""
