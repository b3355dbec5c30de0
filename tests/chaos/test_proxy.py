"""The proxy does what it says, or the chaos behind it is none."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from random import Random

import pytest

from sandbox.children import free_port
from tests.chaos.proxy import HOST, Fault, Route

REQUEST = b"POST /pay HTTP/1.1\r\ncontent-length: 4\r\n\r\ncoin"


@asynccontextmanager
async def route_to(heard: list[bytes]) -> AsyncIterator[Route]:
    """Give a route to a server that notes what it hears and answers each piece with ``ok``."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while piece := await reader.read(1000):
                heard.append(piece)
                writer.write(b"ok")
        except ConnectionError:
            heard.append(b"")  # nobody is there any more
        finally:
            writer.close()

    target = await asyncio.start_server(answer, HOST, 0)
    route = Route("test", free_port(), target.sockets[0].getsockname()[1], Random(1))
    async with target, await asyncio.start_server(route.serve, HOST, route.listen):
        yield route
        for line in [*route.lines]:
            line.abort()
        await until(lambda: not route.lines)


async def until(true: Callable[[], object]) -> None:
    """Wait until something holds."""
    async with asyncio.timeout(10):
        while not true():
            await asyncio.sleep(0.005)


async def test_a_calm_route_carries_both_ways() -> None:
    heard: list[bytes] = []
    async with route_to(heard) as route:
        reader, writer = await asyncio.open_connection(HOST, route.listen)
        writer.write(b"hello")
        assert await reader.read(10) == b"ok"
        writer.close()
    assert heard[0] == b"hello"


async def test_a_reset_lets_the_question_arrive_and_no_answer() -> None:
    heard: list[bytes] = []
    async with route_to(heard) as route:
        route.change(Fault("reset"))
        reader, writer = await asyncio.open_connection(HOST, route.listen)
        writer.write(b"hello")
        with pytest.raises(ConnectionError):
            await reader.readexactly(10)
        writer.close()
    assert heard[:1] == [b"hello"]
    assert not any(heard[1:])


async def test_a_drop_is_silence_until_the_fault_ends() -> None:
    heard: list[bytes] = []
    async with route_to(heard) as route:
        route.change(Fault("drop"))
        reader, writer = await asyncio.open_connection(HOST, route.listen)
        writer.write(b"hello")
        await until(lambda: route.counts["drop"])
        writer.write(b"is anybody there?")
        await until(lambda: route.counts["pieces"] == 2)
        route.change(None)
        with pytest.raises(ConnectionError):
            await reader.readexactly(1)
        writer.close()
    assert not any(heard)


async def test_a_duplicate_arrives_twice_and_is_answered_once() -> None:
    heard: list[bytes] = []
    async with route_to(heard) as route:
        route.change(Fault("duplicate"))
        _, writer = await asyncio.open_connection(HOST, route.listen)
        writer.write(REQUEST[:20])
        await writer.drain()
        await until(lambda: heard)
        writer.write(REQUEST[20:])
        await until(lambda: REQUEST in heard)
        writer.close()
    assert b"".join(heard) == REQUEST + REQUEST  # in three pieces


async def test_a_delay_waits() -> None:
    heard: list[bytes] = []
    async with route_to(heard) as route:
        route.change(Fault("delay", ms=400))
        reader, writer = await asyncio.open_connection(HOST, route.listen)
        began_s = asyncio.get_running_loop().time()
        writer.write(b"hello")
        assert await reader.read(10) == b"ok"
        assert asyncio.get_running_loop().time() - began_s > 0.05
        writer.close()


async def test_the_same_seed_strikes_the_same_pieces() -> None:
    struck = []
    for _ in range(2):
        route = Route("test", 0, 0, Random(7), Fault("reset", percent=30))
        struck.append([route.strikes() is not None for _ in range(50)])
    assert struck[0] == struck[1]
    assert 0 < sum(struck[0]) < 50


def test_an_unknown_fault_is_an_error() -> None:
    with pytest.raises(ValueError, match="no fault is called"):
        Fault("burn")
