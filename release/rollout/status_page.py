"""A static page of how things stand, fed by the ledger and, where there is a site, by it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import jinja2

from csanmt.durable import replace_text
from csanmt.errors import StorageError
from csanmt.source_tree import SOURCE_TREE
from release.ledger.ledger import Entry
from release.ledger.state import fold
from release.rollout.status import Standing

TEMPLATES = SOURCE_TREE / "deploy"
SHOWN = 50
"""Entries of the ledger on the page, the newest."""


def render_status(
    entries: Sequence[Entry], standing: Standing | None = None, refresh: int = 0
) -> str:
    """The page as HTML, without scripts and without anything from elsewhere.

    Args:
        entries: the whole ledger, oldest first.
        standing: the colours, where this machine has a site.
        refresh: seconds after which a browser loads it again; 0 is never.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        undefined=jinja2.StrictUndefined,
        autoescape=True,
    )
    state = fold(entries)
    newest = sorted(state.versions.values(), key=lambda v: max(v.latest.values()), reverse=True)
    return environment.get_template("status.html.j2").render(
        state=state,
        standing=standing,
        releases=newest,
        history=list(reversed(entries[-SHOWN:])),
        words={True: "yes", False: "NO", None: "–"},
        now=datetime.now(UTC).isoformat(sep=" ", timespec="seconds")[:19],
        refresh=refresh,
    )


def write_status(path: Path, page: str) -> None:
    """Replace the page at ``path``; a reader never meets half of one.

    Raises:
        StorageError: it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_text(path, page)
    except OSError as error:
        raise StorageError(f"cannot write {path}: {error.strerror or error}") from error
