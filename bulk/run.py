"""A bulk translation from its inputs to its summary."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol

from bulk.compression import compressing
from bulk.inputs import Format, Survey, find_inputs, open_format, survey
from bulk.records import Answer, Answers, Chunk, Layout, cut
from bulk.state import Manifest, Model, RunState, as_settings
from csanmt.durable import file_sha256
from csanmt.errors import IntegrityError, InvalidInputError
from csanmt.translator import DecodingOptions

_PLACES = ("inputs", "output")  # of a corpus; the rest must stay the same in a run


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
    chunk_lines: int = 1000  # records of a chunk


@dataclass(frozen=True, slots=True)
class _Input:
    name: str
    path: Path
    format: Format


def translate_corpus(
    corpus: Corpus, pool: Pool, watch: Callable[[int, int], None] = lambda _done, _total: None
) -> dict[str, Any]:
    """Translate ``corpus``, or go on with it, and return the summary.

    ``watch`` is told the records done so far and those there are in all.

    Raises:
        InvalidInputError: an input cannot be read, or holds a bad record and the policy
            is ``fail``; nothing has been translated.
        ConflictError: the output folder holds a run with other inputs, model or options,
            or is being written to.
        IntegrityError: the state on disk is damaged.
        OSError: the disk is full or not writable; the run can go on later.
        CsanmtError: what the pool raises.
    """
    state = RunState(corpus.output)
    files = find_inputs(corpus.inputs, corpus.layout, corpus.output)
    inputs = [_Input(name, path, open_format(name, corpus.layout)) for name, path in files.items()]
    with state.claimed():
        run = _Run(corpus, inputs, state, _manifest(corpus, inputs, state))
        for chunk, answers in pool.translate(run.pending()):
            run.keep(chunk, answers)
            watch(run.done, run.total)
        return run.summary()


def _manifest(corpus: Corpus, inputs: Sequence[_Input], state: RunState) -> Manifest:
    """That of the run to go on with, or of a new one."""
    digests = {entry.name: file_sha256(entry.path) for entry in inputs}
    settings = {name: value for name, value in asdict(corpus).items() if name not in _PLACES}
    settings = as_settings({**settings, "input": digests})
    if state.manifest.exists():
        old = Manifest.load(state.manifest)
        old.require_same(settings, corpus.output)
        return old
    surveys = tuple(survey(entry.name, entry.format.read(entry.path)) for entry in inputs)
    if corpus.layout.policy == "fail":
        _refuse_bad(surveys)
    manifest = Manifest(settings, surveys)
    manifest.save(state.manifest)
    return manifest


def _refuse_bad(surveys: Sequence[Survey]) -> None:
    places = [
        f"{entry.name}, line {number}: {problem}"
        for entry in surveys
        for problem, found in entry.problems.items()
        for number in found["first"]
    ]
    if places:
        bad = sum(entry.bad for entry in surveys)
        raise InvalidInputError(
            f"{bad} bad records; nothing was translated. {'; '.join(places[:3])}"
            f"{' …' if bad > 3 else ''}. Repair them, or choose --on-error copy or empty"
        )


class _Run:
    """The bookkeeping of one run: which chunks are missing, which files are complete."""

    def __init__(
        self, corpus: Corpus, inputs: Sequence[_Input], state: RunState, manifest: Manifest
    ) -> None:
        self._corpus, self._inputs, self._state = corpus, inputs, state
        self._surveys = manifest.inputs
        self.total = sum(survey.records for survey in manifest.inputs)
        self.done = self._resumed = 0
        self._missing = [1] * len(inputs)  # chunks, and one more until a file is cut

    def pending(self) -> Iterator[Chunk]:
        """Chunks without an answer, in the order of the inputs."""
        for number, entry in enumerate(self._inputs):
            if self._state.finished(number, entry.name) is not None:
                self._skip(self._surveys[number].records)
                continue
            records = entry.format.read(entry.path)
            for chunk in cut(records, number, self._corpus.chunk_lines):
                if self._state.has_part(chunk):
                    self._skip(len(chunk.texts))
                else:
                    self._missing[number] += 1
                    yield chunk
            self._settle(number)

    def keep(self, chunk: Chunk, answers: Answers) -> None:
        self._state.save_part(chunk, answers)
        self.done += len(answers)
        self._settle(chunk.file)

    def _skip(self, records: int) -> None:
        self.done += records
        self._resumed += records

    def _settle(self, number: int) -> None:
        """One thing less is missing of a file; after the last its output is put together."""
        self._missing[number] -= 1
        if self._missing[number]:
            return
        entry = self._inputs[number]
        tally = Counter(kept=0, split=0, truncated=0, target_characters=0)
        answers = _counted(self._state.answers(number, self._surveys[number].records), tally)
        with (
            self._state.writing_output(entry.name) as sink,
            compressing(sink, entry.name) as stream,
        ):
            entry.format.write(entry.path, answers, stream)
            for _ in answers:  # none is left, or this raises
                pass
        self._state.finish(number, entry.name, tally)

    def summary(self) -> dict[str, Any]:
        files = []
        for number, entry in enumerate(self._surveys):
            counts = self._state.finished(number, entry.name)
            if counts is None:
                raise IntegrityError(f"the output {entry.name!r} is not in place")
            known = {"records": entry.records, "bad": entry.bad, "characters": entry.characters}
            files.append({"name": entry.name, **known, **counts, "problems": entry.problems})
        names = [key for key in files[0] if key not in ("name", "problems")]
        return {
            "model": self._corpus.model.tag,
            "digest": self._corpus.model.digest,
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
