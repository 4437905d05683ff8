"""What the actions of ``csanmt release`` share: the ledger, a release's tag, the site."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING

from cli.output import Run, action
from csanmt.errors import CsanmtError, NotFoundError
from csanmt.source_tree import SOURCE_TREE

if TYPE_CHECKING:
    from cli.output import Actions
    from release.ledger.ledger import Ledger
    from release.rollout.site import Site


def site_action(actions: Actions, name: str, run: Run) -> argparse.ArgumentParser:
    """Add one action of ``csanmt release`` that has a site."""
    parser = action(actions, name, run)
    parser.add_argument(
        "--site",
        metavar="DIR",
        help="where the colours and nginx live (CSANMT_SITE, else .site of the checkout)",
    )
    return parser


def site_home(args: argparse.Namespace) -> Path:
    """The folder of the site: ``--site``, ``CSANMT_SITE`` or ``.site`` of the checkout."""
    return Path(args.site or os.environ.get("CSANMT_SITE") or SOURCE_TREE / ".site").resolve()


def site_of(args: argparse.Namespace, *, applied: bool = False) -> Site:
    """The site, its folder made if it is not there.

    Args:
        applied: by the settings that the last deployment applied, whatever rollout.toml says.
    """
    from release.ledger.ledger import current_user, default_path
    from release.rollout.site import open_site

    home = site_home(args)
    home.mkdir(parents=True, exist_ok=True)
    return open_site(home, bento_home(), default_path(), current_user(), applied=applied)


def open_ledger() -> Ledger:
    """The ledger of this machine and user."""
    from release.ledger.ledger import Ledger, default_path

    return Ledger(default_path())


def full_tag(ledger: Ledger, text: str) -> str:
    """The image tag meant by ``text``: itself, or the newest build of a version."""
    from release.build.version import version_of
    from release.ledger.ledger import Kind

    builds = [entry.version for entry in ledger.history(kind=Kind.BUILD)]
    if text in builds:
        return text
    for version in reversed(builds):
        if version_of(version) == text:
            return version
    raise NotFoundError(f"{text} was never built here; see 'csanmt release history --kind build'")


def bento_home() -> Path:
    """Where the bentos and models are that releases are made of."""
    from model_store.home import store_home

    return store_home(os.environ).resolve()


def full_release(site: Site, text: str) -> str:
    """The release meant by ``text``: itself, or the newest build of that version."""
    try:
        return full_tag(site.ledger, text)
    except CsanmtError:
        return text  # not built here, as where only images arrive
