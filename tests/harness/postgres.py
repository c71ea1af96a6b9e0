"""A PostgreSQL server for tests: the one that TRIAGE_TEST_POSTGRES names, or a private one while the tests run.

A private server listens on a socket in its own temporary folder and nowhere else. Everybody is trusted there but the
role `guarded`, whose password is `GUARDED_PASSWORD`.
"""

from __future__ import annotations

import os
import re
import selectors
import shutil
import socket
import socketserver
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

from importer.errors import how_to_install
from tests.harness.running import WAIT_SECONDS

if TYPE_CHECKING:
    from psycopg import Connection

GUARDED_PASSWORD = "canary-pa55 word@:/"
SERVICE_USER = "postgres"
"""Who runs the private server if root runs the tests: PostgreSQL refuses to be root."""
HBA = "local all guarded scram-sha-256\nlocal all all trust\n"
SETTINGS = "listen_addresses = ''\nfsync = off\nmax_connections = 40\nshared_buffers = 32MB\n"


class PostgresServer:
    """A server in which every ledger gets a schema of its own."""

    def __init__(self, dsn: str, folder: Path | None = None) -> None:
        self.dsn = dsn
        self.folder = folder
        self._numbers = count(1)

    @property
    def is_private(self) -> bool:
        """Whether it was started for these tests, so that it may be restarted."""
        return self.folder is not None

    def make_ledger(self) -> str:
        """Make an empty schema and give the URL of a ledger in it."""
        schema = f"ledger_{os.getpid()}_{next(self._numbers)}"
        self.execute(f"DROP SCHEMA IF EXISTS {schema} CASCADE")
        self.execute(f"CREATE SCHEMA {schema}")
        return with_option(self.dsn, "options", f"-csearch_path={schema}")

    def execute(self, statement: str) -> list[tuple[object, ...]]:
        """Execute a statement as the owner of everything, and give the rows that it returns."""
        with self.connect(autocommit=True) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def connect(self, *, autocommit: bool = False) -> Connection:
        import psycopg  # an extra: without it the tests that need a server are skipped, and no others

        return psycopg.connect(self.dsn, autocommit=autocommit)

    def restart(self, mode: str = "immediate") -> None:
        """Restart a private server; `immediate` is a crash, `fast` an orderly end of all connections."""
        assert self.folder is not None
        _run("pg_ctl", "restart", *_server(self.folder), "-m", mode)


def schema_of(url: str) -> str:
    return url.rpartition("%3D")[2]


def with_option(url: str, name: str, value: str) -> str:
    """Add a parameter to a URL."""
    return f"{url}{'&' if '?' in url else '?'}{name}={quote(value, safe='')}"


@contextmanager
def serve_postgres() -> Iterator[PostgresServer]:
    """Give the server that the environment names, or start one and stop it at the end.

    Raises:
        FileNotFoundError: there is neither.
    """
    named = os.environ.get("TRIAGE_TEST_POSTGRES")
    if named:
        yield PostgresServer(named)
        return
    find_program("initdb")
    folder = Path(tempfile.mkdtemp(prefix="triage-postgres-"))
    try:
        if os.geteuid() == 0:
            shutil.chown(folder, SERVICE_USER)
        _run(
            "initdb", "--no-sync", "-A", "trust", "-U", SERVICE_USER, "-E", "UTF8", "--locale=C", "-D", folder / "data"
        )
        with (folder / "data" / "postgresql.conf").open("a") as file:
            file.write(f"{SETTINGS}unix_socket_directories = '{folder}'\n")
        (folder / "data" / "pg_hba.conf").write_text(HBA)
        _run("pg_ctl", "start", *_server(folder))
        try:
            server = PostgresServer(f"postgresql://{SERVICE_USER}@/postgres?host={quote(str(folder), safe='')}", folder)
            server.execute(f"CREATE ROLE guarded LOGIN PASSWORD '{GUARDED_PASSWORD}'")
            yield server
        finally:
            _run("pg_ctl", "stop", *_server(folder), "-m", "immediate")
    finally:
        shutil.rmtree(folder)


class _Pooler(socketserver.BaseRequestHandler):
    server: _PoolerServer

    def handle(self) -> None:
        with socket.socket(socket.AF_UNIX) as behind, selectors.DefaultSelector() as selector:
            behind.connect(self.server.behind)
            selector.register(self.request, selectors.EVENT_READ, behind)
            selector.register(behind, selectors.EVENT_READ, self.request)
            while True:
                for key, _ in selector.select():
                    source: Any = key.fileobj
                    block = source.recv(65536)
                    if not block:
                        return
                    # A session's process, as the server tells it once, becomes another's.
                    key.data.sendall(re.sub(rb"K\0\0\0\x0c....", b"K\0\0\0\x0c\0\0\0\1", block, flags=re.DOTALL))


class _PoolerServer(socketserver.ThreadingTCPServer):
    daemon_threads = True

    def __init__(self, behind: Path) -> None:
        super().__init__(("127.0.0.1", 0), _Pooler)
        self.behind = str(behind)


@contextmanager
def serve_pooler(server: PostgresServer) -> Iterator[str]:
    """Put what looks like a connection pooler before a private server, and give its URL."""
    assert server.folder is not None
    with _PoolerServer(server.folder / ".s.PGSQL.5432") as pooler:
        threading.Thread(target=pooler.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        try:
            yield f"postgresql://{SERVICE_USER}@127.0.0.1:{pooler.server_address[1]}/postgres?sslmode=disable"
        finally:
            pooler.shutdown()


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """Give a server, or skip where there is none, or no driver."""
    pytest.importorskip("psycopg", reason=f"PostgreSQL's driver is not installed. {how_to_install('postgres')}")
    with ExitStack() as stack:
        try:
            server = stack.enter_context(serve_postgres())
        except FileNotFoundError as error:
            pytest.skip(str(error))
        yield server


def _server(folder: Path) -> Sequence[str | Path]:
    return ("-D", folder / "data", "-l", folder / "log", "-w", "-t", "60")


def find_program(program: str) -> str:
    """Find one of PostgreSQL's programs, where Debian or somebody's PATH has it; the newest where there are several."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: float(folder.parent.name))
    for folder in reversed(folders):
        if (folder / program).exists():
            return str(folder / program)
    found = shutil.which(program)
    if found is None:
        raise FileNotFoundError("No PostgreSQL here: install its server, or name one in TRIAGE_TEST_POSTGRES.")
    return found


def _run(program: str, *arguments: str | Path) -> None:
    """Run one of PostgreSQL's programs, not as root; what it says is the error if it fails."""
    command = [find_program(program), *map(str, arguments)]
    if os.geteuid() == 0:
        command = ["setpriv", f"--reuid={SERVICE_USER}", f"--regid={SERVICE_USER}", "--init-groups", *command]
    done = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=WAIT_SECONDS,
        check=False,
    )
    assert done.returncode == 0, f"{program}: {done.stdout.decode(errors='replace')}"
