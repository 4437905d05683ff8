"""How things stand: what answers on each colour, what the front does, and what is only noted.

Every command looks here before it acts. What is observed decides; a record that is missing,
damaged or contradicted is named and passed over.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

from csanmt.errors import CsanmtError, IntegrityError
from release.ledger.state import ReleaseState
from release.rollout.colours import Deployment
from release.rollout.metrics import between
from release.rollout.site import Site
from release.rollout.traffic import COLOURS, Colour, Traffic, other
from release.running.service import Identity

State = Literal["ready", "not ready", "dead", "empty", "unknown"]
RATES = ("qps", "error_rate", "p95", "health")  # of a reading, which ``standing`` tells
LOOK_SECONDS = 1.0  # how long one colour may take to say that it is ready


@dataclass(frozen=True, slots=True)
class Side:
    """One colour.

    Attributes:
        release: what answers there; where nothing does, what was put there.
        state: ``unknown``: something answers that nobody can name. ``not ready``: its process
            lives. ``dead``: it was put there and is gone.
        ending: it is being stopped for another one, and is no way back.
        record: the note of what was put there, where it can be read.
        remark: what does not fit together, in words.
        qps, error_rate, p95, health: by ``standing``, over its window.
    """

    colour: Colour
    share: float
    release: str
    model: str
    state: State
    digest: str = ""
    ending: bool = False
    record: Deployment | None = None
    remark: str = ""
    qps: float = 0.0
    error_rate: float = 0.0
    p95: float | None = None
    health: Mapping[str, float] = field(default_factory=dict)

    @property
    def runs(self) -> bool:
        """Whether a version that can be named lives there and may be given traffic."""
        return self.state in ("ready", "not ready") and bool(self.release) and not self.ending


@dataclass(frozen=True, slots=True)
class Look:
    """What one look at a site found.

    Attributes:
        traffic: what requests meet, or would; None where nobody can say.
        live: the front answers.
        state: the ledger, folded up; empty where it cannot be read.
        ignored: what could not be read, in words.
    """

    traffic: Traffic | None
    live: bool
    sides: Mapping[Colour, Side]
    state: ReleaseState
    ignored: tuple[str, ...] = ()

    @property
    def generation(self) -> int:
        return self.traffic.generation if self.traffic else 0

    @property
    def serving(self) -> Side | None:
        """The colour that answers the users: the major one, or the other in its place."""
        major = self.traffic.major if self.traffic else COLOURS[0]
        order = [self.sides[major], self.sides[other(major)]]
        ready = [side for side in order if side.state == "ready"]
        unnamed = [side for side in order if side.state == "unknown" and side.share > 0]
        slow = [side for side in order if side.state == "not ready"]
        return next(iter([*ready, *unnamed, *slow]), None)

    @property
    def present(self) -> Side | None:
        """The colour that the traffic is meant for, alive or not; None in a mixture."""
        if self.traffic is None or self.traffic.mixed:
            return None
        return self.sides[self.traffic.major]

    def of(self, release: str) -> Side | None:
        """The colour on which ``release`` lives; of two, the one that answers."""
        there = [side for side in self.sides.values() if side.release == release and side.runs]
        return min(there, key=lambda side: side.state != "ready", default=None)

    def put(self, release: str) -> Side | None:
        """The colour on which ``release`` lives, or to which it was put and died."""
        there = (side for side in self.sides.values() if side.release == release)
        return self.of(release) or next(there, None)

    def place_for(self, release: str) -> Colour:
        """Where to start a version that serves nobody: where it was, else where nothing answers."""
        major = self.traffic.major if self.traffic else COLOURS[0]
        order = [self.sides[major], self.sides[other(major)]]
        own = [side.colour for side in order if side.release == release]
        free = [side.colour for side in order if side.state in ("dead", "empty")]
        return next(iter([*own, *free]), major)

    def words(self) -> str:
        """What is deployed, for an error."""
        named = [f"{s.colour}: {s.release} ({s.state})" for s in self.sides.values() if s.release]
        return ", ".join(named) or "nothing"


def look(site: Site) -> Look:
    """Look at everything once. Never raises for what it finds."""
    traffic = site.router.live()
    live = traffic is not None
    ignored = list(site.ignored)
    if traffic is None:
        traffic = site.router.written()
    state, complaint = site.recall()
    ignored += [complaint] if complaint else []
    with ThreadPoolExecutor(len(COLOURS)) as pool:
        found = list(pool.map(lambda colour: _see(site, colour, traffic, state), COLOURS))
    ignored += [side.remark for side in found if side.remark]
    return Look(traffic, live, dict(zip(COLOURS, found, strict=True)), state, tuple(ignored))


def _see(site: Site, colour: Colour, traffic: Traffic | None, state: ReleaseState) -> Side:
    share = traffic.share(colour) if traffic else 0.0
    service, place = site.services[colour], site.place(colour)
    remark, record = "", None
    try:
        record = site.colours.get(colour)
    except IntegrityError as error:
        remark = str(error)
    bare = Side(colour, share, "", "", "empty", remark=remark)
    if record:
        named = Side(colour, share, record.release, record.model, "dead", record.digest)
        bare = replace(named, ending=record.ending, record=record)
    if not service.ready(LOOK_SECONDS):
        lives = site.launcher.alive(record.handle) if record else site.launcher.runs(place)
        if lives or service.listens():
            return replace(bare, state="not ready" if record else "unknown")
        return bare
    try:
        identity = service.identify(2 * LOOK_SECONDS)
    except CsanmtError as error:
        lives = bool(record and site.launcher.alive(record.handle))
        return replace(bare, state="ready" if lives else "unknown", remark=remark or str(error))
    return _named(bare, identity, state)


def _named(bare: Side, identity: Identity, state: ReleaseState) -> Side:
    """A colour that answers, by what it says of itself before what is noted of it."""
    record = bare.record
    if record and _fits(record, identity):
        return replace(
            bare,
            state="ready",
            model=identity.model or record.model,
            digest=identity.digest or record.digest,
        )
    release = identity.bento.rpartition(":")[2]
    if not release and identity.digest:
        digests = {name: state.versions[name].digests.get("model") for name in state.served}
        same = [name for name in state.served if digests[name] == identity.digest]
        release = same[0] if same else ""
    remark = bare.remark
    if record:
        remark = (
            f"{bare.colour} answers as {release or identity.model or 'something unknown'}, its "
            f"record says {record.release}: the record is ignored"
        )
    return replace(
        bare,
        release=release,
        model=identity.model,
        digest=identity.digest,
        state="ready" if release else "unknown",
        ending=False,
        remark=remark,
    )


def _fits(record: Deployment, said: Identity) -> bool:
    """Whether a record may be about what answers; what is silent contradicts nothing."""
    pairs = (
        (record.bento.rpartition(":")[2], said.bento.rpartition(":")[2]),
        (record.model, said.model),
        (record.digest, said.digest),
    )
    return all(noted == heard for noted, heard in pairs if noted and heard)


# -- for people ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Standing:
    """Both colours, and what does not fit together, in words.

    Attributes:
        generation: of the traffic that requests meet now.
        active: release that the ledger says is in service.
    """

    sides: tuple[Side, ...]
    generation: int
    active: str | None
    remarks: tuple[str, ...]


def standing(site: Site, window: float = 1.0) -> Standing:
    """Look once, with rates from two samples ``window`` seconds apart."""
    rates: dict[Colour, dict[str, Any]] = {colour: {} for colour in COLOURS}
    complaint = []
    try:
        first = {colour: site.metrics.sample(colour) for colour in COLOURS}
        site.clock.sleep(window)
        for colour in COLOURS:
            found = asdict(between(first[colour], site.metrics.sample(colour), window))
            rates[colour] = {name: found[name] for name in RATES}
    except CsanmtError as error:
        complaint = [str(error)]
    now = look(site)
    sides = tuple(replace(now.sides[colour], **rates[colour]) for colour in COLOURS)
    front = site.router.ill()
    remarks = [*([front] if front else []), *now.ignored, *complaint, *_mismatches(now)]
    return Standing(sides, now.generation, now.state.active, tuple(dict.fromkeys(remarks)))


def _mismatches(now: Look) -> Iterator[str]:
    traffic, state = now.traffic, now.state
    if traffic is None:
        if state.active:
            yield "nobody can say who has the traffic; csanmt release rollback settles it"
        return
    for side in now.sides.values():
        if side.share > 0 and side.state != "ready":
            word = f"{side.colour} has {side.share:g}% of the traffic and is {side.state}"
            instead = now.serving
            if instead and instead.colour != side.colour and side.state == "dead":
                word += f": {instead.colour} answers in its place"
            yield word
        if side.share == 100 and side.release and state.active not in (None, side.release):
            yield (
                f"nginx sends everything to {side.release}, the ledger last recorded "
                f"{state.active}: a command was killed between the two; promote or roll back "
                "to settle it"
            )
        version = state.versions.get(side.release)
        if side.share > 0 and version is not None and version.ready is False:
            yield f"{side.release} serves although it was judged not ready"
    if traffic.mixed:
        yield f"a promotion is unfinished ({traffic}): promote to finish it or roll back"
    if traffic.generation > state.generation > 0 and traffic.purpose != "shadow":
        yield f"nginx is at generation {traffic.generation}, the ledger at {state.generation}"
    if traffic.shadow:
        yield f"{traffic.shadow:g}% of the requests are copied for a comparison"
