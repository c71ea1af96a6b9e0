"""Which proxy a target is asked through: what HTTPS_PROXY, ALL_PROXY and NO_PROXY say, or the system's settings."""

from __future__ import annotations

import urllib.request
from functools import lru_cache

import yarl

from importer.errors import UsageError
from importer.triage.target import is_loopback


@lru_cache(maxsize=8)
def find_proxy(scheme: str, host: str) -> yarl.URL | None:
    """The proxy for a host; None where it is asked directly, as this machine always is.

    An address without a scheme is one of http, as for curl.

    Raises:
        UsageError: it is none that can be used. The message doesn't have it, as it may have a password.
    """
    if is_loopback(host) or urllib.request.proxy_bypass(host):
        return None
    proxies = urllib.request.getproxies()
    address = proxies.get(scheme) or proxies.get("all")
    if not address:
        return None
    hint = f"Set HTTPS_PROXY=http://HOST:PORT, or NO_PROXY={host} to use no proxy."
    try:
        proxy = yarl.URL(address if "://" in address else f"http://{address}")
        its_host = proxy.host  # which decodes what is written as `xn--…`
        (proxy.raw_host or "").encode("idna")  # as the resolver does
    except ValueError:
        raise UsageError("The proxy in HTTPS_PROXY or ALL_PROXY is not the address of one.", hint=hint) from None
    if proxy.scheme not in ("http", "https") or not its_host:
        kind = f"of the kind {proxy.scheme}" if its_host else "without a host"
        raise UsageError(f"The proxy in HTTPS_PROXY or ALL_PROXY is one {kind}; only HTTP ones can be used.", hint=hint)
    return proxy
