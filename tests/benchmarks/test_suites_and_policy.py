"""Suites, policies and pins are data: read strictly, refused with a reason."""

from __future__ import annotations

from datetime import date

import pytest

from benchmarks.pins import Pin, add_pin, load_pins
from benchmarks.policy import DEFAULT_POLICY, MustPass, load_policy, parse_policy
from benchmarks.suite import SUITES_DIR, Suite, builtin_names, load_suite
from csanmt.errors import (
    ConfigurationError,
    ConflictError,
    InvalidInputError,
    NotFoundError,
    UnavailableError,
)

SIZES = {"tatoeba": (1000, 0), "ntrex128": (1997, 123), "tico19": (3070, 0)}


@pytest.mark.parametrize("name", SIZES)
def test_a_built_in_suite_is_whole_and_licensed(name):
    suite = load_suite(name)
    assert (len(suite.sources), len(set(suite.documents))) == SIZES[name]
    assert suite.licence
    assert (SUITES_DIR / name / "LICENSE").read_text("utf-8").strip()


def test_these_suites_and_no_others_ship():
    assert set(builtin_names()) == set(SIZES)


def test_a_folder_with_two_files_is_a_suite(tmp_path):
    (tmp_path / "my.zh").write_text("\ufeff一\u2028二\r\n三\r\n", "utf-8")
    (tmp_path / "my.en").write_text("one two\nthree\n", "utf-8")
    (tmp_path / "system.en").write_text("not\na reference\n", "utf-8")
    suite = load_suite(str(tmp_path))
    assert suite.sources == ("一\u2028二", "三")
    assert suite.references == (("one two", "three"),)


def test_a_toml_describes_a_suite(tmp_path):
    (tmp_path / "s.txt").write_text("一\n", "utf-8")
    (tmp_path / "r.txt").write_text("one\n", "utf-8")
    (tmp_path / "suite.toml").write_text(
        'name = "mine"\nsource = "s.txt"\nreferences = ["r.txt"]\n', "utf-8"
    )
    assert load_suite(str(tmp_path)).name == "mine"


def test_a_tsv_is_a_suite_of_ones_own(tmp_path):
    file = tmp_path / "mine.tsv"
    file.write_text("你好。\tHello.\tcorpus\n再见。\tBye.\n", "utf-8")
    suite = load_suite(str(file))
    assert (suite.name, suite.sources) == ("mine", ("你好。", "再见。"))
    assert suite.references == (("Hello.", "Bye."),)
    file.write_text("你好。\n", "utf-8")
    with pytest.raises(InvalidInputError, match=r"mine\.tsv: a line is not source<TAB>reference"):
        load_suite(str(file))
    with pytest.raises(NotFoundError, match=r"gone\.tsv does not exist"):
        load_suite(str(tmp_path / "gone.tsv"))


@pytest.mark.parametrize(
    ("toml", "message"),
    [
        ('sorce = "a"', "sorce is an unknown key"),
        ("name =", "suite.toml"),
        ('name = "x"', "source is missing"),
        ('source = "gone.txt"', "gone.txt does not exist"),
    ],
)
def test_a_wrong_suite_is_refused_with_the_reason(tmp_path, toml, message):
    (tmp_path / "suite.toml").write_text(toml, "utf-8")
    with pytest.raises((ConfigurationError, NotFoundError), match=message):
        load_suite(str(tmp_path))


def test_columns_of_different_length_are_refused():
    with pytest.raises(InvalidInputError, match="reference 1 has 1 lines, the source has 2"):
        Suite("x", ("一", "二"), (("one",),))


def test_an_unknown_suite_names_the_known_ones():
    with pytest.raises(NotFoundError, match="built in are ntrex128, tatoeba, tico19"):
        load_suite("nothing")


def test_sacrebleus_sets_are_asked_for_by_name(monkeypatch, tmp_path):
    (tmp_path / "a").write_text("一\n", "utf-8")
    (tmp_path / "b").write_text("one\n", "utf-8")
    monkeypatch.setattr("sacrebleu.get_source_file", lambda *_: str(tmp_path / "a"))
    monkeypatch.setattr("sacrebleu.get_reference_files", lambda *_: [str(tmp_path / "b")])
    assert load_suite("sacrebleu:wmt22").references == (("one",),)

    def offline(*_):
        raise OSError("no network")

    monkeypatch.setattr("sacrebleu.get_source_file", offline)
    with pytest.raises(UnavailableError, match="could not download wmt22: no network"):
        load_suite("sacrebleu:wmt22")
    with pytest.raises(NotFoundError, match="no test set 'wmt1'"):
        load_suite("sacrebleu:wmt1")


def test_the_digest_depends_on_every_sentence_and_not_on_the_place():
    one = Suite("x", ("一",), (("one",),))
    assert one.digest == Suite("x", ("一",), (("one",),), description="other words").digest
    assert one.digest != Suite("x", ("一",), (("won",),)).digest


