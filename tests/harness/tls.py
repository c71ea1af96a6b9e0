"""A target behind TLS, and a proxy before it, as companies have them."""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import trustme


class Tunnels:
    """Passes bytes on to a target on this machine, from `https` behind TLS, and from `proxy` to there.

    The proxy connects to nothing else, whatever it is asked for, which `asked` has. The certificate is for `host`, by
    an authority of its own.
    """

    def __init__(self, target: str, host: str) -> None:
        self.asked: list[str] = []
        self.https = self.proxy = ""
        self._authority = trustme.CA()
        self._context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self._authority.issue_cert(host).configure_cert(self._context)
        self._target = urlsplit(target).port or 0

    def write_authority(self, path: Path) -> Path:
        """Write what SSL_CERT_FILE is to name."""
        self._authority.cert_pem.write_to_path(str(path))
        return path

    async def serve(self, ready: threading.Event) -> None:
        """Serve until `stop` is called."""
        self._loop, self._stopping = asyncio.get_running_loop(), asyncio.Event()
        tls = await asyncio.start_server(self._pass_on, "127.0.0.1", 0, ssl=self._context)
        proxy = await asyncio.start_server(self._connect, "127.0.0.1", 0)
        self._tls_port, proxy_port = (server.sockets[0].getsockname()[1] for server in (tls, proxy))
        self.https, self.proxy = f"https://localhost:{self._tls_port}", f"http://127.0.0.1:{proxy_port}"
        async with tls, proxy:
            ready.set()
            await self._stopping.wait()

    def stop(self) -> None:
        """Let `serve` return."""
        self._loop.call_soon_threadsafe(self._stopping.set)

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _join(reader, writer, self._target)

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        self.asked.append(head.decode().partition("\r\n")[0])
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        await _join(reader, writer, self._tls_port)


async def _join(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, port: int) -> None:
    """Pass on what comes, both ways, until both have ended."""
    behind, to_it = await asyncio.open_connection("127.0.0.1", port)
    await asyncio.gather(_pump(reader, to_it), _pump(behind, writer))


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while block := await reader.read(65_536):
            writer.write(block)
            await writer.drain()
    except (ConnectionError, ssl.SSLError):
        return  # whoever asked has gone
    finally:
        writer.close()


@contextmanager
def tunnels(target: str, host: str) -> Iterator[Tunnels]:
    """Put TLS and a proxy before a target."""
    made, ready = Tunnels(target, host), threading.Event()
    thread = threading.Thread(target=lambda: asyncio.run(made.serve(ready)))
    thread.start()
    ready.wait()
    try:
        yield made
    finally:
        made.stop()
        thread.join()
