"""A small world for the gate: a suite, a good translator and ways to break it."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from benchmarks.answers import AnswerCache
from benchmarks.behaviour import Cases, Group, load_cases
from benchmarks.compare import MeasurementPlan, measure
from benchmarks.gate import Verdict, judge
from benchmarks.measurements import Measurements
from benchmarks.pins import Pin
from benchmarks.policy import DEFAULT_POLICY, Policy, parse_policy
from benchmarks.significance import Interval
from benchmarks.speed import Ratio, SpeedPlan, StartReport
from benchmarks.subject import Subject
from benchmarks.suite import Suite, load_suite

SMOKE_ANSWERS = {
    "你好世界": "Hello world",
    "这是一段测试文本。": "This is a piece of test text.",
    "人工智能正在改变世界。": "Artificial intelligence is changing the world.",
    "北京天气很好。": "The weather in Beijing is fine.",
}
EVEN = Ratio(1.0, Interval(0.95, 1.05))
START = StartReport((1.0, 1.0), (100.0, 100.0), time_ratio=EVEN, memory_ratio=EVEN, pairs=3)


@dataclass
class FakeClock:
    """Time that passes only when somebody works."""

    now: float = 0.0

    def __call__(self) -> float:
        return self.now


@dataclass
class FakeSubject(Subject):
    """A subject whose answers are a function of the batch; each character costs time."""

    answer: Callable[[Sequence[str]], list[str]] = field(kw_only=True)
    clock: FakeClock = field(kw_only=True)
    cost: float = 0.001  # seconds a character
    calls: list[int] = field(default_factory=list)

    def translate(self, texts: Sequence[str]) -> list[str]:
        self.calls.append(len(texts))
        self.clock.now += self.cost * sum(map(len, texts))
        return self.answer(texts)


@dataclass
class World:
    """``good`` answers with the reference, a word left out now and then."""

    suite: Suite
    policy: Policy
    clock: FakeClock
    known: dict[str, str]
    cache: AnswerCache = field(default_factory=AnswerCache)

    def one(self, source: str) -> str:
        """The good answer; where nothing is known, everything but the Chinese is kept."""
        if source in self.known:
            return self.known[source]
        kept = re.sub(r"[\u4e00-\u9fff]+", " word ", source)
        kept = re.sub(r"\s*[。！？]", ".", kept)
        return re.sub(r"\s+([,.!?:;])", r"\1", kept).strip(" ") or source

    def good(self, texts: Sequence[str]) -> list[str]:
        return [self.one(text) for text in texts]

    def subject(self, answer: Callable[[Sequence[str]], list[str]] | None = None, **other: Any):
        known = {"label": "good", "digest": "sha256:good", "family": "fake", "tag": "fake:v1.0.0"}
        known |= {"label": "candidate", "digest": "sha256:other"} if answer else {}
        return FakeSubject(answer=answer or self.good, clock=self.clock, **known | other)

    def each(self, change: Callable[[str, str], str], **other: Any) -> FakeSubject:
        """A candidate that answers ``change(source, good answer)``."""
        return self.subject(lambda texts: [change(t, self.one(t)) for t in texts], **other)

    def plan(self, pins: Sequence[Pin] = (), **other: Any) -> MeasurementPlan:
        cases = load_cases()
        pinned = {"pins": Group("corrections", pin=tuple(pins))}
        speed = SpeedPlan(per_bucket=4, rounds=3, max_rounds=3)
        quality = replace(self.policy.quality, report=("chrf2",))
        return MeasurementPlan(
            suites=[self.suite],
            policy=replace(self.policy, quality=quality),
            cases=Cases({**cases.groups, "pins": pinned}, cases.digests),
            speed=speed,
            clock=self.clock,
            measure_start=lambda *_: START,
            **other,
        )

    def measure(self, candidate: FakeSubject, **other: Any) -> Measurements:
        return measure(candidate, self.subject(), self.plan(**other), self.cache)

    def gate(self, candidate: FakeSubject, **other: Any) -> Verdict:
        return judge(self.measure(candidate, **other), self.policy)


@pytest.fixture(scope="session")
def mini_suite() -> Suite:
    """200 everyday and 200 medical sentences, with documents."""
    parts = [load_suite("tatoeba"), load_suite("tico19")]
    sources = parts[0].sources[:200] + parts[1].sources[:200]
    references = parts[0].references[0][:200] + parts[1].references[0][:200]
    documents = tuple(f"document {i // 50}" for i in range(400))
    return Suite("mini", sources, (references,), documents)


@pytest.fixture(scope="session")
def policy() -> Policy:
    """The built-in policy, on the small suite, with fewer shufflings; its good translator
    answers with the reference, so it is not asked whether that is memorised."""
    text = re.sub(r"\[memorised\]\nmax = .*", "", DEFAULT_POLICY.read_text("utf-8"))
    text = re.sub(r"suites = \[.*\]", 'suites = ["mini"]', text).replace("tatoeba", "mini")
    return parse_policy(text.replace("trials = 10000", "trials = 1000"))


@pytest.fixture(scope="session")
def statistics_cache(tmp_path_factory: pytest.TempPathFactory) -> AnswerCache:
    """Statistics of the good answers, computed once; answers themselves are not kept."""

    class StatisticsOnly(AnswerCache):
        def keeps(self, subject: Any) -> bool:
            return False

    return StatisticsOnly(tmp_path_factory.mktemp("statistics"))


@pytest.fixture
def world(mini_suite: Suite, policy: Policy, statistics_cache: AnswerCache) -> World:
    known = dict(SMOKE_ANSWERS)
    for number, (source, reference) in enumerate(
        zip(mini_suite.sources, mini_suite.references[0], strict=True)
    ):
        words = reference.split(" ")
        if number % 3 == 0 and len(words) > 4:
            words.pop(2)
        known[source] = " ".join(words)
    return World(mini_suite, replace(policy), FakeClock(), known, statistics_cache)


@pytest.fixture(scope="session")
def wmt22_dir() -> Path:
    """WMT22's data, which does not ship."""
    folder = os.environ.get("CSANMT_WMT22_DIR")
    if not folder:
        pytest.skip("CSANMT_WMT22_DIR does not name the folder of WMT22's data")
    return Path(folder)
