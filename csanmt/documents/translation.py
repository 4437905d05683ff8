"""From a document to its translation, with whatever translates texts.

``take_apart`` finds the texts and ``assemble`` puts the answers in their places, for those who
translate them elsewhere; ``answered`` asks a translator, ``translate_document`` goes the whole way.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from csanmt.documents.leftovers import Left, found
from csanmt.documents.limits import DocumentError, Limits
from csanmt.documents.protocol import Format, Languages, remaining
from csanmt.markup import AlignedText, of_translation, place
from csanmt.texts import translatable, translate_texts
from csanmt.translator import DecodingOptions, ShouldStop, Translator, own_decoding

BATCH_TEXTS = 32
BATCH_CHARACTERS = 2_000
SAMPLE = 1_000  # characters
Batch = dict[str, bool]  # texts to translate at once, and whether each has tags


@dataclass(frozen=True, slots=True)
class Texts:
    """What there is to translate in a document.

    Attributes:
        characters: of all text in it (``MarkedText.characters``), which an allowance is charged.
        needed: each distinct text, and whether it has tags somewhere.
        sample: the first texts, to tell the language by.
    """

    characters: int
    needed: dict[str, bool]
    sample: str

    @property
    def total(self) -> int:
        """Characters to translate, each distinct text counted once."""
        return sum(map(len, self.needed))


def take_apart(known: Format, data: bytes, limits: Limits, languages: Languages) -> Texts:
    """Find the texts of a document.

    Raises:
        DocumentError: as ``Format.open``; or nothing of the Chinese in it is read.
        DocumentTooLargeError: as ``Format.open``.
    """
    document = known.open(data, limits, languages)
    characters, needed, sample = 0, dict[str, bool](), ""
    for unit in document.units:
        text = unit.text
        characters += text.characters
        if len(sample) < SAMPLE:
            sample += text.text[:SAMPLE] + "\n"
        if translatable(text.text, languages.source):
            needed[text.text] = needed.get(text.text, False) or not text.plain
    if not needed and (left := found(remaining(document))):
        what = ", ".join(map(str, left))
        raise DocumentError(f"nothing in the document can be translated: {what}")
    return Texts(characters, needed, sample)


@dataclass(frozen=True, slots=True)
class Assembled:
    """A translated document.

    Attributes:
        left: what in it is Chinese still.
    """

    data: bytes
    left: tuple[Left, ...]


def assemble(
    known: Format,
    data: bytes,
    limits: Limits,
    languages: Languages,
    answers: Mapping[str, AlignedText],
) -> Assembled:
    """Put the answers in their places; what has none stays as it was."""
    document = known.open(data, limits, languages)
    for unit in document.units:
        text = unit.text
        answer = answers.get(text.text)
        if answer is not None:
            unit.put(place(text, answer))
    return Assembled(document.save(), found(remaining(document)))


def batches(texts: Iterable[tuple[str, bool]]) -> Iterator[Batch]:
    """Distinct texts, each with whether it has tags, in batches of a size that suits the engine."""
    batch, size = Batch(), 0
    for text, tagged in texts:
        if batch and (len(batch) == BATCH_TEXTS or size + len(text) > BATCH_CHARACTERS):
            yield batch
            batch, size = Batch(), 0
        batch[text] = tagged
        size += len(text)
    if batch:
        yield batch


def answered(
    translator: Translator,
    texts: Texts,
    options: DecodingOptions | None = None,
    should_stop: ShouldStop | None = None,
) -> Iterator[dict[str, AlignedText]]:
    """The answers to all of a document's texts, a batch after the other; options by default the
    translator's own.

    Raises:
        CancelledError: ``should_stop`` answered true.
    """
    options = options or own_decoding(translator)
    for batch in batches(texts.needed.items()):
        aligned = options.alignment or any(batch.values())
        asked = replace(options, n_best=1, alignment=aligned)
        answers = translate_texts(translator, list(batch), asked, should_stop=should_stop)
        yield dict(zip(batch, map(of_translation, answers), strict=True))


def translate_document(
    translator: Translator,
    known: Format,
    data: bytes,
    options: DecodingOptions | None = None,
    *,
    limits: Limits = Limits(),
    should_stop: ShouldStop | None = None,
) -> Assembled:
    """Translate a whole document; options and errors as ``take_apart`` and ``answered``."""
    languages = Languages(translator.source_language, translator.target_language)
    texts = take_apart(known, data, limits, languages)
    answers = dict[str, AlignedText]()
    for batch in answered(translator, texts, options, should_stop):
        answers |= batch
    return assemble(known, data, limits, languages, answers)
