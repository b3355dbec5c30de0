"""Whatever anybody types, anywhere: it is answered, and the bot lives (MS12)."""

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.handlers.world import World

STANDS = (
    (),
    ("/deposit",),
    ("/deposit", "USDT"),
    ("/withdraw",),
    ("/withdraw", "USDT"),
    ("/withdraw", "USDT", "10"),
    ("/new",),
    ("/new", "BTC/USDT"),
    ("/new", "BTC/USDT", "own"),
    ("/new", "BTC/USDT", "calm"),
    ("/new", "BTC/USDT", "calm", "0.01", "500"),
)

words = st.sampled_from(
    ["/", "/confirm", "/run", "/stop", "/language", "all", "yes", "no", "1", "0", "是", "\u202e", "{x}"]
)
texts = st.one_of(st.text(st.characters(), max_size=40), st.lists(words, max_size=4).map(" ".join))


@pytest.mark.parametrize("stand", STANDS, ids=[" ".join(stand) or "nowhere" for stand in STANDS])
@settings(max_examples=25)
@given(said=st.lists(texts, min_size=1, max_size=4))
def test_any_text_is_answered(stand: tuple[str, ...], said: list[str]) -> None:
    asyncio.run(_answered(stand, said))


async def _answered(stand: tuple[str, ...], said: list[str]) -> None:
    world = World()
    world.trade(BTC_USDT="60000")
    alice = world.person("alice", USDT="1000", BTC="0.02")
    for text in (*stand, *said):
        before = len(world.told_to("alice"))
        await alice.says(text)
        assert len(world.told_to("alice")) > before, text
