"""Putting a version on the idle colour: started, ready, tried, and still without traffic."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

from csanmt.errors import ConflictError, IntegrityError, StorageError, UnavailableError
from release.ledger.ledger import Kind
from release.rollout.colours import Deployment
from release.rollout.site import Site, Tell
from release.rollout.status import Look, look
from release.rollout.switch import switch
from release.rollout.traffic import Colour, other
from release.running.service import HttpService, Identity

# Tries a service at a URL; raises a CsanmtError that says what is wrong with it.
Check = Callable[[str], None]

SMOKE = ("你好世界", "北京天气很好。", "人工智能正在改变世界。", "这是一段测试文本。")
STOP_SECONDS, HUNG_SECONDS = 60.0, 5.0  # to finish in: of what answers, and of what does not
# Bytes of the site's disk without which nothing is stopped for what could not start.
ROOM = 1_000_000
# How long nginx may take to try a colour again that failed: longer than its fail_timeout.
SPARED_SECONDS = 10.0


def idle_colour(now: Look) -> Colour:
    """The colour whose process no user depends on.

    Raises:
        ConflictError: both have traffic, as in the middle of a canary, or it cannot be told
            which of two that answer has it.
    """
    traffic = now.traffic
    if traffic is not None and traffic.mixed:
        raise ConflictError(
            f"both colours have traffic ({traffic}): finish the promotion or roll back first"
        )
    if traffic is None:
        answering = [side.colour for side in now.sides.values() if side.state == "ready"]
        if len(answering) > 1:
            raise ConflictError(
                "nobody can say which colour has the traffic, and both answer: "
                "csanmt release rollback settles it"
            )
        return other(answering[0]) if answering else "blue"
    return other(now.serving.colour) if now.serving else other(traffic.major)


def deploy(
    site: Site,
    release: str,
    bento: str,
    *,
    force: str = "",
    checks: tuple[Check, ...] = (),
    tell: Tell = lambda _: None,
) -> Deployment:
    """Start ``release`` from ``bento`` on the idle colour and try it there.

    Args:
        force: reason to deploy without a passed gate; written into the ledger.
        checks: more trials after readiness and the smoke test, e.g. the API tests.

    Raises:
        ConflictError: not judged fit and not forced, another command is under way, it serves
            already, both colours have traffic or the idle one got some meanwhile, or the version
            in service is being watched and would lose its way back.
        NotFoundError: there is no such bento or image; nothing was stopped for it.
        StorageError: the site's disk is full; nothing was stopped.
        UnavailableError: it did not become ready, or failed a trial; it is stopped again.
        IntegrityError: what answers is not what was started; it is stopped again.
        ConfigurationError: it refuses the site's API key; it is stopped again.
    """
    with site.exclusive(f"deployment of {release}"):
        now = look(site)
        for word in now.ignored:
            tell(word)
        now.state.require_verdict(release, force)
        if shutil.disk_usage(site.home).free < ROOM:
            raise StorageError(f"the disk of {site.home} is full: nothing is stopped or started")
        colour = idle_colour(now)
        beside = now.sides[other(colour)]
        if beside.release == release and beside.runs:  # that would cost it its way back
            raise ConflictError(f"{release} serves already on {beside.colour}")
        _settle(site, now, colour, tell)
        _spare_fallback(site, now, colour)
        why = f"forced: {force}" if force else "judged ready"
        return place(site, release, bento, colour, why=why, checks=checks, tell=tell)


def place(
    site: Site,
    release: str,
    bento: str,
    colour: Colour,
    *,
    why: str,
    checks: tuple[Check, ...] = (),
    spared: bool = True,
    tell: Tell = lambda _: None,
) -> Deployment:
    """Start a version on ``colour`` in the place of whatever is there, try it, and record it.

    Args:
        why: for the ledger.
        spared: refuse while users are answered by what is there.

    Raises: as :func:`deploy`.
    """
    site.launcher.require(bento)
    if site.launcher.runs(site.place(colour)):
        _await_other(site, colour, spared)
    _clear(site, colour, tell)
    where = site.place(colour)
    tell(f"starting {release} on {colour} ({where.address}); its log: {site.launcher.log(where)}")
    deployment = Deployment(
        colour=colour,
        release=release,
        bento=bento,
        kind=site.launcher.kind,
        handle=site.launcher.start(bento, where),
        address=where.address,
        started_at=datetime.now(UTC).isoformat(timespec="seconds"),
        served=False,
    )
    site.remember(deployment)
    detail = {"colour": colour, "bento": bento}
    try:
        deployment = _try(site, deployment, checks)
    except BaseException as error:
        site.launcher.stop(where, deadline_seconds=5)
        site.colours.clear(colour)
        why = str(error) or type(error).__name__
        site.note(Kind.ABORT, release, why=why, detail={**detail, "during": "deployment"})
        raise
    digests = {"model": deployment.digest} if deployment.digest else {}
    detail["model"] = deployment.model
    site.note(Kind.DEPLOY, release, why=why, digests=digests, detail=detail)
    return deployment


def smoke(service: HttpService) -> None:
    """Translate the smoke sentences; each must come back as something else.

    Raises:
        UnavailableError: an answer failed, is empty or echoes its source.
        ConfigurationError: the service refuses the API key.
    """
    for source, target in zip(SMOKE, service.translate(SMOKE), strict=True):
        if not target.strip() or target == source:
            raise UnavailableError(f"smoke test: {source} was translated as {target!r}")


# -- what must hold before anything is touched -------------------------------------------------


def _settle(site: Site, now: Look, colour: Colour, tell: Tell) -> None:
    """Where a dead colour has the traffic and the other answers it, say so to nginx.

    Nobody notices; but a version started on the dead colour would have users at once.
    """
    serving, traffic = now.serving, now.traffic
    if traffic is None or serving is None or traffic.share(colour) == 0:
        return
    dead = now.sides[colour]
    tell(
        f"{colour} ({dead.release or 'unknown'}) has the traffic and is {dead.state}; "
        f"{serving.release or 'what'} on {serving.colour} answers in its place and gets it"
    )
    switch(site, serving, purpose="failover", why=f"{colour} is {dead.state}")


def _spare_fallback(site: Site, now: Look, colour: Colour) -> None:
    """Leave an observer its way back: it may need it at any moment."""
    beside = now.sides[colour]
    if beside.runs and site.watched() and now.state.trusts(beside.release):
        raise ConflictError(
            f"the version in service is being watched, and {beside.release} on {colour} is its way "
            "back: let the watch end, or end it, before you replace that"
        )


# -- the place itself ------------------------------------------------------------------------------


def _clear(site: Site, colour: Colour, tell: Tell) -> None:
    """Stop what is on a colour, while rollbacks may come at any moment.

    The record of the old one is marked before it is stopped, so that no rollback goes there
    any more; one that looked before that shows in the colour's share.

    Raises:
        ConflictError: the colour got traffic meanwhile, or a stranger listens there.
    """
    where, old, share = site.place(colour), site.colours.known(colour), _share(site, colour)
    if old:
        site.remember(replace(old, ending=True))
        own = site.launcher.runs(where)
        if own and _share(site, colour) > 0 and site.services[colour].ready():
            site.remember(old)
            raise ConflictError(f"{colour} has traffic; {old.release} cannot be replaced")
    if site.launcher.runs(where):
        tell(f"stopping what runs on {colour} ({old.release if old else 'not recorded'})")
        answers = site.services[colour].ready()
        site.launcher.stop(where, STOP_SECONDS if answers else HUNG_SECONDS)
    if old and _share(site, colour) > share:
        handle = site.launcher.start(old.bento, where)
        site.remember(replace(old, handle=handle))
        raise ConflictError(
            f"{colour} was given traffic while {old.release} was being stopped; "
            f"{old.release} is started again"
        )
    if site.services[colour].listens():
        raise ConflictError(
            f"something that this site did not start listens on {where.address}: end it first "
            f"(ss -ltnp 'sport = :{where.address.rpartition(':')[2]}' names it)"
        )
    site.colours.clear(colour)


def _await_other(site: Site, colour: Colour, spared: bool) -> None:
    """See that nginx really sends users to the other colour before this one is stopped.

    One that failed a moment ago is spared its requests for some seconds, whatever its share.

    Raises:
        ConflictError: it does not, and ``spared``.
    """
    rival = other(colour)
    if site.front is None or not _share(site, rival):
        return
    front = site.front

    def served() -> bool:
        probe = front.probe(rival)
        return probe.status == 0 or (probe.status == 200 and probe.by(rival))

    if not site.clock.until(served, SPARED_SECONDS) and spared:
        raise ConflictError(
            f"{rival} has the traffic, but {colour} answers for it: nothing on {colour} is stopped"
        )


def _share(site: Site, colour: Colour) -> float:
    traffic = site.router.state()
    return traffic.share(colour) if traffic else 0.0


def _try(site: Site, deployment: Deployment, checks: tuple[Check, ...]) -> Deployment:
    _await_ready(site, deployment)
    identity = site.services[deployment.colour].identify()
    _require_identity(site, deployment, identity)
    deployment = replace(deployment, model=identity.model, digest=identity.digest)
    smoke(site.services[deployment.colour])
    for check in checks:
        check(deployment.url)
    site.remember(deployment)
    return deployment


def _await_ready(site: Site, deployment: Deployment) -> None:
    name, log = deployment.release, site.launcher.log(site.place(deployment.colour))

    def settled() -> bool:
        ready = site.services[deployment.colour].ready()
        if not site.launcher.alive(deployment.handle):  # also where another one answers there
            raise UnavailableError(f"{name} ended before it was ready; its log: {log}")
        return ready

    if not site.clock.until(settled, site.ready_seconds):
        seconds = site.ready_seconds
        raise UnavailableError(f"{name} was not ready within {seconds:g} s; its log: {log}")


def _require_identity(site: Site, deployment: Deployment, said: Identity) -> None:
    """See that what answers is what was started, by its own word and the ledger's."""
    state, _ = site.recall()
    version = state.versions.get(deployment.release)
    built = version.digests.get("model", "") if version else ""
    pairs = (
        ("bento", deployment.bento.rpartition(":")[2], said.bento.rpartition(":")[2]),
        ("model", built, said.digest),
    )
    for what, wanted, found in pairs:
        if wanted and found and wanted != found:
            raise IntegrityError(
                f"{deployment.address} answers as {what} {found}, asked for was {wanted}"
            )
