"""Keeping a site alive: what died is started again, a whole site after a reboot, by whom."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from string import Template

from csanmt.errors import CsanmtError, NotFoundError
from csanmt.source_tree import SOURCE_TREE
from release.ledger.ledger import Kind
from release.rollout.deployment import place
from release.rollout.rollback import bento_of, rollback
from release.rollout.site import Site, Tell
from release.rollout.status import Look, Side, look
from release.rollout.switch import switch
from release.rollout.traffic import COLOURS, Colour

TEMPLATES = SOURCE_TREE / "deploy" / "systemd"
# Variables by which the commands find store, ledger and site.
PASSED_ON = ("BENTOML_HOME", "CSANMT_LEDGER", "CSANMT_SITE", "XDG_STATE_HOME")

TEND_SECONDS = 3.0
# Seconds between two starts of what dies again and again: doubled each time.
FIRST_WAIT, LONGEST_WAIT = 1.0, 300.0


@dataclass(slots=True)
class Upkeep:
    """Looks after the colours and the front; remembers how often each was started."""

    site: Site
    tell: Tell = lambda _: None
    _next: dict[str, float] = field(default_factory=dict)
    _wait: dict[str, float] = field(default_factory=dict)
    _tended: float = float("-inf")

    def tend_at_times(self, spare: Colour | None = None) -> None:
        """``tend``, at most every ``TEND_SECONDS``."""
        now = self.site.clock.now()
        if now - self._tended >= TEND_SECONDS:
            self._tended = now
            self.tend(spare)

    def tend(self, spare: Colour | None = None) -> None:
        """Start again what died and is due. Never raises for what it finds.

        Args:
            spare: a colour that somebody watches, whose death is its verdict.
        """
        try:
            if self.site.down.exists():
                return
            now = look(self.site)
            for side in now.sides.values():
                if side.colour == spare or side.ending or side.record is None:
                    continue
                if side.share == 0 and side.release in now.state.left:  # a rollback left it
                    continue
                if side.state == "dead":
                    self._again(side.colour, f"{side.release} on {side.colour} died", side)
                elif side.state == "ready":
                    self._well(side.colour)
            if word := self.site.router.ill() if now.traffic is not None else "":
                self._again("front", word, None)
            else:
                self._well("front")
        except Exception as error:  # a keeper outlives whatever it finds
            self.tell(f"upkeep: {error}")

    def _again(self, what: str, why: str, side: Side | None) -> None:
        now = self.site.clock.now()
        if now < self._next.get(what, 0.0):
            return
        wait = self._wait.get(what, FIRST_WAIT)
        self._wait[what] = min(2 * wait, LONGEST_WAIT)
        self._next[what] = now + wait
        try:
            if side is None:
                self.site.router.start()
            else:
                revive(self.site, side)
        except Exception as error:
            why = f"{why}, and cannot be started again: {error}"
        else:
            why = f"{why}; it is started again"
        self.tell(why)
        self.site.alert.send(why, {"what": what, "next_try_seconds": wait})

    def _well(self, what: str) -> None:
        if self.site.clock.now() > self._next.get(what, 0.0) + LONGEST_WAIT:
            self._wait.pop(what, None)


def revive(site: Site, side: Side) -> None:
    """Start what died on a colour again, from its record; readiness is for others to see.

    Raises:
        CsanmtError: there is nothing to start, or it does not start.
    """
    assert side.record is not None
    with site.exclusive(f"another start of {side.release}"):
        where = site.place(side.colour)
        site.launcher.require(side.record.bento)
        if site.launcher.runs(where):
            site.launcher.stop(where)
        handle = site.launcher.start(side.record.bento, where)
        site.remember(replace(side.record, handle=handle))
    site.note(
        Kind.NOTE, side.release, why="it died and was started again", detail={"colour": side.colour}
    )


def up(site: Site, tell: Tell = lambda _: None) -> str:
    """Bring the site back to what served last, as after a reboot; return the release.

    Where that does not start, a version before it is brought up instead, and an alert sent.

    Raises:
        NotFoundError: nothing is known that served.
        CsanmtError: it could not be started.
    """
    with site.exclusive("the start of the site"):
        site.down.unlink(missing_ok=True)
        now = look(site)
        for word in now.ignored:
            tell(f"ignored: {word}")
        release = _last_served(now)
        side = now.of(release)
        if side is not None and side.state != "ready":
            tell(f"waiting for {release} on {side.colour}, which lives and does not answer")
            answers = site.services[side.colour].ready
            side = side if site.clock.until(answers, site.ready_seconds) else None
        if side is None:
            colour = now.place_for(release)
            bento = bento_of(site, now, release)
            try:
                place(site, release, bento, colour, why="the site was started", tell=tell)
            except (CsanmtError, OSError) as error:
                return _up_before(site, release, error, tell)
            side = look(site).sides[colour]
        if side.share == 100:
            site.router.start()
        else:
            switch(site, side, purpose="failover", why="the site was started")
        for beside in now.sides.values():
            if beside.colour != side.colour and beside.state == "dead" and not beside.ending:
                tell(f"starting {beside.release} on {beside.colour} beside it")
                revive(site, beside)
    return release


def _up_before(site: Site, release: str, error: Exception, tell: Tell) -> str:
    """Where what served last does not start, bring up what served before it."""
    why = f"{release} does not start: {error}"
    tell(why)
    try:
        instead = rollback(site, why=why, tell=tell).release
    except (CsanmtError, OSError) as also:
        site.alert.send(f"{why}; and nothing before it does: {also}", {"release": release})
        raise error from also
    site.alert.send(f"{why}; {instead} serves instead", {"release": release, "to": instead})
    return instead


def down(site: Site, tell: Tell = lambda _: None) -> None:
    """Stop the front, then both colours, each after what it has begun; no keeper starts them."""
    with site.exclusive("the stop of the site"):
        with suppress(OSError):
            site.down.touch()
        tell("stopping nginx")
        site.router.stop()
        for colour in COLOURS:
            if site.launcher.runs(site.place(colour)):
                tell(f"stopping {colour}")
                site.launcher.stop(site.place(colour))


def _last_served(now: Look) -> str:
    if now.state.active:
        return now.state.active
    major = now.sides[now.traffic.major] if now.traffic else None
    for side in (major, *now.sides.values()):
        if side is not None and side.release:
            return side.release
    raise NotFoundError("nothing is known that served here: deploy and promote a version first")


def units(command: Path, home: Path, user: str, environment: Mapping[str, str]) -> dict[str, str]:
    """Systemd's units of a site and logrotate's rule: file name → text.

    Args:
        command: the ``csanmt`` to run.
        home: the site's folder.
        user: whose processes they are.
        environment: where the variables of ``PASSED_ON`` are read from.
    """
    passed = {name: environment[name] for name in PASSED_ON if environment.get(name)}
    passed["CSANMT_SITE"] = str(home)
    lines = "\n".join(f'Environment="{name}={value}"' for name, value in sorted(passed.items()))
    return {
        path.name: Template(path.read_text(encoding="utf-8")).substitute(
            command=command, home=home, user=user, environment=lines
        )
        for path in sorted(TEMPLATES.iterdir())
    }
