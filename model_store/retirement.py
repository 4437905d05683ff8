"""Which old versions may go.

What is in service is the caller's knowledge (the router's, the ledger's), not
the store's. Never retired are the versions in service, the newest three of the
name, and the newest three of those that ever served: a rollback needs them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from csanmt.errors import ConflictError, InvalidInputError
from model_store.provenance import Record
from model_store.store import ModelStore
from model_store.tags import ModelTag

KEEP = 3


def judge(
    versions: Iterable[Record],
    in_service: Collection[ModelTag],
    *,
    served: Collection[ModelTag] = (),
    keep: int = KEEP,
) -> list[tuple[Record, str]]:
    """The versions of one name, oldest first, and why each stays; nothing where it may go.

    Args:
        in_service: versions that answer requests now, of any colour or share.
        served: versions that ever answered requests, if that is known.
        keep: how many of the newest stay, at least ``KEEP``.

    Raises:
        InvalidInputError: ``keep`` is too small.
    """
    if keep < KEEP:
        raise InvalidInputError(f"keep is {keep}; allowed is {KEEP} or more")
    ordered = sorted(versions, key=lambda record: record.precedence)
    newest = {record.tag for record in ordered[-keep:]}
    newest_served = {record.tag for record in [r for r in ordered if r.tag in served][-keep:]}

    def reason(tag: ModelTag) -> str:
        if tag in in_service:
            return "in service"
        if tag in newest:
            return f"one of the newest {keep}"
        return f"one of the newest {keep} that served" if tag in newest_served else ""

    return [(record, reason(record.tag)) for record in ordered]


def retire(
    store: ModelStore,
    target: str,
    in_service: Collection[ModelTag],
    *,
    served: Collection[ModelTag] = (),
    keep: int = KEEP,
    dry_run: bool = True,
) -> list[tuple[Record, str]]:
    """Remove the old versions of a name, or one version; returns what ``judge`` says of them.

    Args:
        target: a name, or a tag; a tag that must stay is refused.
        dry_run: only say what would happen.

    Raises:
        ConflictError: ``target`` is a tag that must stay.
        NotFoundError: there is no such version.
        IntegrityError: the version has no readable record, so nothing can be said of it.
    """
    tag = ModelTag.parse(target) if ":" in target else None
    name = tag.name if tag else ModelTag(target, "v0.0.0").name
    verdicts = judge(store.list(name), in_service, served=served, keep=keep)
    if tag is not None:
        store.show(tag)
        verdicts = [(record, reason) for record, reason in verdicts if record.tag == tag]
        if why := next((reason for _, reason in verdicts if reason), ""):
            raise ConflictError(f"{tag} stays: it is {why}")
    if not dry_run:
        for record, reason in verdicts:
            if not reason:
                store.remove(record.tag)
    return verdicts
