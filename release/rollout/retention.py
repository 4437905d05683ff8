"""What may go: everything older than the newest three releases that served."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from csanmt.errors import InvalidInputError
from release.ledger.ledger import Kind
from release.ledger.state import ReleaseState, fold
from release.rollout.site import Site
from release.rollout.traffic import COLOURS

KEEP = 3


@dataclass(frozen=True, slots=True)
class Keeping:
    """Releases by what happens to them, with the reason for those that stay."""

    keep: dict[str, str]
    remove: tuple[str, ...]


Remove = Callable[[str, Keeping], list[str]]
"""Deletes a release's bento, image and models, whatever is left of them, and names them."""


def plan(state: ReleaseState, deployed: Iterable[str], keep: int = KEEP) -> Keeping:
    """Decide over the releases that the ledger knows; never over anything it does not.

    The newest ``keep`` that served stay, so does what is deployed now, and so do
    builds newer than the newest that served, which may yet be promoted.

    Raises:
        InvalidInputError: ``keep`` is less than a rollback needs.
    """
    if keep < KEEP:
        raise InvalidInputError(f"keep is {keep}; allowed is {KEEP} or more")
    reasons: dict[str, str] = {}
    for rank, release in enumerate(state.served[:keep], start=1):
        reasons[release] = f"number {rank} of the newest {keep} that served"
    for release in deployed:
        reasons[release] = "deployed now"
    if state.active:
        reasons[state.active] = "in service"
    known = {name: version for name, version in state.versions.items() if not version.retired}
    built = {name: version.latest.get(Kind.BUILD, "") for name, version in known.items()}
    newest = max((built.get(name, "") for name in state.served), default="")
    for name, when in built.items():
        if name not in reasons and name not in state.served and when >= newest:
            reasons[name] = "built after the newest that served"
    remove = tuple(sorted(set(known) - set(reasons), key=lambda name: (built[name], name)))
    return Keeping(reasons, remove)


def retain(site: Site, remove: Remove, keep: int = KEEP) -> tuple[Keeping, dict[str, list[str]]]:
    """Remove what ``plan`` allows and record it; returns the plan, and release → what went.

    The ledger is told before a removal and again after it, with what went. A removal that
    was cut short lacks the second entry, so it is planned again until it has one.

    Raises:
        InvalidInputError: ``keep`` is too small.
        ConflictError: a deployment, promotion or other removal is under way.
        StorageError: something could not be removed; the rest is left for the next time.
    """
    with site.exclusive("a removal of old releases"):
        keeping = plan(fold(site.ledger.history()), deployed(site), keep)
        why = f"not among the newest {keep} that served"
        removed: dict[str, list[str]] = {}
        for release in keeping.remove:
            site.ledger.append(Kind.RETIRE, release, who=site.who, why=why)
            removed[release] = remove(release, keeping)
            detail = {"removed": removed[release]}
            site.ledger.append(Kind.RETIRE, release, who=site.who, why=why, detail=detail)
    return keeping, removed


def deployed(site: Site) -> list[str]:
    """The releases on the site's colours."""
    return [found.release for colour in COLOURS if (found := site.colours.get(colour))]
