"""Putting a version on the idle colour: started, ready, tried, and still without traffic."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from csanmt.errors import ConflictError, IntegrityError, UnavailableError
from release.ledger.ledger import Kind
from release.ledger.state import fold
from release.rollout.colours import Deployment
from release.rollout.direct import ask, listens
from release.rollout.metrics_source import ready
from release.rollout.site import Site
from release.rollout.traffic import COLOURS, Colour, other

Check = Callable[[str], None]
"""Tries a service at a URL; raises a CsanmtError that says what is wrong with it."""

SMOKE = ("你好世界", "北京天气很好。", "人工智能正在改变世界。", "这是一段测试文本。")


def idle_colour(site: Site) -> Colour:
    """The colour without traffic.

    Raises:
        ConflictError: both have traffic, as in the middle of a canary.
    """
    try:
        traffic = site.router.state()
    except UnavailableError:
        return "blue"  # nothing was ever in service here
    for colour in COLOURS:
        if traffic.share(colour) == 0:
            return colour
    raise ConflictError(
        f"both colours have traffic (blue {traffic.blue:g}%, green {traffic.green:g}%): "
        "finish the promotion or roll back first"
    )


def deploy(
    site: Site,
    release: str,
    bento: str,
    *,
    force: str = "",
    colour: Colour | None = None,
    running: bool = False,
    over_fallback: bool = False,
    checks: tuple[Check, ...] = (),
    tell: Callable[[str], None] = lambda _: None,
) -> Deployment:
    """Start ``release`` from ``bento`` on the idle colour and try it there.

    Args:
        force: reason to deploy without a passed gate; written into the ledger.
        colour: where to put it, whatever traffic that colour has; the idle one by default.
        running: take over what already runs there, as started by a compose file.
        over_fallback: replace even what a watch that is under way would go back to.
        checks: more trials after readiness and the smoke test, e.g. the API tests.

    Raises:
        ConflictError: not judged fit and not forced, another command is under way, both
            colours have traffic or the idle one got some meanwhile, or the version in service
            is being watched and would lose its way back.
        NotFoundError: there is no such bento or image; nothing was stopped for it.
        UnavailableError: it did not become ready, or failed a trial; it is stopped again.
        ConfigurationError: it refuses the site's API key; it is stopped again.
    """
    with site.exclusive(f"deployment of {release}"):
        _require_verdict(site, release, force)
        colour = colour or idle_colour(site)
        if not over_fallback:
            _spare_fallback(site, colour)
        handle = (
            site.launcher.adopt(colour, site.addresses[colour])
            if running
            else _start(site, release, bento, colour, tell)
        )
        deployment = Deployment(
            colour=colour,
            release=release,
            bento=bento,
            kind=site.launcher.kind,
            handle=handle,
            address=site.addresses[colour],
            started_at=datetime.now(UTC).isoformat(timespec="seconds"),
        )
        site.colours.put(deployment)
        try:
            _await_ready(site, deployment)
            deployment = _identify(deployment, site.api_key)
            smoke(deployment.url, site.api_key)
            for check in checks:
                check(deployment.url)
        except BaseException as error:
            if not running:  # what others started is not ours to stop
                site.launcher.stop(deployment.handle, deadline_seconds=5)
            _give_up(site, deployment, str(error) or type(error).__name__)
            raise
        site.colours.put(deployment)
        site.ledger.append(
            Kind.DEPLOY,
            release,
            who=site.who,
            why=f"forced: {force}" if force else "judged ready",
            digests={"model": deployment.digest} if deployment.digest else {},
            detail={"colour": colour, "bento": bento, "model": deployment.model, "forced": force},
        )
    return deployment


def smoke(url: str, api_key: str = "") -> None:
    """Translate the smoke sentences; each must come back as something else.

    Raises:
        UnavailableError: an answer failed, is empty or echoes its source.
        ConfigurationError: the service refuses ``api_key``.
    """
    body = {"text": list(SMOKE)}
    answer = _json(f"{url}/translate", timeout=30, api_key=api_key, body=body)
    translations = answer.get("translation")
    if not isinstance(translations, list) or len(translations) != len(SMOKE):
        raise UnavailableError(f"{url}/translate answered {str(answer)[:200]}")
    for source, target in zip(SMOKE, translations, strict=True):
        if not target.strip() or target == source:
            raise UnavailableError(f"smoke test: {source} was translated as {target!r}")


def _require_verdict(site: Site, release: str, force: str) -> None:
    if force:
        return
    state = fold(site.ledger.history(version=release)).versions.get(release)
    if state is None or state.ready is None:
        raise ConflictError(
            f"{release} was never judged: run csanmt release verify {release}, "
            "or give --force REASON"
        )
    if not state.ready:
        reasons = "; ".join(state.reasons) or "no reason recorded"
        raise ConflictError(f"{release} was judged not ready: {reasons} (or give --force REASON)")


def _await_ready(site: Site, deployment: Deployment) -> None:
    end = site.clock.now() + site.ready_seconds
    while not ready(deployment.url, timeout=2.0):
        if not site.launcher.alive(deployment.handle):
            raise UnavailableError(f"{deployment.release} ended before it was ready; see its log")
        if site.clock.now() > end:
            raise UnavailableError(
                f"{deployment.release} was not ready within {site.ready_seconds:g} s"
            )
        site.clock.sleep(0.2)


def _identify(deployment: Deployment, api_key: str) -> Deployment:
    """Ask the service what it serves, rather than believing what was asked for."""
    version = _json(f"{deployment.url}/version", timeout=5, api_key=api_key)
    model = version.get("model", "")
    if isinstance(model, dict):
        return replace(deployment, model=model.get("tag", ""), digest=model.get("digest", ""))
    return replace(deployment, model=str(model), digest=str(version.get("digest", "")))


def _share(site: Site, colour: Colour) -> float:
    try:
        return site.router.state().share(colour)
    except UnavailableError:
        return 0  # nothing was ever in service here


def _spare_fallback(site: Site, colour: Colour) -> None:
    """Leave an observer its way back: it may need it at any moment."""
    beside = fallback_of(site)
    if beside is None or beside.colour != colour or not site.watched():
        return
    if fold(site.ledger.history()).trusts(beside.release):
        raise ConflictError(
            f"the version in service is being watched, and {beside.release} on {colour} is its way "
            "back: let the watch end, or end it, before you replace that"
        )


def _present(site: Site, colour: Colour, tell: Callable[[str], None]) -> Deployment | None:
    """What runs on ``colour``, as far as its record can be read.

    Raises:
        ConflictError: it cannot, and something answers there, which would be taken for the
            version that is about to be started.
    """
    try:
        return site.colours.get(colour)
    except IntegrityError as error:
        address = site.addresses[colour]
        if listens(address):
            raise ConflictError(
                f"{error}, but end what listens on {address} first: no record says what it is"
            ) from None
        tell(f"{error}; nothing listens on {site.addresses[colour]}")
        return None


def _start(
    site: Site, release: str, bento: str, colour: Colour, tell: Callable[[str], None]
) -> str:
    """Start a version in the place of another one, while rollbacks may come at any moment.

    The record of the old one is marked before it is stopped, so that no rollback goes there
    any more; one that looked before that shows in the colour's share.
    """
    site.launcher.require(bento)
    share, old = _share(site, colour), _present(site, colour, tell)
    if old:
        site.colours.put(replace(old, ending=True))
        if _share(site, colour) > 0 and site.launcher.alive(old.handle):
            site.colours.put(old)
            raise ConflictError(f"{colour} has traffic; {old.release} cannot be replaced")
        site.launcher.stop(old.handle)
        if _share(site, colour) > share:
            handle = site.launcher.start(old.bento, colour, old.address)
            site.colours.put(replace(old, handle=handle))
            raise ConflictError(
                f"{colour} was given traffic while {old.release} was being stopped; "
                f"{old.release} is started again"
            )
        site.colours.clear(colour)
    tell(f"starting {release} on {colour} ({site.addresses[colour]})")
    return site.launcher.start(bento, colour, site.addresses[colour])


def _give_up(site: Site, deployment: Deployment, why: str) -> None:
    site.colours.clear(deployment.colour)
    site.ledger.append(
        Kind.ABORT,
        deployment.release,
        who=site.who,
        why=why,
        detail={"colour": deployment.colour, "during": "deployment"},
    )


def _json(url: str, **request: Any) -> dict[str, Any]:
    """The object that ``url`` answers; ``request`` as ``ask`` takes it."""
    text = ask(url, **request)
    try:
        answer = json.loads(text)
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        raise UnavailableError(f"{url} answered {text[:200]!r}, which is no JSON object")
    return answer


def fallback_of(site: Site) -> Deployment | None:
    """The deployment that a rollback would go to now, if one is running."""
    try:
        colour = site.router.state().major
    except UnavailableError:
        return None
    found = site.colours.usable(other(colour))
    return found if found and site.launcher.alive(found.handle) else None
