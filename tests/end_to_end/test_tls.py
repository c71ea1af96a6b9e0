"""An import over TLS, as all real ones are: with a company's own authority, and through its proxy."""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import trustme

from importer.errors import ExitCode
from tests.conftest import Serve
from tests.harness.hostile import RunningSandbox
from tests.harness.running import Ended, Program, write_issues


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


pytestmark = pytest.mark.slow
COUNT = 4


class Company:
    """A sandbox that is asked over TLS from inside a company."""

    def __init__(self, program: Program, sandbox: RunningSandbox, way: Tunnels, patch: pytest.MonkeyPatch) -> None:
        self.sandbox, self.way = sandbox, way
        self._program, self._patch = program, patch

    def run(self, url: str, **environment: str | Path) -> Ended:
        """Import, in a process of its own: what is trusted is read when a process starts."""
        for name, value in environment.items():
            self._patch.setenv(name, str(value))
        write_issues(Path("export.csv"), COUNT)
        return self._program.apart(
            "run", "export.csv", "-m", "jira", "--api-url", url, "--yes", "--no-canary", "--rate", "0", "--json"
        )

    def trust(self) -> Path:
        """A file with the company's authority."""
        return self.way.write_authority(Path("company.pem"))


@pytest.fixture(params=["localhost"])
def company(
    program: Program, serve: Serve, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Iterator[Company]:
    """A company whose certificate is for localhost, or for the host that a test asks for."""
    sandbox = serve()
    with tunnels(sandbox.url, request.param) as way:
        yield Company(program, sandbox, way, monkeypatch)


def test_an_authority_of_ones_own(company: Company) -> None:
    """Once its file is named, all is sent; before, nothing is, and it is said how to name it."""
    ended = company.run(company.way.https)
    assert ended.code == ExitCode.STOPPED
    assert "unable to get local issuer certificate; SSL_CERT_FILE=FILE names" in ended.err
    assert not company.sandbox.issues()
    ended = company.run(company.way.https, SSL_CERT_FILE=company.trust())
    assert ended.outcomes() == {"created": COUNT}, ended.err
    assert len(company.sandbox.issues()) == COUNT


@pytest.mark.parametrize("company", ["triage.example"], indirect=True)
def test_through_a_proxy(company: Company) -> None:
    """It is asked for the target by name; a certificate for another host doesn't do, whoever has signed it."""
    trusted: dict[str, str | Path] = {"SSL_CERT_FILE": company.trust(), "HTTPS_PROXY": company.way.proxy}
    ended = company.run("https://other.example", **trusted)
    assert (ended.code, company.sandbox.issues()) == (ExitCode.STOPPED, [])
    assert "the certificate of other.example:443 is not valid: Hostname mismatch" in ended.err
    assert "SSL_CERT_FILE" not in ended.err
    ended = company.run("https://triage.example", **trusted)
    assert ended.outcomes() == {"created": COUNT}, ended.err
    assert set(company.way.asked) == {"CONNECT other.example:443 HTTP/1.1", "CONNECT triage.example:443 HTTP/1.1"}
    assert len(company.sandbox.issues()) == COUNT


def test_what_is_wrong_with_the_way(company: Company) -> None:
    """A host that can be none, and a proxy that can't be used, are told before anything is asked."""
    ended = company.run("https://triage..example")
    assert (ended.code, ended.summary["requests"]) == (ExitCode.UNUSABLE, 0)
    assert "is not a URL" in ended.err
    ended = company.run("https://triage.example", HTTPS_PROXY="socks5://127.0.0.1:1")
    assert (ended.code, ended.summary["requests"]) == (ExitCode.UNUSABLE, 0)
    assert "of the kind socks5; only HTTP ones can be used" in ended.err
