"""Sentences through a decoder with nothing protected lost on the way.

With copy tokens each protected piece is one of them and the search uses each exactly once.
Without, a piece is shown as a person's name that neither the sentence nor its translation
without the pieces holds, and the answer is made to contain it. Where that fails, or a sentence
holds more pieces than there are stand-ins, it is cut, and its parts are translated.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from csanmt.protected import cutting
from csanmt.protected.finder import Protected, find
from csanmt.protected.names import MOST, free_names, lost_names
from csanmt.protected.restore import occurrences, restore
from csanmt.protected.sentence import Guarded, guard
from csanmt.sentence_decoder import Decoded, SentenceDecoder
from csanmt.translator import DecodingOptions, Hypothesis, Translation

_ATTEMPTS = 2  # sets of names that are tried


@dataclass(frozen=True, slots=True)
class _Sentence:
    source: str
    pieces: list[Protected]


class Guarding:
    """Translates sentences with one decoder (which has its own options)."""

    def __init__(self, decoder: SentenceDecoder, options: DecodingOptions) -> None:
        self._decoder = decoder
        self._options = options
        self._represents = decoder.tokenizer.represents
        self._copies = len(decoder.tokenizer.copy_ids("target"))

    def translate(self, sources: Sequence[str]) -> list[Translation]:
        sentences = [_Sentence(s, find(s, self._options.protect)) for s in sources]
        results: list[Translation | None] = [None] * len(sources)
        direct: dict[int, Guarded] = {}
        named: dict[int, _Sentence] = {}
        cut: dict[int, list[tuple[cutting.Range, bool]]] = {}
        for i, sentence in enumerate(sentences):
            most = self._copies or min(MOST, len(free_names(sentence.source)))
            if sentence.pieces and not _words_beside(sentence):
                results[i] = _unchanged(sentence.source)
            elif len(sentence.pieces) > most:
                cut[i] = _parts(sentence, most)
            elif sentence.pieces and not self._copies:
                named[i] = sentence
            else:
                direct[i] = self._guard(sentence, range(self._copies))
        for i, translation in self._direct(sources, direct).items():
            results[i] = translation
        for i, found in self._named(named).items():
            results[i] = found
            if found is None:
                cut[i] = cutting.around_pieces(sentences[i].source, sentences[i].pieces)
        for i, translation in self._cut(sources, cut).items():
            results[i] = translation
        return [result for result in results if result is not None]

    def _guard(self, sentence: _Sentence, labels: Sequence[str | int]) -> Guarded:
        return guard(sentence.source, self._represents, sentence.pieces, labels)

    # -- without stand-ins or with copy tokens

    def _direct(self, sources: Sequence[str], guards: dict[int, Guarded]) -> dict[int, Translation]:
        decoded = self._decoder.decode(list(guards.values()))
        return {
            i: self._finished(sources[i], guarded, answer)
            for (i, guarded), answer in zip(guards.items(), decoded, strict=True)
        }

    def _finished(self, source: str, guarded: Guarded, decoded: Decoded) -> Translation:
        if not decoded.hypotheses:  # what the sentence carries, or nothing if it is blank
            text = source if guarded.carried else ""
            return Translation(source, (Hypothesis(text, 0.0),), 0)
        finished = []
        for hypothesis, copied in zip(decoded.hypotheses, decoded.copied, strict=True):
            found = restore(hypothesis, guarded, copied)
            finished.append(found if self._options.alignment else replace(found, alignment=None))
        return Translation(source, tuple(finished), decoded.source_tokens)

    # -- names

    def _named(self, sentences: dict[int, _Sentence]) -> dict[int, Translation | None]:
        """With names; None where a piece or a person would be lost."""
        if not sentences:
            return {}
        bare = [guard(s.source, self._represents, s.pieces) for s in sentences.values()]
        own = [d.hypotheses[0].text if d.hypotheses else "" for d in self._decoder.decode(bare)]
        without = dict(zip(sentences, own, strict=True))
        results: dict[int, Translation | None] = dict.fromkeys(sentences)
        for attempt in range(_ATTEMPTS):
            todo = [i for i, found in results.items() if found is None]
            guards = {
                i: self._guard(sentences[i], names)
                for i in todo
                if (names := _names(sentences[i], without[i], attempt))
            }
            decoded = self._decoder.decode(list(guards.values()))
            for (i, guarded), answer in zip(guards.items(), decoded, strict=True):
                if answer.hypotheses and _sound(answer.hypotheses[0].text, guarded, without[i]):
                    results[i] = self._finished(sentences[i].source, guarded, answer)
        return results

    # -- in parts

    def _cut(
        self, sources: Sequence[str], cuts: dict[int, list[tuple[cutting.Range, bool]]]
    ) -> dict[int, Translation]:
        todo = [
            (i, span, kept, sources[i][slice(*span)])
            for i, parts in cuts.items()
            for span, kept in parts
        ]
        wanted = [text for _, _, kept, text in todo if not kept and any(map(str.isalnum, text))]
        found = dict(zip(wanted, self.translate(wanted), strict=True)) if wanted else {}
        results = {}
        for i in cuts:
            parts = [
                (span, None if kept else found.get(text)) for k, span, kept, text in todo if k == i
            ]
            results[i] = cutting.joined(sources[i], parts)
        return results


def _parts(sentence: _Sentence, most: int) -> list[tuple[cutting.Range, bool]]:
    if not most:
        return cutting.around_pieces(sentence.source, sentence.pieces)
    ranges = cutting.between_pieces(sentence.source, sentence.pieces, most)
    return [(span, False) for span in ranges]


def _words_beside(sentence: _Sentence) -> bool:
    """Something beside the protected pieces is left to translate."""
    at = 0
    for piece in sentence.pieces:
        if any(map(str.isalnum, sentence.source[at : piece.start])):
            return True
        at = piece.end
    return any(map(str.isalnum, sentence.source[at:]))


def _unchanged(source: str) -> Translation:
    whole = ((0, len(source)), (0, len(source)))
    return Translation(source, (Hypothesis(source, 0.0, alignment=(whole,)),), 0)


def _names(sentence: _Sentence, without: str, attempt: int) -> list[str]:
    """A name for each piece, others in each attempt; none if there are too few."""
    count = len(sentence.pieces)
    names = free_names(sentence.source, without)
    names = [*names[attempt * count :], *names[: attempt * count]] if len(names) > count else names
    return names[:count] if len(names) >= count else []


def _sound(text: str, guarded: Guarded, without: str) -> bool:
    """Every name that stands for a piece is there, and every person's name still is."""
    labels = [s.label for s in guarded.standins if isinstance(s.label, str)]
    return all(occurrences(name, text) for name in labels) and not lost_names(without, text)
