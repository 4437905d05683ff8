"""Test suites as data: a folder with source, references and a ``suite.toml``.

Built-in suites live in ``benchmarks/suites/``. A suite is named by its built-in
name, by the path of a folder or of a ``.tsv`` (source, reference), or as ``sacrebleu:wmt22``
(downloaded by sacreBLEU).
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from glob import escape
from pathlib import Path

from csanmt.errors import InvalidInputError, NotFoundError, UnavailableError
from csanmt.tables import build, read_toml

SUITES_DIR = Path(__file__).parent / "suites"
QUALITY_SUITES = ("tatoeba", "ntrex128", "tico19")


@dataclass(frozen=True, slots=True)
class _Description:
    """``suite.toml``; files are named relative to it."""

    source: str
    name: str = ""
    description: str = ""
    kind: str = "quality"
    references: tuple[str, ...] = ()
    documents: str = ""
    domains: str = ""
    licence: str = ""
    licence_file: str = ""
    original_language: str = ""


@dataclass(frozen=True, slots=True)
class Suite:
    """One test set.

    Attributes:
        sources: n source sentences.
        references: r reference translations of each source, r lists of n lines.
        documents, domains: n names each, or empty.
        licence: SPDX name or a sentence.
    """

    name: str
    sources: tuple[str, ...]
    references: tuple[tuple[str, ...], ...] = ()
    documents: tuple[str, ...] = ()
    domains: tuple[str, ...] = ()
    description: str = ""
    licence: str = ""

    def __post_init__(self) -> None:
        if not self.sources:
            raise InvalidInputError(f"suite {self.name!r} has no sentences")
        columns = [(f"reference {i + 1}", r) for i, r in enumerate(self.references)]
        named = (("documents", self.documents), ("domains", self.domains))
        columns += [(what, lines) for what, lines in named if lines]
        for what, lines in columns:
            if len(lines) != len(self.sources):
                raise InvalidInputError(
                    f"suite {self.name!r}: {what} has {len(lines)} lines, "
                    f"the source has {len(self.sources)}"
                )

    @property
    def digest(self) -> str:
        """SHA-256 (hex) over everything a score depends on; the path is not part of it."""
        content = [self.name, "quality", self.sources, self.references, self.documents, []]
        content += [self.domains] if self.domains else []
        return hashlib.sha256(json.dumps(content, ensure_ascii=False).encode()).hexdigest()


def read_lines(path: Path) -> tuple[str, ...]:
    """Lines of a UTF-8 file, split at line feeds only (U+2028 and others stay inside)."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        raise NotFoundError(f"{path} does not exist") from None
    except OSError as error:
        raise InvalidInputError(f"{path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise InvalidInputError(f"{path} is not UTF-8 (byte {error.start})") from None
    lines = text.split("\n")
    if lines and lines[-1] == "":
        lines.pop()
    return tuple(line.rstrip("\r") for line in lines)


def load_suite(name_or_path: str) -> Suite:
    """Load a built-in suite, a folder, a ``.tsv``, or ``sacrebleu:SET``.

    Raises:
        NotFoundError: no such suite. InvalidInputError: its files disagree.
        UnavailableError: sacreBLEU could not download the set.
    """
    if name_or_path.startswith("sacrebleu:"):
        return _load_sacrebleu(name_or_path.removeprefix("sacrebleu:"))
    builtin = SUITES_DIR / name_or_path
    if "/" not in name_or_path and (builtin / "suite.toml").is_file():
        return load_folder(builtin)
    path = Path(name_or_path)
    if path.is_dir():
        return load_folder(path)
    if path.suffix == ".tsv":
        return _load_tsv(path)
    known = ", ".join(builtin_names())
    raise NotFoundError(f"no suite {name_or_path!r}: built in are {known}; or a folder, a .tsv")


def builtin_names() -> list[str]:
    return sorted(p.parent.name for p in SUITES_DIR.glob("*/suite.toml"))


def load_folder(folder: Path) -> Suite:
    """Load a folder with a ``suite.toml``, or with ``NAME.zh`` and ``NAME.en`` (or several
    ``NAME.ref….en``); other files beside them are not references."""
    place = folder / "suite.toml"
    about = build(_Description, read_toml(place), f"{place}: ") if place.is_file() else None
    about = about or _guessed(folder)
    return Suite(
        name=about.name or folder.resolve().name,
        sources=read_lines(folder / about.source),
        references=tuple(read_lines(folder / name) for name in about.references),
        documents=read_lines(folder / about.documents) if about.documents else (),
        domains=read_lines(folder / about.domains) if about.domains else (),
        description=about.description,
        licence=about.licence,
    )


def _load_tsv(path: Path) -> Suite:
    rows = [line.split("\t") for line in read_lines(path)]
    if any(len(row) < 2 for row in rows):
        raise InvalidInputError(f"{path}: a line is not source<TAB>reference")
    return Suite(path.stem, tuple(row[0] for row in rows), (tuple(row[1] for row in rows),))


def _guessed(folder: Path) -> _Description:
    sources = sorted(folder.glob("*.zh"))
    stem = sources[0].stem if len(sources) == 1 else ""
    more = sorted(folder.glob(f"{escape(stem)}.ref*.en"))
    names = [f"{stem}.en", *(path.name for path in more)]
    references = tuple(name for name in names if stem and (folder / name).is_file())
    if not references:
        raise NotFoundError(f"{folder} has no suite.toml (nor one NAME.zh with its NAME.en)")
    return _Description(f"{stem}.zh", references=references)


def _load_sacrebleu(test_set: str) -> Suite:
    import sacrebleu

    known = test_set in sacrebleu.get_available_testsets()
    if not known or "zh-en" not in sacrebleu.get_langpairs_for_testset(test_set):
        raise NotFoundError(f"sacreBLEU knows no test set {test_set!r} of zh-en")
    try:
        source = sacrebleu.get_source_file(test_set, "zh-en")
        references = sacrebleu.get_reference_files(test_set, "zh-en")
    except (Exception, SystemExit) as error:  # no network, a damaged archive, a wrong digest
        raise UnavailableError(f"sacreBLEU could not download {test_set}: {error}") from None
    return Suite(
        name=f"sacrebleu-{test_set}",
        sources=read_lines(Path(source)),
        references=tuple(read_lines(Path(r)) for r in references),
        description=f"sacreBLEU's {test_set}, zh-en",
    )
