"""Sentences through a decoder with nothing protected lost on the way.

A piece that may be a word of its sentence is shown as a copy token, which the search uses exactly
once; by a version that has none as a person's name (before a measure word a number) that neither
the sentence nor its translation without the pieces holds, and the answer is made to contain it.
Where that fails, would cost a person's name or is less likely than the sentence without the pieces,
the sentence is translated without them, and they are set beside the words that their neighbours
became. With more pieces than stand-ins a sentence is cut, and its parts are translated.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import isclose

from csanmt.faults import written
from csanmt.protected import cutting
from csanmt.protected.finder import Protected, find
from csanmt.protected.names import (
    MOST,
    argument,
    lost_names,
    lost_pronouns,
    numerals,
    stand_ins,
    words_of,
)
from csanmt.protected.restore import occurrences, restore
from csanmt.protected.sentence import Guarded, Label, guard
from csanmt.quantities import mentions, missing_values, missing_written
from csanmt.sentence_decoder import Decoded, SentenceDecoder
from csanmt.terms import Demand
from csanmt.translator import Hypothesis, Translation

_ATTEMPTS = 2  # sets of stand-ins that are tried
# Nats by which a stand-in that is a word of the sentence makes it likelier at least.
_NAME_GAIN, _TOKEN_GAIN = 0.5, 0.0
_WORD = re.compile(r"[A-Za-z0-9']+")
_TWICE = re.compile(r"\d,\d{3} (?:hundred|thousand|million|billion)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Sentence:
    """A sentence and what is protected in it.

    Attributes:
        words: the pieces that may stand for a word of it.
    """

    source: str
    pieces: list[Protected]
    words: list[Protected]


@dataclass(frozen=True)
class Guarding:
    """Translates sentences with one decoder and its options.

    Attributes:
        foreign: whether the model cannot read a character.
        repair_numbers: as ``csanmt.version.Behaviour`` has it.
    """

    decoder: SentenceDecoder
    foreign: Callable[[str], bool]
    repair_numbers: bool

    @property
    def _copies(self) -> int:
        return len(self.decoder.tokenizer.copy_ids("target"))

    def translate(self, sources: Sequence[str]) -> list[Translation]:
        sentences = [self._sentence(source) for source in sources]
        results: list[Translation | None] = [None] * len(sources)
        direct: dict[int, Guarded] = {}
        worded: dict[int, _Sentence] = {}
        cut: dict[int, list[cutting.Range]] = {}
        for i, sentence in enumerate(sentences):
            most = self._copies or MOST
            if sentence.pieces and not _words_beside(sentence):
                results[i] = _unchanged(sentence.source)
            elif len(sentence.words) > most:
                cut[i] = cutting.between_pieces(sentence.source, sentence.words, most)
            elif sentence.words:
                worded[i] = sentence
            else:
                direct[i] = self._guard(sentence)
        found = self._direct(sources, direct) | self._worded(worded) | self._cut(sources, cut)
        return [found.get(i, result) or _unchanged(sources[i]) for i, result in enumerate(results)]

    def _sentence(self, source: str) -> _Sentence:
        pieces = find(source, self.decoder.options.protect)
        return _Sentence(source, pieces, words_of(source, pieces))

    def _guard(self, sentence: _Sentence, labels: Sequence[Label] = ()) -> Guarded:
        """The sentence with its words' labels; without them, and what is no word, carried."""
        rest = iter(labels)
        own = [next(rest, None) if p in sentence.words else None for p in sentence.pieces]
        return guard(sentence.source, self.foreign, sentence.pieces, own)

    # -- without stand-ins

    def _direct(self, sources: Sequence[str], guards: dict[int, Guarded]) -> dict[int, Translation]:
        decoded = self.decoder.decode(list(guards.values()))
        results = {
            i: self._finished(sources[i], guarded, answer)
            for (i, guarded), answer in zip(guards.items(), decoded, strict=True)
        }
        return self._repaired(guards, results) if self.repair_numbers else results

    def _repaired(
        self, guards: dict[int, Guarded], results: dict[int, Translation]
    ) -> dict[int, Translation]:
        """Those that lost a quantity decoded once more with it forced, where that helps."""
        lost = {i: lost_quantities(guards[i].text, t.text) for i, t in results.items()}
        todo = [i for i, wanted in lost.items() if wanted]
        decoded = self.decoder.decode([guards[i] for i in todo], [lost[i] for i in todo])
        for i, answer in zip(todo, decoded, strict=True):
            better = self._finished(results[i].source, guards[i], answer)
            sound = not better.truncated and not multiplied_twice(better.text)
            if sound and not lost_quantities(guards[i].text, better.text):
                results[i] = better
        return results

    def _finished(self, source: str, guarded: Guarded, decoded: Decoded) -> Translation:
        if not decoded.hypotheses:  # what the sentence carries, or nothing if it is blank
            text = source if guarded.carried else ""
            return Translation(source, (Hypothesis(text, 0.0),), 0)
        finished = []
        for hypothesis, copied in zip(decoded.hypotheses, decoded.copied, strict=True):
            found = restore(hypothesis, guarded, copied)
            unasked = found.alignment is not None and not self.decoder.options.alignment
            finished.append(replace(found, alignment=None) if unasked else found)
        return Translation(source, tuple(finished), decoded.source_tokens)

    # -- with stand-ins

    def _worded(self, sentences: dict[int, _Sentence]) -> dict[int, Translation]:
        """With stand-ins where they serve as words and nobody is lost; else carried."""
        if not sentences:
            return {}
        bare = {i: self._guard(s) for i, s in sentences.items()}
        own = dict(zip(bare, self.decoder.decode(list(bare.values())), strict=True))
        results: dict[int, Translation] = {}
        for attempt in range(_ATTEMPTS):
            guards = {
                i: self._guard(sentence, labels)
                for i, sentence in sentences.items()
                if i not in results
                and own[i].hypotheses
                and (labels := self._labels(sentence, own[i].hypotheses[0].text, attempt))
            }
            decoded = self.decoder.decode(list(guards.values()))
            for (i, guarded), answer in zip(guards.items(), decoded, strict=True):
                without = own[i].hypotheses[0]
                if not answer.hypotheses or not _sound(answer.hypotheses[0], guarded, without):
                    continue
                if self._serves(sentences[i], answer.hypotheses[0], guarded, without):
                    results[i] = self._finished(sentences[i].source, guarded, answer)
        for i, guarded in bare.items():
            if i not in results:
                results[i] = self._finished(sentences[i].source, guarded, own[i])
        return results

    def _labels(self, sentence: _Sentence, without: str, attempt: int) -> Sequence[Label]:
        """A label for each word, other ones in each attempt; none if there are too few."""
        if not self._copies:
            return stand_ins(sentence.source, sentence.words, without, attempt)
        numbers = numerals(sentence.source, sentence.words, without)
        if attempt:
            return range(len(sentence.words)) if numbers else ()
        return [numbers.get(i, i) for i in range(len(sentence.words))]

    def _serves(
        self, sentence: _Sentence, shown: Hypothesis, guarded: Guarded, without: Hypothesis
    ) -> bool:
        """The pieces are words of the sentence, so that stand-ins do not change what it says.

        A note or a tag between two words is none: shown as a name it would become somebody.
        """
        if any(argument(sentence.source, piece) for piece in sentence.words):
            return True
        labels = {str(s.label).lower() for s in guarded.standins if isinstance(s.label, str)}
        said = {w.lower() for w in _WORD.findall(shown.text)} - labels
        if said == {w.lower() for w in _WORD.findall(without.text)}:
            return True
        gain = len(sentence.words) * (_TOKEN_GAIN if self._copies else _NAME_GAIN)
        return self._logarithm(shown) >= self._logarithm(without) + gain

    def _logarithm(self, hypothesis: Hypothesis) -> float:
        """log P of a hypothesis, its length penalty undone."""
        return (
            hypothesis.score * ((6 + hypothesis.tokens) / 6) ** self.decoder.options.length_penalty
        )

    # -- in parts

    def _cut(
        self, sources: Sequence[str], cuts: dict[int, list[cutting.Range]]
    ) -> dict[int, Translation]:
        wanted = [sources[i][slice(*span)] for i, spans in cuts.items() for span in spans]
        found = dict(zip(wanted, self.translate(wanted), strict=True)) if wanted else {}
        return {
            i: cutting.joined(sources[i], [(s, found[sources[i][slice(*s)]]) for s in spans])
            for i, spans in cuts.items()
        }


