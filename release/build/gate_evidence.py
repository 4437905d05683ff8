"""Does the gate's evidence speak for this build, by these rules, against what serves now?"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from csanmt.errors import IntegrityError
from release.ledger.ledger import Entry, Ledger
from release.ledger.signed_file import verify_file
from release.ledger.state import fold

if TYPE_CHECKING:
    from benchmarks.evidence import Evidence


def check_evidence(path: Path, build: Entry, ledger: Ledger, signers: Path | None) -> str:
    """Say in words what the evidence holds.

    It must be whole and say promote, be about the model that was built as it is served,
    come from the commit that was built, follow the policy, suites, cases and pins of this
    checkout, and compare with the model of the version in service.

    Args:
        signers: who may sign it off; None: it need not be signed.

    Raises:
        IntegrityError: names everything that does not fit.
        NotFoundError: there is no such file.
    """
    from benchmarks.evidence import verify

    evidence = verify(path, model_digest=build.digests["model"])
    signer = verify_file(path, signers)
    if evidence.waivers and not signer:
        raise IntegrityError(f"{path} waives {'; '.join(evidence.waivers)}: it must be signed")
    wrong = [
        *_subjects(evidence),
        *_code(evidence, build),
        *_rules(evidence),
        *_baseline(evidence, build, ledger),
    ]
    if wrong:
        raise IntegrityError(f"{path}: {'; '.join(wrong)}")
    waived = f", waived: {'; '.join(evidence.waivers)}" if evidence.waivers else ""
    return (
        f"{evidence.decision.word} ({evidence.content['scope']}), {signer or 'not signed'}{waived}"
    )


def _subjects(evidence: Evidence) -> Iterator[str]:
    """Both are models whose files were at hand, asked the way they are served."""
    for who in ("candidate", "baseline"):
        subject = evidence.content[who]
        if subject["kind"] != "model":
            yield f"its {who} is no model at hand but a {subject['kind']}"
        yield from (f"its {who} was asked with {o}" for o in subject.get("overrides", ()))


def _code(evidence: Evidence, build: Entry) -> Iterator[str]:
    code, revision = evidence.content["code"], build.detail.get("revision")
    if revision is not None and code["commit"] != revision:
        yield f"it judges commit {code['commit']}, what was built is {revision}"
    if revision is not None and code["dirty"] is not False:
        yield "it judges a working tree that differs from its commit"


def _rules(evidence: Evidence) -> Iterator[str]:
    """What was applied is what this checkout holds; a milder policy releases nothing."""
    from benchmarks.behaviour import load_cases
    from benchmarks.policy import load_policy
    from benchmarks.suite import load_suite

    policy, content = load_policy(), evidence.content
    if content["policy"]["sha256"] != policy.digest:
        yield "it follows another policy than benchmarks/policy.toml"
        return
    suites = {name: load_suite(name).digest for name in policy.quality.suites}
    found = {name: content["suites"].get(name) for name in suites}
    yield from (f"suite {name} is another" for name in suites if suites[name] != found[name])
    for name, digest in load_cases().digests.items():
        if content["digests"].get(name) != digest:
            yield f"its {name} cases are not those of this checkout"


def _baseline(evidence: Evidence, build: Entry, ledger: Ledger) -> Iterator[str]:
    """The version in service, as the ledger knows it, is what it was compared with."""
    state = fold(ledger.history())
    if state.active is None or state.active == build.version:
        return
    wanted = state.versions[state.active].digests.get("model")
    found = evidence.content["baseline"]["digest"]
    if wanted is not None and found != wanted:
        yield f"it compares with {found}, in service is {state.active} with {wanted}"
