"""Bring an image to a registry or into an archive, once and never differently.

Two images are the same when their layers, labels, user and start command are:
that survives the change of format and compression that a transfer brings.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from csanmt.durable import sync
from csanmt.errors import ConflictError, NotFoundError
from release.ledger.ledger import Kind, Ledger
from release.running.command import run_command
from release.running.containers import Builder, ImageFacts, find_tool, read_image

SAME = ("layers", "labels", "user", "start", "environment")  # what makes two images the same


@dataclass(frozen=True)
class Pushed:
    """What a push did."""

    reference: str
    digest: str  # of the manifest at the destination
    already_there: bool


def push_image(image: str, target: str, *, tool: str) -> Pushed:
    """Copy a local image to ``target`` unless the very same is there.

    Args:
        image: name in local storage.
        target: ``docker://REGISTRY/REPOSITORY:TAG`` or ``oci-archive:FILE:NAME:TAG``.
        tool: the builder whose storage holds it (docker's daemon has one of its own).

    Raises:
        ConflictError: another content has this name there.
        EngineUnavailableError: skopeo is not installed.
        CommandError: the transfer failed.
    """
    find_tool(("skopeo",))
    source = Builder(tool, commit_time=0).where(image)  # builds nothing
    mine = read_image(source)
    if mine is None:
        raise NotFoundError(f"no image {image} in the storage of {tool}")
    theirs = _there(target)
    if theirs is None:
        _copy(source, target)
        pushed = _there(target)
        assert pushed is not None
        return Pushed(target, pushed.digest, already_there=False)
    if differs := [name for name in SAME if getattr(mine, name) != getattr(theirs, name)]:
        raise ConflictError(
            f"{target} exists with another content ({', '.join(differs)} differ): "
            "a pushed version never changes, raise the version"
        )
    return Pushed(target, theirs.digest, already_there=True)


def _there(target: str) -> ImageFacts | None:
    kind, file, *_ = target.split(":")
    if kind == "oci-archive" and not Path(file).exists():
        return None
    return read_image(target)


def record_push(ledger: Ledger, tag: str, done: Pushed, *, who: str, why: str) -> None:
    """Write a push into the ledger; one that did nothing only if the ledger lacks it.

    It does where an earlier push was killed between the copy and its entry.
    """
    known = ledger.history(kind=Kind.PUSH, version=tag)
    if done.already_there and done.reference in [e.detail.get("reference") for e in known]:
        return
    ledger.append(
        Kind.PUSH,
        tag,
        who=who,
        why=why,
        digests={"pushed": done.digest},
        detail={"reference": done.reference},
    )


def _copy(source: str, target: str) -> None:
    """Copy an image; an archive appears whole, by a rename, or not at all."""
    command = ["skopeo", "copy", source]
    if not target.startswith("oci-archive:"):
        run_command([*command, target], timeout=1800)
        return
    kind, file, name = target.split(":", 2)
    path = Path(file)
    draft = path.with_name(f".{path.name}")
    draft.unlink(missing_ok=True)  # skopeo would add to what a killed push left
    try:
        run_command([*command, f"{kind}:{draft}:{name}"], timeout=1800)
        sync(draft)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    sync(path.parent)
