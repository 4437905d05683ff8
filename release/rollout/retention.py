"""What may go, older than the newest three releases that served, and its removal."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from csanmt.errors import CsanmtError, InvalidInputError, StorageError
from model_store import ModelStore
from model_store.retirement import judge
from model_store.tags import ModelTag
from release.ledger.ledger import Kind, Ledger
from release.ledger.state import ReleaseState, fold
from release.rollout.site import Site
from release.rollout.status import look
from release.running.containers import BUILDERS, Builder

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
    built = {name: version.built for name, version in known.items()}
    newest = max((built.get(name, 0) for name in state.served), default=0)
    for name, order in built.items():
        if name not in reasons and name not in state.served and order >= newest:
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
    """The releases on the site's colours, by what answers and by what was put there."""
    sides = look(site).sides.values()
    noted = [side.record.release for side in sides if side.record]
    return [*dict.fromkeys([*(side.release for side in sides if side.release), *noted])]


BENTO = "csanmt"


def remover(home: Path, ledger: Ledger) -> Remove:
    """A function that removes one release's things and names what it removed.

    A model version goes only when no release that stays uses it and the store's own rules
    let it go; what is gone already is passed over.

    Args:
        home: BENTOML_HOME with the bentos and models.
    """
    store = ModelStore(home)

    def remove(release: str, keeping: Keeping) -> list[str]:
        build = ledger.last(Kind.BUILD, release)
        detail = build.detail if build else {}
        removed = _remove_bento(home, release)
        if image := detail.get("image"):
            removed += _remove_image(str(image))
        if model := detail.get("model"):
            removed += _remove_model(store, str(model), _models_of(ledger, keeping))
        return removed

    return remove


def _models_of(ledger: Ledger, keeping: Keeping) -> set[str]:
    entries = (ledger.last(Kind.BUILD, release) for release in keeping.keep)
    return {str(entry.detail.get("model", "")) for entry in entries if entry}


def _remove_bento(home: Path, release: str) -> list[str]:
    path = home / "bentos" / BENTO / release
    doomed = path.with_name(f".{release}.removed")
    if not path.is_dir() and not doomed.is_dir():
        return []
    try:
        if doomed.is_dir():  # a removal was cut short
            shutil.rmtree(doomed)
        if path.is_dir():
            path.rename(doomed)  # gone at once for everybody, then file by file
            shutil.rmtree(doomed)
    except OSError as error:
        raise StorageError(f"bento {release} could not be removed: {error}") from None
    return [f"bento {BENTO}:{release}"]


def _remove_image(image: str) -> list[str]:
    for tool in filter(shutil.which, BUILDERS):
        storage = Builder(tool, commit_time=0)  # builds nothing
        if not storage.exists(image):
            continue
        storage.remove(image)
        if storage.exists(image):
            raise StorageError(f"image {image} could not be removed: {tool} says it is in use")
        return [f"image {image}"]
    return []


def _remove_model(store: ModelStore, model: str, used: set[str]) -> list[str]:
    if model in used:
        return []
    tag = ModelTag.parse(model)
    try:
        records = store.list(tag.name)
    except CsanmtError:
        return []
    in_service = [ModelTag.parse(name) for name in used if name.startswith(f"{tag.name}:")]
    for verdict in judge(records, in_service):
        if verdict.record.tag == tag and verdict.retire:
            store.remove(tag)
            return [f"model {model}"]
    return []
