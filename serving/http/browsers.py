"""What a browser says of the page behind a request, where no key protects."""

from __future__ import annotations

from collections.abc import Collection
from functools import lru_cache
from urllib.parse import urlsplit

from starlette.datastructures import Headers

from serving.settings import is_loopback

DEFAULT_PORTS = {"http": 80, "https": 443}


def from_another_site(headers: Headers, allowed: Collection[str]) -> bool:
    """A page sent this, and it is neither ours nor of an origin in ``allowed`` (``*``: all).

    Browsers compare the two themselves and say so in ``Sec-Fetch-Site``, but only to addresses
    that they trust: HTTPS and loopback. Elsewhere the page's origin must be the address that was
    asked. Extensions and programs have other origins or none.
    """
    origin = headers.get("origin", "")
    scheme, _, authority = origin.partition("://")
    site = headers.get("sec-fetch-site")
    if not origin:  # programs send neither; a browser that hides the origin says this much
        return site == "cross-site"
    if {origin, "*"} & set(allowed) or not (origin == "null" or scheme in DEFAULT_PORTS):
        return False
    if site:
        return site in ("cross-site", "same-site")
    if origin == "null":
        return True
    return _address(authority, scheme) != _address(headers.get("host", ""), scheme)


@lru_cache(maxsize=1024)
def _address(authority: str, scheme: str) -> tuple[str, int]:
    """Host and port of ``host`` or ``host:port``; nothing that is asked where it is neither."""
    try:
        parts = urlsplit(f"{scheme}://{authority}")
        return parts.hostname or "", parts.port or DEFAULT_PORTS[scheme]
    except ValueError:
        return authority, 0


def asks_this_machine(host: str) -> bool:
    """``host``, as the request names it, is a loopback address or ``localhost``.

    Any other name can be one that a page's owner made lead to this machine, so that the browser
    takes the server for a part of the page's own site (DNS rebinding). Browsers always name a host.
    """
    return not host or (len(host) < 300 and is_loopback(_address(host, "http")[0]))