def test_the_built_in_policy_holds_what_the_documentation_says():
    policy = load_policy(DEFAULT_POLICY)
    assert policy.quality.suites == ("tatoeba", "ntrex128", "tico19")
    assert (policy.statistics.alpha, policy.speed.p95_ratio) == (0.05, 1.10)
    assert policy.smoke == policy.pins == MustPass("all")
    assert policy.behaviour.allowed("numbers") == 0
    assert policy.speed.interval_ceiling == 1.5
    assert policy.speed.limits(retrained=False)["p95_ratio"] == 1.10
    assert policy.speed.limits(retrained=True)["p95_ratio"] == 1.60


def test_a_suite_may_have_a_margin_of_its_own():
    policy = parse_policy(
        'version = 1\n[quality]\nsuites = ["a"]\n'
        "[quality.margin]\nbleu = 1.0\n[quality.margin.a]\nbleu = 2.0\n"
    )
    assert policy.quality.margin_of("a", "bleu", 30.0) == 2.0
    assert policy.quality.margin_of("b", "bleu", 30.0) is None
    assert policy.quality.margin_of(None, "bleu", 30.0) == 1.0
    assert policy.quality.margin_of("a", "ter", 30.0) is None


def test_where_the_score_is_low_the_margin_is_a_share_of_it():
    policy = load_policy(DEFAULT_POLICY)
    assert policy.quality.margin_of(None, "bleu", 40.0) == 1.5
    assert policy.quality.margin_of(None, "bleu", 10.0) == pytest.approx(0.7)
    assert policy.quality.margin_of(None, "ter", 40.0) is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "version is missing"),
        ("version = 1\n[sped]", "sped is an unknown key"),
        ("version = 1\n[speed]\np59_ratio = 1", "speed.p59_ratio is an unknown key; allowed is"),
        ("version = 1\n[speed]\np95_ratio = 0.5", "p95_ratio is 0.5; allowed is 1 to 600"),
        ("version = 1\n[speed]\ninterval_ceiling = 0.9", "ceiling is 0.9; allowed is 1 to 600"),
        ("version = 1\n[churn]\nmax = true", "churn.max is True; allowed is a number"),
        ('version = 1\n[quality]\nmetrics = ["blue"]', "metrics has 'blue'; allowed are bleu"),
        ("version = 1\n[quality.margin]\nblue = 1", "quality.margin has 'blue'; allowed are bleu"),
        ("version = 1\n[statistics]\nalpha = 5", "alpha is 5; allowed is 0 to 1"),
        ("version = ", "Invalid value"),
        (
            'version = 1\n[smoke]\nmust_pass = "most"',
            "smoke.must_pass is 'most'; allowed is all, no-",
        ),
        ("version = 1\n[quality]\njoint_alpha = 0.1", "quality.joint_alpha is an unknown key"),
        ("version = 1\n[checks.new]\nemty = 0", "new has 'emty'; allowed are empty"),
        (
            "version = 1\n[families]\nacross = 'no'",
            "families.across is 'no'; allowed is warn, require",
        ),
        (
            "version = 1\n[scores.comet]\nmargn = 1",
            "scores.comet.margn is an unknown key; allowed is",
        ),
        ("version = 1\n[pins]\nrequired = true", "pins.required is an unknown key"),
    ],
)
def test_a_wrong_policy_is_refused_with_the_reason(text, message):
    with pytest.raises(ConfigurationError, match=message):
        parse_policy(text)


TRICKY = Pin('他说："\\n\u007f\t好"', ("a \\ b", "it's"), ('say "x"',), "why\nnot")


def test_pins_survive_their_file(tmp_path):
    path = tmp_path / "pins.toml"
    assert load_pins(path) == ()
    first = add_pin(path, TRICKY, date(2026, 1, 2))
    second = add_pin(path, Pin("二", forbid=("white",)), date(2026, 1, 3))
    assert load_pins(path) == (first, second)
    assert first.added == "2026-01-02"


@pytest.mark.parametrize(
    ("pin", "error", "message"),
    [
        (Pin(" ", ("a",)), InvalidInputError, "source"),
        (Pin("一"), InvalidInputError, "a required or a forbidden phrase"),
        (Pin("一", ("The cat",), ("the  CAT",)), InvalidInputError, "both required and forbidden"),
        (TRICKY, ConflictError, "pinned that way already"),
    ],
)
def test_a_useless_pin_is_refused(tmp_path, pin, error, message):
    path = tmp_path / "pins.toml"
    add_pin(path, TRICKY, date(2026, 1, 2))
    before = path.read_bytes()
    with pytest.raises(error, match=message):
        add_pin(path, pin, date(2026, 1, 3))
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("output", "problem"),
    [
        ("His surname is Bai.", None),
        ("his  SURNAME is bai", None),
        ("He is white.", "lacks 'surname is Bai'; has 'white'"),
        ("His surname is Baiyun.", "lacks 'surname is Bai'"),
        ("The whites' surname is Bai.", None),
    ],
)
def test_a_pin_matches_whole_words(output, problem):
    assert Pin("他姓白。", ("surname is Bai",), ("white",)).judge(output) == problem
