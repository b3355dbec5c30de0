"""Coins, tokens, venue accounts and people."""

from tortoise import fields
from tortoise.models import Model


class CoinRow(Model):
    """What people mean: ``USDT``, whichever network it travels on."""

    code = fields.CharField(max_length=64, primary_key=True)

    class Meta:
        """Where it is kept."""

        table = "coins"


class TokenRow(Model):
    """One network's asset at Mixin, approved to stand for a coin."""

    asset_id = fields.CharField(max_length=36, primary_key=True)
    coin: fields.ForeignKeyRelation[CoinRow] = fields.ForeignKeyField(
        "models.CoinRow", source_field="coin", on_delete=fields.OnDelete.RESTRICT, related_name="tokens"
    )
    network = fields.CharField(max_length=64)
    minimum_deposit = fields.DecimalField(max_digits=38, decimal_places=18)
    minimum_withdrawal = fields.DecimalField(max_digits=38, decimal_places=18)

    class Meta:
        """Where it is kept."""

        table = "tokens"
        unique_together = (("coin", "network"),)


class VenueAccountRow(Model):
    """One API key set at one venue."""

    name = fields.CharField(max_length=64, primary_key=True)
    venue = fields.CharField(max_length=32)

    class Meta:
        """Where it is kept."""

        table = "venue_accounts"


class UserRow(Model):
    """A person who has talked to us; ``number`` is short and only grows."""

    user_id = fields.CharField(max_length=36, primary_key=True)
    number = fields.BigIntField(unique=True)
    language = fields.CharField(max_length=8)
    created_at = fields.DatetimeField(auto_now_add=True)

    class Meta:
        """Where it is kept."""

        table = "users"
