"""A suite beside the policy's is judged too, and hides nothing that those show."""

from __future__ import annotations

from dataclasses import replace

import pytest

from benchmarks.compare import MeasurementPlan, measure
from benchmarks.gate import judge
from benchmarks.suite import Suite, load_suite
from cli.main import main
from csanmt.errors import InvalidInputError


@pytest.fixture(scope="module")
def extra() -> Suite:
    """2,000 sentences that are not in the policy's suite."""
    suite = load_suite("tico19")
    return Suite("extra", suite.sources[200:2200], (suite.references[0][200:2200],))


def judged(world, candidate, *suites):
    quality = replace(world.policy.quality, metrics=("bleu",), report=())
    policy = replace(world.policy, behaviour=None, quality=quality)
    plan = replace(world.plan(), suites=[world.suite, *suites], policy=policy, cases=None)
    measured = measure(candidate, world.subject(), plan, world.cache)
    return {(r.rule, r.subject): r.status for r in judge(measured, policy).rules}


def spaced(suite):
    """A candidate that changes every translation of a suite, and no score."""
    return lambda source, answer: (
        answer.replace(" ", "  ", 1) if source in set(suite.sources) else answer
    )


def test_an_extra_suite_without_changes_does_not_thin_the_churn(world, extra):
    found = judged(world, world.each(spaced(world.suite)), extra)
    assert found["churn", ""] == "fail"
    assert found["churn", "extra"] == "pass"


def test_an_extra_suite_has_a_churn_of_its_own(world, extra):
    found = judged(world, world.each(spaced(extra)), extra)
    assert found["churn", ""] == "pass"
    assert found["churn", "extra"] == "fail"


def test_an_extra_suite_without_faults_does_not_thin_the_checks(world, extra):
    empty = set(world.suite.sources[:300:50])
    candidate = world.each(lambda s, a: "" if s in empty else a)
    assert judged(world, candidate)["checks", "empty"] == "fail"
    found = judged(world, candidate, extra)
    assert found["checks", "empty"] == "fail"
    assert found["checks", "extra empty"] == "pass"


@pytest.mark.parametrize("others", [0, 10])
def test_extra_suites_do_not_weaken_the_tests_on_the_policys(world, others):
    measured = world.measure(world.subject(world.good))
    (suite,) = measured.suites

    def with_p(suite, p):
        tests = [replace(m.test, delta=-1.0, p_worse=p) for m in suite.metrics]
        metrics = (replace(m, test=t) for m, t in zip(suite.metrics, tests, strict=True))
        return replace(suite, metrics=tuple(metrics))

    extras = [with_p(replace(suite, name=f"extra{i}"), 0.9) for i in range(others)]
    verdict = judge(replace(measured, suites=(with_p(suite, 0.012), *extras)), world.policy)
    assert {"loss"} <= verdict.failed_rules()


def test_sentences_are_timed_on_the_policys_suites(world, extra):
    candidate = world.each(lambda s, a: a)
    asked = []
    answer = candidate.answer
    candidate.answer = lambda texts: asked.append(list(texts)) or answer(texts)
    quality = replace(world.policy.quality, metrics=(), report=())
    plan = replace(
        world.plan(),
        suites=[extra, world.suite],
        cases=None,
        policy=replace(world.policy, quality=quality),
    )
    measure(candidate, world.subject(), plan, world.cache)
    alone = {texts[0] for texts in asked if len(texts) == 1}
    assert alone
    assert alone <= set(world.suite.sources)


def test_two_suites_of_one_name_are_refused(world, tmp_path, capsys, monkeypatch):
    with pytest.raises(InvalidInputError, match="two suites are named 'mini'"):
        MeasurementPlan([world.suite, Suite("mini", ("一",), (("one",),))], world.policy)
    monkeypatch.chdir(tmp_path)
    for folder in ("a/mini", "b/mini"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "mini.zh").write_text("一\n", "utf-8")
        (tmp_path / folder / "mini.en").write_text("one\n", "utf-8")
    (tmp_path / "answers").mkdir()
    (tmp_path / "answers/mini.en").write_text("one\n", "utf-8")
    arguments = ["bench", "gate", "answers", "--baseline", "answers", "--no-cache", "--quiet"]
    assert main([*arguments, "--suite", "a/mini", "b/mini"]) == 2
    assert "two suites are named 'mini': give one of them" in capsys.readouterr().out
