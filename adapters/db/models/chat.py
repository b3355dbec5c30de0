"""Where people stand in their conversations."""

from typing import Any

from tortoise import fields
from tortoise.models import Model


class ConversationRow(Model):
    """One person's place: flow, state, draft."""

    user_id = fields.CharField(max_length=36, primary_key=True)
    flow = fields.CharField(max_length=64)
    state = fields.CharField(max_length=64)
    draft: Any = fields.JSONField()
    at = fields.DatetimeField()

    class Meta:
        """Where it is kept."""

        table = "conversations"