def _words_beside(sentence: _Sentence) -> bool:
    """Something beside the protected pieces is left to translate."""
    starts, ends = [0, *(p.end for p in sentence.pieces)], [p.start for p in sentence.pieces]
    rest = zip(starts, [*ends, len(sentence.source)], strict=True)
    return any(any(map(str.isalnum, sentence.source[a:b])) for a, b in rest)


def _unchanged(source: str) -> Translation:
    whole = ((0, len(source)), (0, len(source)))
    return Translation(source, (Hypothesis(source, 0.0, alignment=(whole,)),), 0)


def _sound(shown: Hypothesis, guarded: Guarded, without: Hypothesis) -> bool:
    """Every name that stands for a piece is there, and every person still is."""
    labels = [s.label for s in guarded.standins if isinstance(s.label, str)]
    text = shown.text
    everybody = not (
        lost_names(without.text, text) or lost_pronouns(guarded.text, without.text, text)
    )
    return everybody and all(occurrences(name, text) for name in labels)


def multiplied_twice(answer: str) -> bool:
    """The answer goes on with a magnitude behind a number that is written out."""
    return bool(_TWICE.search(answer))


def lost_quantities(source: str, answer: str) -> list[Demand]:
    """The quantities of ``source`` that ``answer`` does not name, as an answer would write them.

    Digits stay as they are; with 万 or 亿 behind them they are multiplied out, as are characters.
    """
    missing = missing_values(source, answer)
    found = []
    for start, end, text, value in mentions(source) if missing else ():
        if value in missing:
            missing.remove(value)
            plain = text.replace(",", "").replace(".", "").isdigit()
            found.append(Demand(start, end, text if plain else _in_english(value)))
    found += [Demand(a, b, _in_english(value)) for a, b, value in missing_written(source, answer)]
    return sorted(found, key=lambda demand: demand.start)


def _in_english(value: float) -> str:
    """3.2 million, but 350,000."""
    for scale, word in ((1e12, "trillion"), (1e9, "billion"), (1e6, "million")):
        if value >= scale and isclose(value, round(value / scale, 3) * scale):
            return f"{round(value / scale, 3):.15g} {word}"
    return written(value)
