"""A site whose colours stand behind a real nginx, with all its records in one folder."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from release.ledger.ledger import Ledger
from release.rollout.colours import Colours
from release.rollout.front import NginxFront
from release.rollout.metrics import ServiceMetrics
from release.rollout.nginx import NginxRouter
from release.rollout.settings import NginxSettings
from release.rollout.site import Site
from release.rollout.thresholds import Thresholds
from release.rollout.traffic import COLOURS, Colour
from release.running.launchers import Launcher
from release.running.service import HttpService
from tests.ports import free_addresses

WORKERS = "root" if os.geteuid() == 0 else ""
"""nginx's workers' user, who may look into the tests' folders."""


def nginx_site(
    home: Path,
    addresses: Mapping[Colour, str],
    launcher: Launcher,
    *,
    nginx: Mapping[str, Any] | None = None,
    **fields: Any,
) -> tuple[Site, NginxRouter]:
    """The site, whose nginx does not run yet and limits no rates, and its router.

    Args:
        nginx: more of the ``NginxSettings``.
        fields: more of the ``Site``'s, or others than these.
    """
    listen = next(a for a in free_addresses(3) if a not in addresses.values())
    knobs = {"rate_per_second": 100_000, "burst": 10_000, "user": WORKERS, **(nginx or {})}
    settings = NginxSettings(listen, addresses["blue"], addresses["green"], **knobs)
    router = NginxRouter(home / "nginx", settings)
    services = {c: HttpService(f"http://{addresses[c]}") for c in COLOURS}
    made: dict[str, Any] = {
        "home": home,
        "router": router,
        "colours": Colours(home / "colours"),
        "launcher": launcher,
        "ledger": Ledger(home / "ledger.sqlite3"),
        "metrics": ServiceMetrics(services),
        "services": services,
        "front": NginxFront(listen, home / "nginx" / "access.log"),
        "thresholds": Thresholds(),
        "addresses": addresses,
        "who": "test",
    }
    return Site(**{**made, **fields}), router
