"""What is judged: a model behind ``Translator``, a URL (``remote``), or files of hypotheses.

A subject answers texts with texts, the way its users would get them. Files cannot
be asked anything new, so only quality can be judged from them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path

from benchmarks.suite import Suite, read_lines
from csanmt.errors import InvalidInputError
from csanmt.translator import DecodingOptions, Translator


@dataclass
class SubjectInfo:
    """Who a subject is.

    Attributes:
        label: what the report calls it.
        kind: "model", "url" or "hypotheses".
        tag: its version as it names itself.
        digest: of what determines its answers, ``sha256:<hex>``; None if unknown.
        settings: decoding settings and engine; part of the key of cached answers.
        overrides: in words, what it is asked with and would not be served with.
        family: whose version it is, architecture and origin; "" where that is unknown.
    """

    label: str = ""
    kind: str = "model"
    tag: str = ""
    digest: str | None = None
    settings: Mapping[str, object] = field(default_factory=dict)
    overrides: tuple[str, ...] = ()
    family: str = ""


@dataclass
class Subject(SubjectInfo):
    """A system under judgement.

    Attributes:
        spec: the argument it was named by, for starting it again in a fresh process.
        parallel: ``translate`` may be called by several threads at once.
    """

    spec: str = ""
    parallel: bool = False

    @property
    def info(self) -> SubjectInfo:
        return SubjectInfo(**{f.name: getattr(self, f.name) for f in fields(SubjectInfo)})

    def answers(self, suite: Suite) -> list[str] | None:
        """Ready-made translations of a suite, or None: then ask ``translate``."""
        return None

    def translate(self, texts: Sequence[str]) -> list[str]:
        """One call with all texts: one answer each."""
        raise NotImplementedError


class Progress:
    """Told how far a long judgement of subjects is; this one says nothing."""

    def start(self, what: str, total: int) -> None: ...

    def advance(self, count: int) -> None: ...

    def finish(self) -> None: ...


SILENT = Progress()


def same_subject(one: SubjectInfo, other: SubjectInfo) -> bool:
    """Both are known to be the same model (or file) with the same code and settings."""
    known = one.digest is not None and one.kind == other.kind
    same = known and (one.digest, dict(one.settings)) == (other.digest, dict(other.settings))
    return one is other or same


@dataclass
class ModelSubject(Subject):
    """A translator in this process, asked for texts as the service asks it."""

    translator: Translator = field(kw_only=True)
    options: DecodingOptions = field(default_factory=DecodingOptions)

    def translate(self, texts: Sequence[str]) -> list[str]:
        from csanmt.texts import translate_texts

        return [r.text for r in translate_texts(self.translator, texts, self.options)]


class HypothesesSubject(Subject):
    """Translations in files: one file for one suite, or a folder of ``SUITE.en``."""

    def __init__(self, path: Path) -> None:
        files = [path] if path.is_file() else sorted(path.glob("*.en"))
        total = hashlib.sha256()
        for file in files:
            total.update(json.dumps(file.name).encode() + file.read_bytes())
        name = path.name.removesuffix(".en").removesuffix(".txt")
        super().__init__(name, "hypotheses", name, f"sha256:{total.hexdigest()}", spec=str(path))
        self.path = path

    def answers(self, suite: Suite) -> list[str] | None:
        """The lines for ``suite``.

        Raises:
            NotFoundError: the folder has no file for the suite.
            InvalidInputError: the number of lines is another than the suite's.
        """
        path = self.path / f"{suite.name}.en" if self.path.is_dir() else self.path
        lines = list(read_lines(path))
        if len(lines) != len(suite.sources):
            raise InvalidInputError(
                f"{path} has {len(lines)} lines, suite {suite.name!r} has {len(suite.sources)}: "
                "say with --suite which suite it translates"
            )
        return lines

    def translate(self, texts: Sequence[str]) -> list[str]:
        raise InvalidInputError(f"{self.path} holds translations; it cannot be asked for others")
