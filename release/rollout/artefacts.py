"""Removes what belongs to a release that retention gave up: bento, image, model version."""

from __future__ import annotations

import shutil
from pathlib import Path

from csanmt.errors import CsanmtError, StorageError
from model_store import ModelStore
from model_store.retirement import judge
from model_store.tags import ModelTag
from release.ledger.ledger import Kind, Ledger
from release.rollout.retention import Keeping, Remove
from release.running.containers import BUILDERS, Builder

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
