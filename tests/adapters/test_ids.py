"""Fresh ids."""

import random
import re
import uuid

from adapters.ids import PREFIX, RandomIds


def test_row_ids_are_uuids_of_version_7_that_sort_by_time() -> None:
    times = iter([1_000, 2_000, 3_000])
    ids = RandomIds(now_ms=lambda: next(times))
    made = [ids.new_id() for _ in range(3)]
    assert made == sorted(made)
    for text in made:
        assert uuid.UUID(text).version == 7
        assert uuid.UUID(text).variant == uuid.RFC_4122


def test_client_order_ids_fit_every_venue() -> None:
    made = {RandomIds().client_order_id() for _ in range(1_000)}
    assert len(made) == 1_000
    assert all(re.fullmatch(PREFIX + "[a-z0-9]{15}", text) for text in made)


def test_the_largest_random_number_still_fits() -> None:
    assert len(RandomIds(bits=lambda n: (1 << n) - 1).client_order_id()) == 18


def test_tokens_are_long_and_url_safe() -> None:
    assert re.fullmatch(r"[A-Za-z0-9_-]{32}", RandomIds().token())


def test_a_seeded_source_repeats() -> None:
    def made(seed: int) -> list[str]:
        ids = RandomIds(bits=random.Random(seed).getrandbits, now_ms=lambda: 1)
        return [ids.new_id(), ids.client_order_id(), ids.token()]

    assert made(7) == made(7) != made(8)
