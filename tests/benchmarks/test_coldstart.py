"""Fresh processes are compared in pairs, often enough to tell, and not for ever."""

from __future__ import annotations

from dataclasses import replace

import pytest

from benchmarks.gate import judge
from benchmarks.report import render
from benchmarks.speed import measure_start


def starts(world, tmp_path, baseline, candidate, **other):
    """The report on processes that take so many seconds, one after the other, and 100 MiB."""
    left = {"good": iter(baseline), "candidate": iter(candidate)}
    pair = (
        world.subject(spec=str(tmp_path)),
        world.subject(world.good, **({"spec": str(tmp_path)} | other)),
    )
    return measure_start(*pair, start=lambda subject: (next(left[subject.label]), 100.0))


NOISY = (1.0, 4.0, 0.5, 3.0, 0.7, 2.0, 1.0, 5.0)


@pytest.mark.parametrize(
    ("candidate", "status"),
    [((1.0, 1.01, 0.99), "pass"), ((4.0, 4.1, 14.0), "pass"), ((15.1, 16.0, 14.0), "fail")],
)
def test_a_start_is_judged_by_seconds_and_its_ratio_only_shown(world, tmp_path, candidate, status):
    """Of two equal models one may start in half the other's time on a busy machine."""
    report = starts(world, tmp_path, (1.0,) * 8, candidate)
    assert report.pairs == 3
    measured = world.measure(world.subject(world.good))
    verdict = judge(replace(measured, speed=replace(measured.speed, start=report)), world.policy)
    found = {r.subject: r for r in verdict.rules if r.rule == "speed"}
    assert found["start_seconds"].status == status
    assert "× the baseline's" in found["start_seconds"].reason
    assert found["memory_ratio"].status == "pass"


def test_starts_are_repeated_while_the_memory_is_open(world, tmp_path):
    sizes = {"good": iter((100.0,) * 8), "candidate": iter((100.0, 150.0, 110.0) + (100.0,) * 5)}
    pair = (
        world.subject(spec=str(tmp_path)),
        world.subject(world.good, spec=str(tmp_path)),
    )
    report = measure_start(*pair, start=lambda s: (1.0, next(sizes[s.label])))
    assert report.pairs > 3


def test_the_ratio_is_that_of_the_pairs(world, tmp_path):
    report = starts(world, tmp_path, (1.0, 2.0, 4.0), (3.0, 6.0, 12.0))
    assert report.time_ratio.value == pytest.approx(3.0)
    assert report.time_ratio.interval.low == pytest.approx(3.0)
    assert report.seconds == (2.0, 6.0)


def test_the_same_model_is_started_briefly(world, tmp_path):
    report = starts(world, tmp_path, NOISY, NOISY[::-1], digest="sha256:good")
    assert report.pairs == 3


@pytest.mark.parametrize("other", [{"kind": "url"}, {"spec": ""}, {"spec": "/nowhere"}])
def test_what_is_no_model_directory_cannot_be_started(world, tmp_path, other):
    assert starts(world, tmp_path, (), (), **other) is None


def test_the_page_shows_the_starts(world):
    measured = world.measure(world.subject())
    page = render(measured, judge(measured, world.policy), world.policy)
    assert "1.00 s → 1.00 s (1.00 ×, 95 %: 0.95 to 1.05)" in page
    assert "3 starts of each" in page
