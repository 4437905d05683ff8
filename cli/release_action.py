"""What every action of ``csanmt release`` shares: its parser, the ledger, a version's tag."""

from __future__ import annotations

from typing import TYPE_CHECKING

from csanmt.errors import NotFoundError

if TYPE_CHECKING:
    from release.ledger.ledger import Ledger


def open_ledger() -> Ledger:
    """The ledger of this machine and user."""
    from release.ledger.ledger import Ledger, default_path

    return Ledger(default_path())


def full_tag(ledger: Ledger, text: str) -> str:
    """The image tag meant by ``text``: itself, or the newest build of a version."""
    from release.build.version import parse_tag
    from release.ledger.ledger import Kind

    builds = [entry.version for entry in ledger.history(kind=Kind.BUILD)]
    if text in builds:
        return text
    for version in reversed(builds):
        if str(parse_tag(version).version) == text:
            return version
    raise NotFoundError(f"{text} was never built here; see 'csanmt release history --kind build'")
