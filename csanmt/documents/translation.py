"""From a document to its translation, with whatever translates texts.

``Work`` holds what is to be done and what is done already, so that a caller can hand
it out in batches, report progress and stop in between; ``translate_document`` does
all of it with a ``Translator``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from csanmt.documents.leftovers import Left, found
from csanmt.documents.limits import DocumentError, Limits, Meter
from csanmt.documents.protocol import Format, Languages
from csanmt.markup import AlignedText, of_translation, place
from csanmt.texts import translatable, translate_texts
from csanmt.translator import DecodingOptions, ShouldStop, Translator, own_decoding

BATCH_TEXTS = 32
BATCH_CHARACTERS = 2_000
SAMPLE = 1_000  # characters


@dataclass(frozen=True, slots=True)
class Progress:
    """Characters translated so far, and in all (each distinct text counted once)."""

    done: int
    total: int


@dataclass(frozen=True, slots=True)
class Batch:
    """Texts to translate at once; ``aligned``: some have tags, so alignments are needed."""

    texts: list[str]
    aligned: bool


@dataclass(frozen=True, slots=True)
class Texts:
    """What there is to translate in a document.

    Attributes:
        characters: of all text in it, which is what an allowance is charged.
        needed: each distinct text, and whether it has tags somewhere.
        sample: the first texts, to tell the language by.
    """

    characters: int
    needed: dict[str, bool]
    sample: str


def take_apart(known: Format, data: bytes, limits: Limits, languages: Languages) -> Texts:
    """Find the texts of a document.

    Raises:
        DocumentError: as ``Format.open``; or nothing of the Chinese in it is read.
        DocumentTooLargeError: as ``Format.open``.
    """
    document = known.open(data, limits, languages)
    characters, needed, sample = 0, dict[str, bool](), ""
    meter = Meter(limits)
    for unit in document.units:
        text = unit.text
        characters += len(text.text)
        meter.count(len(text.text))
        if len(sample) < SAMPLE:
            sample += text.text[:SAMPLE] + "\n"
        if translatable(text.text, languages.source):
            needed[text.text] = needed.get(text.text, False) or not text.plain
    if not needed and (left := document.left(data)):
        what = ", ".join(map(str, found(left)))
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
    result = document.save()
    return Assembled(result, found(document.left(result)))


@dataclass(slots=True)
class Work:
    """A document's texts and their translations so far."""

    format: Format
    data: bytes
    limits: Limits
    languages: Languages
    texts: Texts
    _answers: dict[str, AlignedText] = field(default_factory=dict)
    _done: int = 0

    @classmethod
    def begin(
        cls, known: Format, data: bytes, limits: Limits, languages: Languages = Languages()
    ) -> Work:
        """Take the document apart; raises as ``take_apart``."""
        return cls(known, data, limits, languages, take_apart(known, data, limits, languages))

    @property
    def progress(self) -> Progress:
        return Progress(self._done, sum(map(len, self.texts.needed)))

    def batches(self) -> Iterator[Batch]:
        """What is left to translate; answer each with ``put``."""
        needed = self.texts.needed.items()
        return batches((text, tags) for text, tags in needed if text not in self._answers)

    def put(self, batch: Batch, answers: Sequence[AlignedText]) -> None:
        for text, answer in zip(batch.texts, answers, strict=True):
            self._answers[text] = answer
            self._done += len(text)

    def finish(self) -> Assembled:
        """The translated document."""
        return assemble(self.format, self.data, self.limits, self.languages, self._answers)


def batches(texts: Iterable[tuple[str, bool]]) -> Iterator[Batch]:
    """Texts, each with whether it has tags, in batches of a size that suits the engine."""
    batch, size, aligned = list[str](), 0, False
    for text, tagged in texts:
        if batch and (len(batch) == BATCH_TEXTS or size + len(text) > BATCH_CHARACTERS):
            yield Batch(batch, aligned)
            batch, size, aligned = [], 0, False
        batch.append(text)
        size, aligned = size + len(text), aligned or tagged
    if batch:
        yield Batch(batch, aligned)


def translate_document(
    translator: Translator,
    known: Format,
    data: bytes,
    options: DecodingOptions | None = None,
    *,
    limits: Limits = Limits(),
    should_stop: ShouldStop | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> Assembled:
    """Translate a whole document.

    Raises:
        DocumentError, DocumentTooLargeError: see ``Work.begin``.
        CancelledError: ``should_stop`` answered true.
    """
    languages = Languages(translator.source_language, translator.target_language)
    work = Work.begin(known, data, limits, languages)
    translate_texts_of(work, translator, options, should_stop=should_stop, on_progress=on_progress)
    return work.finish()


def translate_texts_of(
    work: Work,
    translator: Translator,
    options: DecodingOptions | None = None,
    *,
    should_stop: ShouldStop | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> None:
    """Answer all of a document's texts.

    Raises:
        CancelledError: ``should_stop`` answered true.
    """
    options = options or own_decoding(translator)
    for batch in work.batches():
        asked = replace(options, n_best=1, alignment=options.alignment or batch.aligned)
        answers = translate_texts(translator, batch.texts, asked, should_stop=should_stop)
        work.put(batch, [of_translation(answer) for answer in answers])
        if on_progress:
            on_progress(work.progress)
