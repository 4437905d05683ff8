"""A bulk translation from its inputs to its summary."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from bulk.compression import compressing
from bulk.formats import Format, open_format
from bulk.inputs import InputFile, Survey, find_inputs, survey
from bulk.manifest import Cutting, Manifest, Model
from bulk.records import Answer, Answers, Chunk, Layout, cut
from bulk.state import RunState
from csanmt.durable import file_sha256
from csanmt.errors import IntegrityError, InvalidInputError
from csanmt.translator import DecodingOptions


class Pool(Protocol):
    """Whoever translates chunks, in any order."""

    def translate(self, chunks: Iterator[Chunk]) -> Iterator[tuple[Chunk, Answers]]:
        """Every chunk with its answers, as they come; chunks are taken as there is room."""
        ...


@dataclass(frozen=True, slots=True)
class Corpus:
    """What to translate, from where to where, and how.

    Attributes:
        inputs: files and folders.
        output: folder; the outputs have the inputs' names, folders below an input's kept.
    """

    inputs: tuple[Path, ...]
    output: Path
    model: Model
    decoding: DecodingOptions
    layout: Layout = field(default_factory=Layout)
    cutting: Cutting = field(default_factory=Cutting)


# Called with the records done so far and those there are in all.
Watch = Callable[[int, int], None]


def translate_corpus(
    corpus: Corpus, pool: Pool, watch: Watch = lambda _done, _total: None
) -> dict[str, Any]:
    """Translate ``corpus``, or go on with it, and return the summary.

    Raises:
        InvalidInputError: an input cannot be read, or holds a bad record and the policy
            is ``fail``; nothing has been translated.
        ConflictError: the output folder holds a run with other inputs, model or options,
            or is being written to.
        IntegrityError: the state on disk is damaged.
        OSError: the disk is full or not writable; the run can go on later.
        CsanmtError: what the pool raises.
    """
    files = find_inputs(corpus.inputs, corpus.layout, corpus.output)
    formats = [open_format(file.name, corpus.layout) for file in files]
    state = RunState(corpus.output)
    with state.claimed():
        run = _Run(corpus, files, formats, state, _manifest(corpus, files, formats, state), watch)
        for chunk, answers in pool.translate(run.pending()):
            run.keep(chunk, answers)
        return run.summary()


def _manifest(
    corpus: Corpus, files: Sequence[InputFile], formats: Sequence[Format], state: RunState
) -> Manifest:
    """That of the run to go on with, or of a new one."""
    if state.manifest.exists():
        old = Manifest.load(state.manifest)
        known = {entry.name: entry for entry in old.inputs}
        new = _describe(corpus, [_again(file, known.get(file.name)) for file in files])
        old.require_same(new, corpus.output)
        return old
    surveys = [survey(file, form) for file, form in zip(files, formats, strict=True)]
    if corpus.layout.policy == "fail":
        _refuse_bad(surveys)
    manifest = _describe(corpus, surveys)
    manifest.save(state.manifest)
    return manifest


def _describe(corpus: Corpus, surveys: Sequence[Survey]) -> Manifest:
    return Manifest(corpus.model, corpus.decoding, corpus.layout, corpus.cutting, tuple(surveys))


def _again(file: InputFile, known: Survey | None) -> Survey:
    """The survey of an unchanged file; of another one enough to see that it is another."""
    found = file_sha256(file.path)
    if known and known.sha256 == found:
        return known
    return Survey(file.name, file.path.stat().st_size, found, 0, 0)


def _refuse_bad(surveys: Sequence[Survey]) -> None:
    bad = sum(entry.bad for entry in surveys)
    if not bad:
        return
    places = [
        f"{entry.name}, line {number}: {problem}"
        for entry in surveys
        for problem, found in entry.problems.items()
        for number in found["first"]
    ]
    raise InvalidInputError(
        f"{bad} bad records; nothing was translated. "
        + "; ".join(places[:3])
        + (" …" if bad > 3 else "")
        + ". Repair them, or choose --on-error copy or empty"
    )


class _Run:
    """The bookkeeping of one run: which chunks are missing, which files are complete."""

    def __init__(
        self,
        corpus: Corpus,
        files: Sequence[InputFile],
        formats: Sequence[Format],
        state: RunState,
        manifest: Manifest,
        watch: Watch,
    ) -> None:
        self._corpus, self._files, self._formats = corpus, files, formats
        self._state, self._manifest, self._watch = state, manifest, watch
        self._done = 0
        self._resumed = 0
        self._counts: dict[int, list[int]] = {}  # of each file's chunks, once all are known
        self._missing = [0] * len(files)

    def pending(self) -> Iterator[Chunk]:
        """Chunks without an answer, in the order of the inputs."""
        for number, entry in enumerate(self._manifest.inputs):
            if self._state.finished(number, entry.name) is not None:
                self._skip(entry.records)
                continue
            counts = []
            for chunk in self._chunks(number):
                counts.append(len(chunk.texts))
                if self._state.has_part(chunk):
                    self._skip(len(chunk.texts))
                    continue
                self._missing[number] += 1
                yield chunk
            self._counts[number] = counts
            self._assemble_if_complete(number)

    def keep(self, chunk: Chunk, answers: Answers) -> None:
        self._state.save_part(chunk, answers)
        self._missing[chunk.file] -= 1
        self._done += len(answers)
        self._watch(self._done, self._manifest.records)
        self._assemble_if_complete(chunk.file)

    def _skip(self, records: int) -> None:
        self._done += records
        self._resumed += records
        self._watch(self._done, self._manifest.records)

    def _chunks(self, number: int) -> Iterator[Chunk]:
        records = self._formats[number].read(self._files[number].path)
        cutting = self._corpus.cutting
        return cut(
            records, number, most_records=cutting.records, most_characters=cutting.characters
        )

    def _assemble_if_complete(self, number: int) -> None:
        counts = self._counts.get(number)
        if counts is None or self._missing[number]:
            return
        entry, file = self._manifest.inputs[number], self._files[number]
        tally = Counter(kept=0, split=0, truncated=0, target_characters=0)
        answers = _counted(self._state.answers(number, counts), tally)
        with (
            self._state.writing_output(entry.name) as sink,
            compressing(sink, entry.name) as stream,
        ):
            self._formats[number].write(file.path, answers, stream)
        self._state.finish(number, entry.name, tally)

    def summary(self) -> dict[str, Any]:
        files = []
        for number, entry in enumerate(self._manifest.inputs):
            known = {"records": entry.records, "bad": entry.bad, "characters": entry.characters}
            counts = self._state.finished(number, entry.name)
            if counts is None:
                raise IntegrityError(f"the output {entry.name!r} is not in place")
            files.append({"name": entry.name, **known, **counts, "problems": entry.problems})
        names = [key for key in files[0] if key not in ("name", "problems")]
        model = self._manifest.model
        return {
            "model": model.tag,
            "digest": model.digest,
            "on_error": self._corpus.layout.policy,
            "total": {name: sum(file[name] for file in files) for name in names},
            "resumed": self._resumed,
            "files": files,
        }


def _counted(answers: Iterator[Answer | None], counts: Counter[str]) -> Iterator[Answer | None]:
    """Answers on their way, counted."""
    for answer in answers:
        if answer is not None:
            counts["kept"] += answer.kept
            counts["split"] += answer.split
            counts["truncated"] += answer.truncated
            counts["target_characters"] += len(answer.text)
        yield answer
