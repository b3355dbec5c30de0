"""The HTTP shell: raw bytes in, one committed unit of work, bytes out."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace

from aiohttp import web

from sandbox.mixin import control, page
from sandbox.mixin.core import api, crossings, files, identity
from sandbox.mixin.core.calls import Request
from sandbox.mixin.core.errors import ApiError
from sandbox.mixin.core.settle import settle
from sandbox.mixin.core.world import World
from sandbox.mixin.faults import Faults, refusal
from sandbox.mixin.hub import Hub
from sandbox.mixin.store import Store
from sandbox.rails.courier import Courier, carrying
from sandbox.rails.crossing import Departure

LARGEST_BODY = 24 * 1024 * 1024
SETTLE_LOOK_S = 0.05
BACKLOG = 4096  # clients may dial a thousand times a second while they wait for us

log = logging.getLogger("sandbox.mixin")


class Server:
    """One emulated Mixin on one port."""

    def __init__(self, world: World, store: Store) -> None:
        self.world = world
        self.store = store
        self.faults = Faults()
        self.hub = Hub(world, store, self.faults)
        store.on_change = self.hub.wake
        self.unknown_routes: list[str] = []
        self.courier: Courier[Departure] = Courier(self._cross, self._delivered)

    def application(self) -> web.Application:
        app = web.Application(client_max_size=LARGEST_BODY, handler_args={"auto_decompress": False})
        app.add_routes(page.routes())
        app.add_routes(control.Control(self).routes())
        app.router.add_get("/files/{id}", self.view_file)
        app.router.add_put("/files/{id}", self.put_file)
        app.router.add_route("*", "/{any:.*}", self.answer)
        app.cleanup_ctx.append(self._settling)
        app.cleanup_ctx.append(lambda _: carrying(self.courier))
        return app

    def _cross(self) -> Sequence[Departure]:
        with self.store.unit():
            return crossings.cross(self.world)

    def _delivered(self, departures: Sequence[Departure]) -> None:
        with self.store.unit():
            for departure in departures:
                crossings.delivered(self.world, departure)

    async def _settling(self, app: web.Application) -> AsyncIterator[None]:
        task = asyncio.create_task(self._settle())
        yield
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    async def _settle(self) -> None:
        """Let signed transactions settle when their time has come, until cancelled."""
        while True:
            with self.store.unit():
                settle(self.world)
            await asyncio.sleep(SETTLE_LOOK_S)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Answer the API, or open a Blaze socket at the root."""
        if request.headers.get("Upgrade", "").lower() == "websocket":
            return await self._dial(request)
        if request.raw_path == "/" and "text/html" in request.headers.get("Accept", ""):
            raise web.HTTPFound("/chat")
        line = f"{request.method} {request.raw_path}"
        body = await request.read()
        await self.faults.wait(line)
        fault = self.faults.strike(line, "drop_reply", "500", "502", "429")
        if fault and fault.kind != "drop_reply" and not fault.executed:
            return refusal(fault)
        with self.store.unit():
            told = api.answer(self.world, _raw(request, body))
        if told.refusal:
            self._complain(line, told)
        if fault:
            return _lost(request) if fault.kind == "drop_reply" else refusal(fault)
        return web.Response(status=told.status, body=told.body, headers=told.headers)

    def _complain(self, line: str, told: api.Answer) -> None:
        if told.unknown:
            self.unknown_routes.append(line)
            log.error("UNKNOWN ROUTE %s: the emulator does not have it", line)
        else:
            log.info("%s refused: %s", line.partition("?")[0], told.refusal)

    async def _dial(self, request: web.Request) -> web.StreamResponse:
        try:
            with self.store.unit():
                user = identity.authenticate(self.world, _raw(request, b""), handshake=True)
        except ApiError as e:
            log.info("blaze handshake refused: %s", e)
            return web.Response(status=401)
        return await self.hub.serve(request, user.user_id)

    async def put_file(self, request: web.Request) -> web.Response:
        """Take the bytes of an attachment."""
        content = await request.read()
        try:
            with self.store.unit():
                key, acl = request.query.get("key", ""), request.headers.get("x-amz-acl", "")
                files.upload(self.world, request.match_info["id"], key, acl, content)
        except ApiError as e:
            return web.Response(status=403, text=str(e))
        return web.Response()

    async def view_file(self, request: web.Request) -> web.Response:
        try:
            kind, content = files.view(self.world, request.match_info["id"])
        except ApiError:
            return web.Response(status=404)
        headers = {"X-Content-Type-Options": "nosniff", "Cache-Control": "private, max-age=86400"}
        return web.Response(body=content, content_type=kind, headers=headers)


async def listen(
    world: World, store: Store, host: str, port: int, rails: str = ""
) -> tuple[web.AppRunner, dict[str, str]]:
    """Open the port (0 takes any free one); return what to clean up and the addresses."""
    server = Server(world, store)
    server.courier.other = rails
    runner = web.AppRunner(server.application(), access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    await web.TCPSite(runner, host, port, backlog=BACKLOG).start()
    bound = runner.addresses[0][1]
    base = f"http://{host}:{bound}"
    world.settings = replace(world.settings, base_url=base)
    blaze, rails = f"ws://{host}:{bound}/", f"{base}/sandbox/rails"
    return runner, {"api": base, "blaze": blaze, "chat": f"{base}/chat", "rails": rails}


def _raw(request: web.Request, body: bytes) -> Request:
    """Return the request as it stood on the wire: never a re-encoded path, never a re-serialised body."""
    headers = {name.lower(): value for name, value in request.headers.items()}
    return Request(request.method, request.raw_path, headers, body)


def _lost(request: web.Request) -> web.Response:
    """Cut the connection after the work was done: the caller never learns of it."""
    if request.transport:
        request.transport.abort()
    return web.Response()
