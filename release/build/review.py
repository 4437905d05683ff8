"""The human spot check: a sample to read, and a signature in the ledger."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Sequence
from dataclasses import dataclass

from csanmt.errors import InvalidInputError
from csanmt.translator import DecodingOptions, Translator
from release.ledger.ledger import Entry, Kind, Ledger

SAMPLE_SIZE = 20


@dataclass(frozen=True)
class SampleLine:
    """One sentence and what the version makes of it."""

    source: str
    translation: str


def choose(sources: Sequence[str], version: str, size: int = SAMPLE_SIZE) -> list[str]:
    """Return ``size`` sentences, the same ones each time for one version."""
    seed = int.from_bytes(hashlib.sha256(version.encode()).digest()[:8], "big")
    lines = sorted({line.strip() for line in sources if line.strip()})
    return random.Random(seed).sample(lines, min(size, len(lines)))


def make_sample(
    translator: Translator, sources: Sequence[str], version: str, size: int = SAMPLE_SIZE
) -> list[SampleLine]:
    """Translate the sample of a version."""
    chosen = choose(sources, version, size)
    done = translator.translate(chosen, DecodingOptions())
    return [
        SampleLine(source, item.hypotheses[0].text if item.hypotheses else "")
        for source, item in zip(chosen, done, strict=True)
    ]


def sample_digest(sample: Sequence[SampleLine]) -> str:
    """Return ``sha256:<hex>`` over what was shown, so that a signature is about something."""
    text = "".join(f"{line.source}\t{line.translation}\n" for line in sample)
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def record_review(
    ledger: Ledger,
    version: str,
    sample: Sequence[SampleLine],
    *,
    approved: bool,
    who: str,
    why: str,
) -> Entry:
    """Write a person's decision on a sample into the ledger.

    Raises:
        InvalidInputError: the version was never built, so there is nothing to sign.
    """
    if ledger.last(Kind.BUILD, version) is None:
        raise InvalidInputError(f"{version} was never built here: there is nothing to sign off")
    return ledger.append(
        Kind.REVIEW, version, who=who, why=why, digests={"sample": sample_digest(sample)},
        detail={"approved": approved, "lines": len(sample)},
    )  # fmt: skip
