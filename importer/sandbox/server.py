"""Running the sandbox on a loopback port: in a thread of another program, or by itself."""

from __future__ import annotations

import asyncio
import secrets
import signal
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from types import FrameType
from typing import Any

import uvicorn

from importer.sandbox.gate import Gate, SandboxOptions
from importer.sandbox.routes import build_application
from importer.sandbox.storage import SandboxError, Store

HOST = "127.0.0.1"
_KEEP_ALIVE_SECONDS = 300  # longer than any client's, so that the server never closes an idle connection


class RunningSandbox:
    """A sandbox that answers at `url`; `seed` is the one that its faults use."""

    def __init__(self, options: SandboxOptions, listener: socket.socket) -> None:
        self.seed = secrets.randbelow(10**6) if options.seed is None else options.seed
        self.url = f"http://{HOST}:{listener.getsockname()[1]}"
        self._store, self._gate = self._build(options)
        self._listener = listener
        self._server = uvicorn.Server(
            uvicorn.Config(
                self._gate,
                http="httptools" if find_spec("httptools") else "h11",  # both know the client, which a reset needs
                lifespan="off",
                ws="none",
                log_config=None,
                log_level="error",
                access_log=False,
                proxy_headers=False,
                server_header=False,
                timeout_keep_alive=_KEEP_ALIVE_SECONDS,
            )
        )
        self._loop = _new_event_loop()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="triage-sandbox", daemon=True)

    def _build(self, options: SandboxOptions) -> tuple[Store, Gate]:
        store = Store(options.db)
        return store, Gate(build_application(store), options, self.seed, self._drop)

    def start(self) -> None:
        """Start the server's thread; connections are accepted from now on."""
        self._thread.start()

    def stop(self) -> None:
        """Finish what is under way, drop what hangs, and close the file."""
        self._loop.call_soon_threadsafe(self._stop)
        self._thread.join()

    def wait(self) -> None:
        """Wait until it stops. Not by `Thread.join`, which takes an interruption by a signal for the thread's end."""
        self._ended.wait()

    def _run(self) -> None:
        try:
            with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
                runner.run(self._serve())
        finally:
            self._listener.close()
            self._store.close()
            self._ended.set()

    async def _serve(self) -> None:
        await self._server.serve(sockets=[self._listener])

    def _stop(self) -> None:
        self._gate.stop()
        self._server.should_exit = True

    def _drop(self, client: tuple[str, int]) -> None:
        connections: set[Any] = self._server.server_state.connections
        for connection in tuple(connections):
            if connection.client == client:
                _reset(connection.transport)


def _reset(transport: asyncio.Transport) -> None:
    # SO_LINGER of 0 seconds: closing sends RST instead of FIN.
    linger = struct.pack("ii", 1, 0)
    transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    transport.abort()


def _new_event_loop() -> asyncio.AbstractEventLoop:
    try:
        import uvloop
    except ImportError:  # Windows has none
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()


@contextmanager
def serve_in_thread(
    options: SandboxOptions, port: int = 0, kind: type[RunningSandbox] = RunningSandbox
) -> Iterator[RunningSandbox]:
    """Run a sandbox on 127.0.0.1 in a thread of its own while the block runs; port 0 takes a free one.

    Raises SandboxError if the port or the database can't be used.
    """
    try:
        listener = socket.create_server((HOST, port), backlog=1024)
    except OSError as error:
        raise SandboxError(f"Port {port} can't be used ({error.strerror}). Name another one with --port.") from error
    try:
        running = kind(options, listener)
    except BaseException:
        listener.close()
        raise
    running.start()
    try:
        yield running
    finally:
        running.stop()


def serve(options: SandboxOptions, port: int, announce: Callable[[RunningSandbox], None]) -> None:
    """Run a sandbox until SIGINT or SIGTERM comes; `announce` is called once it answers. For the main thread.

    Raises SandboxError if the port or the database can't be used.
    """
    handlers = {number: signal.signal(number, _interrupt) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        with suppress(KeyboardInterrupt), serve_in_thread(options, port) as running:
            announce(running)
            running.wait()
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)


def _interrupt(number: int, frame: FrameType | None) -> None:
    # A second signal must not interrupt the orderly end.
    signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt
