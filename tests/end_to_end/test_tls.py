"""An import over TLS, as all real ones are: with a company's own authority, and through its proxy."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from importer.errors import ExitCode
from tests.conftest import Serve
from tests.harness.hostile import RunningSandbox
from tests.harness.running import Ended, Program, write_issues
from tests.harness.tls import Tunnels, tunnels

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
