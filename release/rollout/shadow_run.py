"""Runs a shadow comparison on a site: copies on, watched for a while, copies off."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

from csanmt.errors import ConflictError
from release.ledger.ledger import Kind
from release.rollout.shadow import Collector, ShadowReport
from release.rollout.site import Site
from release.rollout.traffic import COLOURS, Colour, TrafficMovedError


def shadow(
    site: Site,
    release: str,
    share: float,
    seconds: float,
    tell: Callable[[str], None] = lambda _: None,
) -> ShadowReport:
    """Copy ``share`` percent of the traffic to both colours for ``seconds`` and compare.

    Raises:
        NotFoundError: ``release`` is on no colour.
        ConflictError: it has traffic already, or the traffic was changed meanwhile.
    """
    with site.exclusive(f"shadowing of {release}"):
        deployment = site.colours.running(release)
        before = site.router.state()
        if before.share(deployment.colour) > 0:
            raise ConflictError(f"{release} has {before.share(deployment.colour):g}% already")
        urls: dict[Colour, str] = {c: f"http://{site.addresses[c]}" for c in COLOURS}
        with Collector(urls, api_key=site.api_key) as collector:
            copying = replace(before, shadow=share, shadow_to=collector.address, purpose="shadow")
            generation = site.router.switch(copying, expected=before.generation).generation
            tell(f"{share:g}% of the requests are copied to {release} for {seconds:g} s")
            try:
                site.clock.sleep(seconds)
            finally:
                without = replace(before, shadow=0, shadow_to="", purpose="shadow")
                with suppress(TrafficMovedError):  # who switched since has ended the copies
                    site.router.switch(without, expected=generation)
            report = collector.report()
    site.ledger.append(
        Kind.OBSERVE,
        release,
        who=site.who,
        why=f"shadowed {share:g}% for {seconds:g} s: {report.churn:.1%} of answers differ",
        detail={"shadow": report.to_json()},
    )
    return report
