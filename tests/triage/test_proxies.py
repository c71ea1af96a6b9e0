"""Proxies."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from importer.errors import UsageError
from importer.triage.proxies import find_proxy

HOST = "api.example"


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Forget what the environment says, and what it has said."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        for spelling in (name, name.upper()):
            monkeypatch.delenv(spelling, raising=False)
    find_proxy.cache_clear()
    yield
    find_proxy.cache_clear()


@pytest.mark.parametrize(
    ("address", "proxy"),
    [
        ("http://proxy.example:3128", "http://proxy.example:3128"),
        ("proxy.example:3128", "http://proxy.example:3128"),
        ("https://proxy.example", "https://proxy.example"),
        ("http://me:p%40ss@[::1]:3128/", "http://me:p%40ss@[::1]:3128/"),
    ],
)
@pytest.mark.parametrize("name", ["HTTPS_PROXY", "all_proxy"])
def test_the_environment_names_it(name: str, address: str, proxy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """An address may have a name, a password and no scheme, as for curl."""
    monkeypatch.setenv(name, address)
    assert str(find_proxy("https", HOST)) == proxy


def test_asked_directly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a proxy, where it is not for this host, and on this machine, there is none."""
    assert find_proxy("https", HOST) is None
    find_proxy.cache_clear()
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    monkeypatch.setenv("NO_PROXY", f"other.example,{HOST}")
    assert find_proxy("https", HOST) is None
    assert find_proxy("https", "127.0.0.1") is None
    assert find_proxy("https", "else.example") is not None


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("socks5://me:password@127.0.0.1:1080", "is one of the kind socks5; only HTTP ones can be used."),
        ("http://me:password@127.0.0.1:99999", "is not the address of one."),
        ("http://me:password@[", "is not the address of one."),
        ("http://me:password@a..b:3128", "is not the address of one."),
        ("http://me:password@ho\u2100st:3128", "is not the address of one."),
        ("http://", "is one without a host; only HTTP ones can be used."),
    ],
)
def test_none_that_can_be_used(address: str, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is said what is wrong with it and what to set, and its password isn't."""
    monkeypatch.setenv("HTTPS_PROXY", address)
    with pytest.raises(UsageError) as caught:
        find_proxy("https", HOST)
    assert caught.value.message == f"The proxy in HTTPS_PROXY or ALL_PROXY {said}"
    assert caught.value.hint == f"Set HTTPS_PROXY=http://HOST:PORT, or NO_PROXY={HOST} to use no proxy."


@given(st.sampled_from(["", "http://", "http://xn--", "https://h:"]), st.text(st.characters(exclude_characters="\0")))
def test_any_text(start: str, rest: str) -> None:
    """Whatever the environment says leads to a proxy, to none or to a sentence."""
    with pytest.MonkeyPatch.context() as patch:
        try:
            patch.setenv("HTTPS_PROXY", start + rest)
        except UnicodeEncodeError:  # no environment can have it
            return
        find_proxy.cache_clear()
        with suppress(UsageError):
            proxy = find_proxy("https", HOST)
            assert proxy is None or proxy.host
