"""Kept answers are those of their sentences, whatever happened to the file."""

from __future__ import annotations

import json
import threading

import pytest

from benchmarks.answers import BATCH, AnswerCache, translate_suite
from csanmt.errors import StorageError, UnavailableError


@pytest.fixture
def cache(tmp_path) -> AnswerCache:
    return AnswerCache(tmp_path)


def log_of(world, cache):
    return cache.answers_path(world.subject(), world.suite)


def whole_log(world, cache) -> list[bytes]:
    """Lines of a finished run."""
    translate_suite(world.subject(), world.suite, cache)
    return log_of(world, cache).read_bytes().splitlines(keepends=True)


@pytest.mark.parametrize(
    ("damage", "kept"),
    [
        (lambda lines: lines[:50] + lines[40:60], 50),  # two runs appended to one file
        (lambda lines: lines + lines, 400),
        (lambda lines: lines[1:], 0),
        (lambda lines: lines[:70] + lines[71:], 70),
        (lambda lines: [*lines[:9], lines[9][:-5], *lines[9:]], 9),  # torn, then appended to
        (lambda lines: [*lines[:9], lines[9].rstrip(b"\n")], 9),
        (lambda lines: [*lines[:9], b"[9, 9]\n"], 9),
        (lambda lines: [*lines[:9], b'"a bare answer"\n'], 9),
        (lambda lines: [*lines[:9], b"\xff\xfe\n"], 9),
        (lambda lines: [b"\0" * 4096], 0),
        (lambda lines: [], 0),
    ],
)
def test_of_a_damaged_log_the_good_beginning_is_kept(world, cache, damage, kept):
    lines = whole_log(world, cache)
    path = log_of(world, cache)
    path.write_bytes(b"".join(damage(lines)))
    asked = []
    subject = world.subject()
    subject.answer = lambda texts: asked.extend(texts) or world.good(texts)
    expected = world.good(world.suite.sources)
    assert translate_suite(subject, world.suite, cache) == expected
    assert asked == list(world.suite.sources[kept:])
    assert [json.loads(line) for line in path.read_bytes().splitlines()] == [
        [i, text] for i, text in enumerate(expected)
    ]


def test_of_two_runs_at_once_the_second_waits_and_finds_the_answers(world, cache):
    asked, results = [], []
    first_asked, go_on = threading.Event(), threading.Event()

    def answer(texts):
        asked.extend(texts)
        first_asked.set()
        assert go_on.wait(30)
        return world.good(texts)

    def run():
        subject = world.subject()
        subject.answer = answer
        results.append(translate_suite(subject, world.suite, cache))

    runs = [threading.Thread(target=run) for _ in range(2)]
    runs[0].start()
    assert first_asked.wait(30)
    runs[1].start()
    go_on.set()
    for thread in runs:
        thread.join(60)
    assert results == [world.good(world.suite.sources)] * 2
    assert asked == list(world.suite.sources)


def test_two_runs_at_once_that_are_both_cut_off_leave_a_good_beginning(world, cache):
    def run():
        batches = []

        def answer(texts):
            batches.append(texts)
            if len(batches) > 3:
                raise UnavailableError("gone")
            return world.good(texts)

        subject = world.subject()
        subject.answer = answer
        with pytest.raises(UnavailableError):
            translate_suite(subject, world.suite, cache)

    runs = [threading.Thread(target=run) for _ in range(2)]
    for thread in runs:
        thread.start()
    for thread in runs:
        thread.join(60)
    lines = log_of(world, cache).read_bytes().splitlines()
    good = world.good(world.suite.sources)
    assert [json.loads(line) for line in lines] == [[i, good[i]] for i in range(6 * BATCH)]


def test_a_log_that_cannot_be_written_is_said(world, cache):
    log_of(world, cache).mkdir(parents=True)
    with pytest.raises(StorageError, match="cannot write"):
        translate_suite(world.subject(), world.suite, cache)
