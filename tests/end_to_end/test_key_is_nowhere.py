"""The API key is a canary: it is in nothing that the program shows or leaves behind, even where the target echoes it.

What a target says is searched for the key as it is, and as JSON, URLs, HTML, UTF-16, hex and base64 write it.
"""

from __future__ import annotations

import socketserver
import threading
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest

from importer.errors import ExitCode
from tests.conftest import Serve
from tests.end_to_end.wayback import CORRECTED
from tests.harness.echoing import EchoingDoor, echoing
from tests.harness.postgres import GUARDED_PASSWORD, PostgresServer, postgres, schema_of
from tests.harness.running import HEADER, Ended, Program, issue_row, read_csv, write_csv, write_issues

pytestmark = pytest.mark.slow

__all__ = ["postgres"]

CANARY = "org_canary/3f9c+1d77"
FORMS: dict[str, Callable[[str], str]] = {
    "as it is": lambda key: key,
    "with Bearer": lambda key: f"Bearer {key}",
    "JSON escapes": lambda key: "".join(f"\\u{ord(sign):04x}" for sign in key),
    "JSON with \\/": lambda key: key.replace("/", "\\/"),
    "URL": lambda key: quote(key, safe=""),
    "URL, each sign": lambda key: "".join(f"%{ord(sign):02x}" for sign in key),
    "HTML": lambda key: "".join(f"&#{ord(sign)};" for sign in key),
    "UTF-16": lambda key: "\\u0000".join(key),
    "hex": lambda key: key.encode().hex().upper(),
    "base64": lambda key: b64encode(key.encode()).decode(),
}
"""How a target may write a key within a JSON text."""
REFUSALS = (400, 401, 403, 404)


class Witness:
    """Runs commands, and looks at everything that they show and leave; `secrets` must be in none of it."""

    def __init__(self, program: Program, ledger: str, secrets: set[str]) -> None:
        self._program, self._ledger = program, ledger
        self._secrets = secrets

    def __call__(self, *arguments: str) -> Ended:
        """Run a command, and look."""
        ended = self._program(*arguments, "--ledger", self._ledger, "--rate", "0")
        self.look(f"{ended.out}\n{ended.err}".encode(), " ".join(arguments))
        for folder in (self._program.folder, self._program.state):
            for file in folder.rglob("*"):
                if file.is_file():
                    self.look(file.read_bytes(), f"{file.name} after {' '.join(arguments)}")
        return ended

    def look(self, content: bytes, where: str) -> None:
        """Make sure that no secret is in this."""
        shown = [secret for secret in self._secrets if secret.encode() in content]
        assert not shown, f"{shown} in {where}"


def do_everything(run: Witness, door: EchoingDoor) -> None:
    """Every command that talks to a target, as it should be, and where the target refuses all."""
    sending = ("-m", "jira", "--api-url", door.url, "--yes", "--settle-seconds", "0")
    write_issues(Path("export.csv"), 5)
    Path("corrected.yaml").write_text(CORRECTED, encoding="utf-8")
    first = run("run", "export.csv", *sending, "--json")
    assert first.outcomes() == {"created": 4, "failed": 1}, first.err
    name, out = first.summary["run_id"], Path(first.summary["out"])
    (number,) = (line["triage_id"] for line in read_csv(out / "results.csv") if line["key"] == "jira:PROJ-1")
    commands = (
        ("verify", name),
        ("repair", name, "-m", "corrected.yaml", "--fields", "severity", "--apply", "--yes"),
        ("settle", "jira:PROJ-1", number, "--api-url", door.url),
        ("rebuild-ledger", "export.csv", "-m", "jira", "--api-url", door.url),
        ("undo", name, "--close", "--apply", "--yes"),
        ("run", "changed.csv", *sending, "--on-change", "overwrite", "--max-changes", "100%"),
    )
    write_csv(Path("changed.csv"), [issue_row(number, title=f"Other {number}") for number in range(1, 8)])
    finished = (ExitCode.DONE, ExitCode.PARTLY)
    for refusal in (0, *REFUSALS):
        door.refusal = refusal
        for command in commands:
            ended = run(*command)
            assert refusal or ended.code in finished, ended.err
            assert not refusal or ended.code not in (ExitCode.DONE, ExitCode.UNUSABLE), ended.err


@pytest.fixture
def key_of_program(monkeypatch: pytest.MonkeyPatch) -> str:
    """Give the program a key that each form writes otherwise, and let it tell all that it can of bugs."""
    monkeypatch.setenv("BLAND_API_KEY", CANARY)
    monkeypatch.setenv("TRIAGE_IMPORT_DEBUG", "1")
    return CANARY


@pytest.mark.parametrize("form", FORMS)
def test_the_key_is_shown_nowhere(program: Program, serve: Serve, key_of_program: str, form: str) -> None:
    """Not on the screen, in no report, not in the ledger: in none of the forms in which a target may echo it."""
    secrets = {key_of_program, FORMS[form](key_of_program).removeprefix("Bearer ")}
    with echoing(serve().url, FORMS[form]) as door:
        do_everything(Witness(program, str(program.ledger), secrets), door)


