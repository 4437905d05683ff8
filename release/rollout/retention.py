"""What may go, older than the newest three releases that served, and its removal."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from csanmt.errors import CsanmtError, StorageError
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


def plan(state: ReleaseState, deployed: Iterable[str]) -> Keeping:
    """Decide over the releases that the ledger knows; never over anything it does not.

    The newest ``KEEP`` that served stay, so does what is deployed now, and so do
    builds newer than the newest that served, which may yet be promoted.
    """
    reasons: dict[str, str] = {}
    for rank, release in enumerate(state.served[:KEEP], start=1):
        reasons[release] = f"number {rank} of the newest {KEEP} that served"
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


def retain(site: Site, home: Path) -> tuple[Keeping, dict[str, list[str]]]:
    """Remove what ``plan`` allows and record it; returns the plan, and release → what went.

    The ledger is told before a removal and again after it, with what went. A removal that
    was cut short lacks the second entry, so it is planned again until it has one. A model version
    goes only when no release that stays uses it and the store's own rules let it go.

    Args:
        home: BENTOML_HOME with the bentos and models.

    Raises:
        ConflictError: a deployment, promotion or other removal is under way.
        StorageError: something could not be removed; the rest is left for the next time.
    """
    with site.exclusive("a removal of old releases"):
        keeping = plan(fold(site.ledger.history()), deployed(site))
        why = f"not among the newest {KEEP} that served"
        removed: dict[str, list[str]] = {}
        for release in keeping.remove:
            site.ledger.append(Kind.RETIRE, release, who=site.who, why=why)
            removed[release] = _remove(home, site.ledger, release, keeping)
            detail = {"removed": removed[release]}
            site.ledger.append(Kind.RETIRE, release, who=site.who, why=why, detail=detail)
    return keeping, removed


def deployed(site: Site) -> list[str]:
    """The releases on the site's colours, by what answers and by what was put there."""
    sides = look(site).sides.values()
    noted = [side.record.release for side in sides if side.record]
    return [*dict.fromkeys([*(side.release for side in sides if side.release), *noted])]


BENTO = "csanmt"


def _remove(home: Path, ledger: Ledger, release: str, keeping: Keeping) -> list[str]:
    """Delete a release's bento, image and model, whatever is left of them, and name them."""
    build = ledger.last(Kind.BUILD, release)
    detail = build.detail if build else {}
    removed = _remove_bento(home, release)
    if image := detail.get("image"):
        removed += _remove_image(str(image))
    if model := detail.get("model"):
        builds = (ledger.last(Kind.BUILD, name) for name in keeping.keep)
        used = {str(entry.detail.get("model", "")) for entry in builds if entry}
        removed += _remove_model(ModelStore(home), str(model), used)
    return removed


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
    if any(record.tag == tag and not why for record, why in judge(records, in_service)):
        store.remove(tag)
        return [f"model {model}"]
    return []
