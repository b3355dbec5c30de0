"""The bot's own process needs a Mixin to talk to: the adapters' tests have one."""

from tests.adapters.mixin.conftest import mixin

__all__ = ["mixin"]
