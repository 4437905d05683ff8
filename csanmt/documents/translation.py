"""From a document to its translation, with whatever translates texts.

``Work`` holds what is to be done and what is done already, so that a caller can hand
it out in batches, report progress and stop in between; ``translate_document`` does
all of it with a ``Translator``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from csanmt.document import translatable, translate_texts
from csanmt.documents.limits import DocumentTooLargeError, Limits
from csanmt.documents.protocol import Format, Languages
from csanmt.markup import AlignedText, of_translation, place
from csanmt.translator import DecodingOptions, ShouldStop, Translator

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


@dataclass(slots=True)
class Work:
    """A document's texts and their translations so far.

    Attributes:
        characters: of all text in the document, which is what an allowance is charged.
        sample: its first texts, to tell its language by.
    """

    format: Format
    data: bytes
    limits: Limits
    languages: Languages
    characters: int = 0
    sample: str = ""
    _aligned: dict[str, bool] = field(default_factory=dict)  # by text: has tags somewhere
    _answers: dict[str, AlignedText] = field(default_factory=dict)
    _done: int = 0
    _total: int = 0

    @classmethod
    def begin(
        cls, known: Format, data: bytes, limits: Limits, languages: Languages = Languages()
    ) -> Work:
        """Take the document apart and find its texts.

        Raises:
            DocumentError, DocumentTooLargeError: as ``Format.open``; or too many characters.
        """
        work = cls(known, data, limits, languages)
        for unit in known.open(data, limits, languages).units:
            marked = unit.text
            work.characters += len(marked.text)
            if len(work.sample) < SAMPLE:
                work.sample += marked.text[:SAMPLE] + "\n"
            if work.characters > limits.characters:
                raise DocumentTooLargeError(
                    f"the document holds more than {limits.characters} characters of text"
                )
            if translatable(marked.text, languages.source):
                known_need = work._aligned.get(marked.text, False)
                work._aligned[marked.text] = known_need or not marked.plain
        work._total = sum(map(len, work._aligned))
        return work

    @property
    def progress(self) -> Progress:
        return Progress(self._done, self._total)

    def batches(self) -> Iterator[Batch]:
        """What is left to translate; answer each with ``put``."""
        texts: list[str] = []
        for text in [text for text in self._aligned if text not in self._answers]:
            size = sum(map(len, texts))
            if texts and (len(texts) == BATCH_TEXTS or size + len(text) > BATCH_CHARACTERS):
                yield self._batch(texts)
                texts = []
            texts.append(text)
        if texts:
            yield self._batch(texts)

    def _batch(self, texts: list[str]) -> Batch:
        return Batch(texts, any(self._aligned[text] for text in texts))

    def put(self, batch: Batch, answers: Sequence[AlignedText]) -> None:
        for text, answer in zip(batch.texts, answers, strict=True):
            self._answers[text] = answer
            self._done += len(text)

    def finish(self) -> bytes:
        """The translated document; what has no translation stays as it was."""
        document = self.format.open(self.data, self.limits, self.languages)
        for unit in document.units:
            marked = unit.text
            answer = self._answers.get(marked.text)
            if answer is not None:
                unit.put(place(marked, answer))
        return document.save()


def translate_document(
    translator: Translator,
    known: Format,
    data: bytes,
    options: DecodingOptions = DecodingOptions(),
    *,
    limits: Limits = Limits(),
    should_stop: ShouldStop | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> bytes:
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
    options: DecodingOptions = DecodingOptions(),
    *,
    should_stop: ShouldStop | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> None:
    """Answer all of a document's texts.

    Raises:
        CancelledError: ``should_stop`` answered true.
    """
    for batch in work.batches():
        asked = replace(options, n_best=1, alignment=options.alignment or batch.aligned)
        answers = translate_texts(translator, batch.texts, asked, should_stop=should_stop)
        work.put(batch, [of_translation(answer) for answer in answers])
        if on_progress:
            on_progress(work.progress)
