"""What the ledger says about now: which version serves, and how far each has come.

A fold over the entries, without side effects; traffic is the router's to know,
so what stands here is what was *recorded*, and callers compare the two.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from csanmt.errors import ConflictError, CsanmtError
from release.ledger.ledger import Entry, Kind, Ledger


@dataclass(frozen=True)
class VersionState:
    """How far one version has come, by the newest entry of each kind."""

    version: str
    digests: dict[str, str] = field(default_factory=dict)
    latest: dict[str, str] = field(default_factory=dict)  # kind -> time of its newest entry
    ready: bool | None = None  # the last verdict; None when there is none
    reasons: tuple[str, ...] = ()  # why the last verdict was not ready
    # sequence of its newest build, which no clock orders; 0 where it was not built here
    built: int = 0
    retired: bool = False  # what belongs to it was removed, to the end


@dataclass(frozen=True)
class ReleaseState:
    """The ledger folded up."""

    versions: dict[str, VersionState]
    active: str | None  # version that last received all traffic
    served: tuple[str, ...]  # versions that ever had all traffic, most recent first, each once
    entries: int
    # versions that a rollback went away from and that had not all traffic again since
    left: tuple[str, ...] = ()
    # generation of the traffic that the newest recorded switch or rollback made
    generation: int = 0

    def trusts(self, release: str) -> bool:
        """Whether it once had all the traffic and no rollback left it since."""
        return release in self.served and release not in self.left

    def require_verdict(self, release: str, force: str) -> None:
        """See that a version was judged fit, or that somebody has a reason.

        Raises:
            ConflictError: neither.
        """
        version = self.versions.get(release)
        if force or (version and version.ready):
            return
        if version is None or version.ready is None:
            raise ConflictError(
                f"{release} was never judged: run csanmt release verify {release}, import the "
                "verdict of its pipeline with csanmt release accept FOLDER, or give --force REASON"
            )
        reasons = "; ".join(version.reasons) or "no reason recorded"
        raise ConflictError(f"{release} was judged not ready: {reasons} (or give --force REASON)")


def fold(entries: Iterable[Entry]) -> ReleaseState:
    """Fold entries, oldest first, into the present state.

    A ``switch`` gives a version all traffic when its ``detail.weight`` is 100 or
    absent; a ``rollback`` always does. Entries about something other than a
    release (``detail.subject``) advance no version. A rollback that undoes another one, by
    going to the version that was left, speaks against nobody. A drill puts nobody in service.
    """
    versions: dict[str, VersionState] = {}
    active: str | None = None
    served: list[str] = []
    left: list[str] = []
    before_switch: tuple[str | None, list[str], list[str]] = (None, [], [])
    count = generation = 0
    for entry in entries:
        count += 1
        if "subject" in entry.detail:
            continue
        before = versions.get(entry.version, VersionState(entry.version))
        versions[entry.version] = _advance(before, entry)
        if entry.detail.get("purpose") == "drill":
            generation = max(generation, int(entry.detail.get("generation", 0)))
            continue
        if entry.kind in (Kind.SWITCH, Kind.ROLLBACK):
            generation = max(generation, int(entry.detail.get("generation", 0)))
        if entry.detail.get("purpose") == "failover" and entry.version not in served:
            continue  # it answers in the place of a dead one, and nobody promoted it
        if entry.kind == Kind.ROLLBACK and entry.why == "drill":  # as v0.1.0 wrote them
            active, served, left = before_switch
            continue
        if _takes_all_traffic(entry):
            before_switch = (active, list(served), list(left))
            if entry.version in left:
                left.remove(entry.version)
            elif (away := _went_from(entry, active)) and away not in left:
                left.append(away)
            active = entry.version
            served = [entry.version, *(name for name in served if name != entry.version)]
    return ReleaseState(versions, active, tuple(served), count, tuple(left), generation)


def recall(ledger: Ledger) -> tuple[ReleaseState, str]:
    """The ledger folded up, and nothing; else an empty one, and why it cannot be read."""
    try:
        return fold(ledger.history()), ""
    except CsanmtError as error:
        return fold(()), str(error)
    except Exception as error:  # whatever is in it
        return fold(()), f"the ledger {ledger.path} cannot be read: {error}"


def _takes_all_traffic(entry: Entry) -> bool:
    if entry.kind == Kind.ROLLBACK:
        return True
    return entry.kind == Kind.SWITCH and entry.detail.get("weight", 100) >= 100


def _went_from(entry: Entry, active: str | None) -> str | None:
    """The version that a rollback took traffic from; a switch leaves its fallback in honour."""
    away = entry.detail.get("from")
    had_traffic = entry.detail.get("from_share", 0) > 0 or away == active
    return away if entry.kind == Kind.ROLLBACK and had_traffic else None


def _advance(state: VersionState, entry: Entry) -> VersionState:
    digests, latest = {**state.digests, **entry.digests}, {**state.latest, entry.kind: entry.at}
    state = replace(state, digests=digests, latest=latest)
    if entry.kind == Kind.VERDICT:
        reasons = tuple(entry.detail.get("reasons", ()))
        return replace(state, ready=bool(entry.detail.get("ready")), reasons=reasons)
    if entry.kind == Kind.RETIRE:
        return replace(state, retired="removed" in entry.detail)
    if entry.kind == Kind.BUILD:  # a new build of the same name has proved nothing yet
        return replace(state, ready=None, reasons=(), retired=False, built=entry.sequence)
    return state
