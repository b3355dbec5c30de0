"""A refusal said to the letter: ``match`` of pytest would take a code that only contains the right one."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from domain.errors import Refused


@contextmanager
def refused(code: str, /, **facts: object) -> Iterator[None]:
    """Expect a refusal with exactly this code and these facts."""
    with pytest.raises(Refused) as caught:
        yield
    assert (caught.value.code, caught.value.facts) == (code, facts)