def test_neither_key_nor_password(
    program: Program, serve: Serve, key_of_program: str, postgres: PostgresServer
) -> None:
    """With a ledger in PostgreSQL neither is in its tables, nor is the password anywhere else."""
    if not postgres.is_private:
        pytest.skip("The role `guarded` is in a private server alone.")
    url = postgres.make_ledger()
    schema = schema_of(url)
    postgres.execute(f"GRANT ALL ON SCHEMA {schema} TO guarded")
    password = quote(GUARDED_PASSWORD, safe="")
    witness = Witness(
        program, url.replace("postgres@", f"guarded:{password}@"), {key_of_program, GUARDED_PASSWORD, password}
    )
    with echoing(serve().url, FORMS["as it is"]) as door:
        do_everything(witness, door)
    tables = [table for (table,) in postgres.execute(f"SELECT tablename FROM pg_tables WHERE schemaname = '{schema}'")]
    assert "operations" in tables
    for table in tables:
        # As PostgreSQL writes a row: bytes as hex, so they are decoded.
        for row in postgres.execute(f"SELECT * FROM {schema}.{table}"):
            witness.look(b"".join(_bytes(value) for value in row), str(table))


def _bytes(value: object) -> bytes:
    return bytes(value) if isinstance(value, bytes | memoryview) else str(value).encode()


@contextmanager
def repeating(prefix: bytes) -> Iterator[str]:
    """Serve what isn't HTTP: every request comes back as it was, after a prefix; gives the URL."""

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            """Send it back."""
            self.request.sendall(prefix + self.request.recv(65536))

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()


@pytest.mark.parametrize(
    "prefix",
    [b"", b"HTTP/1.1 200 OK\r\nX-\0: ", b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n"],
    ids=["nothing before it", "in a broken header", "as gzip"],
)
def test_what_is_not_even_http(program: Program, key_of_program: str, prefix: bytes) -> None:
    """The error that names what came instead names it without the key."""
    write_issues(Path("export.csv"), 2)
    witness = Witness(program, str(program.ledger), {key_of_program})
    with repeating(prefix) as url:
        ended = witness("run", "export.csv", "-m", "jira", "--api-url", url, "--yes")
    assert ended.code == ExitCode.STOPPED, ended.err


MARKUP = "org_{color:red}canary{color}/3f9c+1d77"
"""The key as nobody finds it before its markup is read."""
WRITINGS: dict[str, Callable[[str], str]] = {**FORMS, "markup": lambda _: MARKUP}


@pytest.mark.parametrize("form", [form for form in WRITINGS if form not in ("with Bearer", "UTF-16")])
def test_the_key_in_a_source(program: Program, serve: Serve, key_of_program: str, form: str, tmp_path: Path) -> None:
    """Texts are sent as they are, are the same the next night, and masked wherever else they go; names reject a row."""
    text, sandbox = WRITINGS[form](key_of_program), serve()
    title = f"Why {text}?"
    given = tmp_path / "given"
    given.mkdir()
    source = given / f"of {quote(key_of_program, safe='')}.csv"
    header = (*HEADER, "Comment", "Labels", f"x {text}")
    rows = [
        (*issue_row(1, title=title)[:-1], f"Text {text}", f"A comment {text}", text, text),
        ("PROJ-2", "Two", "High", "To Do", "Bug", "", "", "", ""),
        ("PROJ-3", title, f"Urgent {text}", "To Do", "Bug", text, text, "", ""),
        (f"P-{text}", "Three", "High", "To Do", "Bug", "", "", "", ""),
        ("PROJ-4", "Four", "High", "To Do", text, "", "", "", ""),
    ]
    write_csv(source, rows, header)
    witness = Witness(program, str(program.ledger), {key_of_program} if form == "markup" else {key_of_program, text})
    sending = ("run", str(source), "-m", "jira", "--api-url", sandbox.url, "--yes", "--settle-seconds", "0", "--json")
    more = ("--max-rejected", "100%", "--on-change", "update", "--max-changes", "100%")
    first = witness(*sending, *more)
    names = {"rejected": 2} if form != "markup" else {}  # of a key or a category nobody reads markup
    assert first.outcomes() == {"created": 5 - len(names) * 2, **names}, first.err
    assert {issue["title"] for issue in sandbox.issues()} >= {title, "Two"}
    again = witness(*sending, *more)
    assert again.outcomes() == {"unchanged": 5 - len(names) * 2, **names}, again.err
    assert witness("verify", "last").code == ExitCode.DONE
    issue = next(each for each in sandbox.issues() if each["title"] == "Two")
    change = {"title": f"Edited {text}"}
    headers = {"Authorization": "person"}
    httpx.patch(f"{sandbox.url}/v1/triage/issues/{issue['id']}", json=change, headers=headers).raise_for_status()
    write_csv(source, [rows[0], ("PROJ-2", "Second", *rows[1][2:]), *rows[2:]], header)
    night = witness(*sending, *more)
    assert night.summary["findings"]["conflict"] == 1, night.err
    assert (Path(night.summary["out"]) / "conflicts.csv").exists()
    witness("undo", "last", "--apply", "--yes")
    for words in (("validate", str(source)), ("draft", str(source), "-o", "mine.yaml"), ("users", str(source))):
        ended = program(*words)
        witness.look(f"{ended.out}\n{ended.err}".encode(), " ".join(words))
    for file in program.folder.rglob("*"):
        if file.is_file() and file.name not in ("mine.yaml", "values.csv"):
            witness.look(file.read_bytes(), file.name)
