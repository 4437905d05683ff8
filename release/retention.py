"""What may go: everything older than the newest three releases that served."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from release.ledger import Kind, Ledger
from release.state import ReleaseState, fold

KEEP = 3


@dataclass(frozen=True, slots=True)
class Keeping:
    """Releases by what happens to them, with the reason for those that stay."""

    keep: dict[str, str]
    remove: tuple[str, ...]


def plan(state: ReleaseState, deployed: Iterable[str], keep: int = KEEP) -> Keeping:
    """Decide over the releases that the ledger knows; never over anything it does not.

    The newest ``keep`` that served stay, so does what is deployed now, and so do
    builds newer than the newest that served, which may yet be promoted.
    """
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


def retain(
    ledger: Ledger,
    deployed: Iterable[str],
    remove: Callable[[str], list[str]],
    who: str,
    keep: int = KEEP,
) -> dict[str, list[str]]:
    """Remove what ``plan`` allows and record it; returns release → what was removed.

    The ledger is written first: were the removal cut short, it would be repeated, never
    forgotten. ``remove`` deletes a release's bento, image and models and names them.
    """
    removed: dict[str, list[str]] = {}
    for release in plan(fold(ledger.history()), deployed, keep).remove:
        ledger.append(Kind.RETIRE, release, who=who, why=f"not among the newest {keep} that served")
        removed[release] = remove(release)
    return removed
