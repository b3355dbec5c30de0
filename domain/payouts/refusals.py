"""Which noes of Mixin end a payout for good; any other answer leaves it to be looked up."""

DEFINITE = frozenset(
    {
        "amount_too_small",
        "amount_too_large",
        "address_invalid",
        "network_fee_too_small",
        "receiver_unregistered",
        "receiver_deleted",
        "receiver_invalid",
    }
)
"""Nothing was spent and nothing will be: the hold is released and the person is told (WD7)."""

SPENT_ELSEWHERE = frozenset({"inputs_spent"})
"""Unless our own request did it, somebody else has our key: payouts stop, a person is woken (WD4)."""

STOPPING = frozenset({"pin_refused"})
"""Every further try brings the bot's account nearer to being locked: payouts stop at once."""
