"""What is judged: a model behind ``Translator``, a URL, or files of hypotheses.

A subject answers texts with texts, the way its users would get them. Files cannot
be asked anything new, so only quality can be judged from them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Protocol

from benchmarks.suite import Suite, read_lines
from csanmt.errors import InvalidInputError, NotFoundError
from csanmt.translator import DecodingOptions, Translator


class Subject(Protocol):
    """A system under judgement.

    Attributes:
        label: what the report calls it.
        kind: "model", "url" or "hypotheses".
        tag: its version as it names itself.
        digest: of what determines its answers, ``sha256:<hex>``; None if unknown.
        settings: decoding settings and engine; part of the key of cached answers.
        spec: the argument it was named by, for starting it again in a fresh process.
        parallel: ``translate`` may be called by several threads at once.
        overrides: in words, what it is asked with and would not be served with.
        family: whose version it is, architecture and origin; "" where that is unknown.
    """

    @property
    def label(self) -> str: ...

    @property
    def kind(self) -> str: ...

    @property
    def tag(self) -> str: ...

    @property
    def digest(self) -> str | None: ...

    @property
    def settings(self) -> Mapping[str, object]: ...

    @property
    def spec(self) -> str: ...

    @property
    def parallel(self) -> bool: ...

    @property
    def overrides(self) -> tuple[str, ...]: ...

    @property
    def family(self) -> str: ...

    def answers(self, suite: Suite) -> list[str] | None:
        """Ready-made translations of a suite, or None: then ask ``translate``."""
        ...

    def translate(self, texts: Sequence[str]) -> list[str]:
        """One call with all texts: one answer each."""
        ...


class Identified(Protocol):
    """What tells two subjects apart."""

    @property
    def kind(self) -> str: ...

    @property
    def digest(self) -> str | None: ...

    @property
    def settings(self) -> Mapping[str, object]: ...


def same_subject(one: Identified, other: Identified) -> bool:
    """Both are known to be the same model (or file) with the same code and settings."""
    known = one.digest is not None and one.kind == other.kind
    return known and (one.digest, dict(one.settings)) == (other.digest, dict(other.settings))


@dataclass(slots=True)
class ModelSubject:
    """A translator in this process.

    Attributes:
        implementation: digest of the code behind it; part of ``settings``.
        translate_texts: how a text (not only a sentence) is translated; by default
            each text goes to the translator as it is.
    """

    translator: Translator
    options: DecodingOptions = field(default_factory=DecodingOptions)
    label: str = ""
    digest: str | None = None
    engine: str = ""
    implementation: str = ""
    spec: str = ""
    translate_texts: Callable[[Translator, Sequence[str], DecodingOptions], list[str]] | None = None
    overrides: tuple[str, ...] = ()
    family: str = ""
    kind: str = "model"

    def __post_init__(self) -> None:
        self.label = self.label or self.translator.model_tag

    @property
    def tag(self) -> str:
        return self.translator.model_tag

    @property
    def settings(self) -> Mapping[str, object]:
        how = {"engine": self.engine, "implementation": self.implementation}
        return {**how, **asdict(self.options)}

    @property
    def parallel(self) -> bool:
        return self.engine == "native"  # torch brings threads of its own

    def answers(self, suite: Suite) -> list[str] | None:
        return None

    def translate(self, texts: Sequence[str]) -> list[str]:
        if self.translate_texts is not None:
            return self.translate_texts(self.translator, texts, self.options)
        found = self.translator.translate(list(texts), self.options)
        return [translation.text for translation in found]


@dataclass(slots=True)
class HypothesesSubject:
    """Translations in files: one file for one suite, or a folder ``SUITE.en``/``SUITE.txt``."""

    path: Path
    label: str = ""
    kind: str = "hypotheses"
    parallel: bool = False
    overrides: tuple[str, ...] = ()
    family: str = ""
    settings: Mapping[str, object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.path.exists():
            raise NotFoundError(f"{self.path} does not exist")
        self.label = self.label or self.path.name.removesuffix(".en").removesuffix(".txt")

    @property
    def tag(self) -> str:
        return self.label

    @property
    def spec(self) -> str:
        return str(self.path)

    @property
    def digest(self) -> str | None:
        """SHA-256 over the names and contents of the files."""
        files = [self.path] if self.path.is_file() else self._files()
        total = hashlib.sha256()
        for path in files:
            total.update(json.dumps(path.name).encode() + path.read_bytes())
        return "sha256:" + total.hexdigest()

    def _files(self) -> list[Path]:
        return sorted(p for p in self.path.iterdir() if p.suffix in (".en", ".txt"))

    def answers(self, suite: Suite) -> list[str] | None:
        """The lines for ``suite``.

        Raises:
            NotFoundError: the folder has no file for the suite.
            InvalidInputError: the number of lines is another than the suite's.
        """
        path = self.path if self.path.is_file() else self._find(suite.name)
        lines = list(read_lines(path))
        if len(lines) != len(suite.sources):
            raise InvalidInputError(
                f"{path} has {len(lines)} lines, suite {suite.name!r} has {len(suite.sources)}"
            )
        return lines

    def _find(self, suite: str) -> Path:
        for name in (f"{suite}.en", f"{suite}.txt"):
            if (self.path / name).is_file():
                return self.path / name
        raise NotFoundError(f"{self.path} has no {suite}.en or {suite}.txt")

    def translate(self, texts: Sequence[str]) -> list[str]:
        raise InvalidInputError(f"{self.path} holds translations; it cannot be asked for others")
