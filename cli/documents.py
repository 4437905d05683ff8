"""``csanmt translate FILE``: whole documents, offline, each into a file beside it."""

from __future__ import annotations

import argparse
import os.path
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cli.output import note, print_json
from cli.progress import ProgressBar
from csanmt.errors import ConflictError, InvalidInputError, NotFoundError

if TYPE_CHECKING:
    from csanmt.translator import DecodingOptions, Translator

# Asked first: loading the formats takes long.
_LIKE_A_NAME = re.compile(r"\.[a-z]+\Z", re.IGNORECASE)


def named(texts: Sequence[str]) -> list[Path]:
    """The documents that the texts name: files in a format we know; none if they are texts.

    Raises:
        NotFoundError: a text is the name of a document and nothing else, but there is none.
        UnsupportedDocumentError: a text is the name of a file in another format.
        InvalidInputError: documents and texts are mixed.
    """
    found = [path for text in texts if (path := _document(text)) is not None]
    if found and len(found) < len(texts):
        raise InvalidInputError("give either documents or texts, not both")
    return found


def _document(text: str) -> Path | None:
    if text not in ("", ".", "..") and os.path.isdir(text):
        raise InvalidInputError(f"{text!r} is a folder; --input translates folders")
    there = os.path.isfile(text)
    if not there and not _LIKE_A_NAME.search(text):
        return None
    from csanmt.documents.formats import SUFFIXES, find

    if there:
        find(Path(text).name)
        return Path(text)
    # A sentence may end with a file's name.
    if text.lower().endswith(SUFFIXES) and text.isascii() and not re.search(r"\s", text):
        raise NotFoundError(f"no document {text!r}")
    return None


def run(args: argparse.Namespace, documents: Sequence[Path]) -> None:
    """Translate each document.

    Raises:
        DocumentError, DocumentTooLargeError: it is damaged or too large.
        ConflictError: its translation exists and was not named with --output.
    """
    from cli.loading import load

    if args.output and len(documents) > 1:
        raise InvalidInputError("--output names one file, and there are several documents")
    if args.n_best > 1:
        raise InvalidInputError("a document has one translation; --n-best is for texts")
    translator, options = load(args)
    targets = [_target(path, args.output, translator.target_language) for path in documents]
    for path, target in zip(documents, targets, strict=True):
        _translate(path, target, translator, options, args)


def _target(path: Path, output: str | None, language: str) -> Path:
    if output is None:
        target = path.with_name(f"{path.stem}.{language}{path.suffix}")
        if target.exists():
            raise ConflictError(f"{str(target)!r} exists; name it with --output to overwrite it")
        return target
    if Path(output).exists() and Path(output).samefile(path):
        raise InvalidInputError(f"--output {output!r} would overwrite the input")
    return Path(output)


def _translate(
    path: Path,
    target: Path,
    translator: Translator,
    options: DecodingOptions,
    args: argparse.Namespace,
) -> None:
    from csanmt.documents.formats import find
    from csanmt.documents.limits import Limits
    from csanmt.documents.protocol import Languages
    from csanmt.documents.translation import answered, assemble, take_apart
    from csanmt.durable import replacing

    languages = Languages(translator.source_language, translator.target_language)
    document = (find(path.name), path.read_bytes(), Limits(), languages)
    texts, answers = take_apart(*document), dict[str, Any]()
    with ProgressBar(path.name, texts.total) as bar:
        for batch in answered(translator, texts, options):
            answers |= batch
            bar.advance(sum(map(len, batch)))
    assembled = assemble(*document, answers)
    with replacing(target) as stream:
        stream.write(assembled.data)
    if args.json:
        facts = {
            "source": str(path),
            "translation": str(target),
            "format": document[0].name,
            "characters": texts.characters,
            "model": translator.model_tag,
            "warnings": [{"part": left.part, "count": left.count} for left in assembled.left],
        }
        print_json(facts, indent=None)
    else:
        note(f"wrote {target}")
        for left in assembled.left:
            note(f"  {left}")
