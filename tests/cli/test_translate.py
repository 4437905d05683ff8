from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from cli.loading import chosen_engine, decoding_options, find_model
from cli.progress import ProgressBar
from csanmt.errors import IntegrityError, NotFoundError
from csanmt.translator import DecodingOptions
from csanmt.version import DEFAULT_TAG
from model_store.store import ModelStore
from tests.stub_translator import StubTranslator

ROOT = Path(__file__).parents[2]
ANSWERS = {"你好。": "Hello.", "再见。": "Goodbye.", "一": "One", "二": "Two", "三": "Three"}


@pytest.fixture
def stub(model: Path, store: ModelStore, monkeypatch: pytest.MonkeyPatch) -> StubTranslator:
    """In place of a loaded model; the model's directory is still found and checked."""
    translator = StubTranslator(answers=ANSWERS, model_tag="csanmt-zh-en:v1.0.0")
    monkeypatch.setattr("csanmt.load", lambda *_, **__: translator)
    return translator


@pytest.fixture
def words(model: Path) -> list[str]:
    return ["translate", "--model", str(model)]


def test_arguments_are_texts_of_any_number_of_sentences(csanmt, stub, words) -> None:
    assert csanmt(*words, "你好。").out == "Hello.\n"
    assert csanmt(*words, "你好。再见。").out == "Hello. Goodbye.\n"
    assert csanmt(*words, "你好。\n\n再见。").out == "Hello.\n\nGoodbye.\n"
    assert csanmt(*words, "你好。", "再见。").out == "Hello.\nGoodbye.\n"
    assert csanmt(*words, "").out == "\n"


def test_a_file_keeps_its_lines_and_their_endings(csanmt, stub, words, tmp_path: Path) -> None:
    source, target = tmp_path / "zh.txt", tmp_path / "en.txt"
    source.write_bytes("\ufeff你好。\r\n\n  \n一\nplain\n再见。".encode())
    outcome = csanmt(*words, "--file", source, "--output", target)
    assert (outcome.status, outcome.out, outcome.err) == (0, "", "")
    assert target.read_bytes() == b"Hello.\r\n\n  \nOne\nplain\nGoodbye."


def test_lines_are_translated_in_batches_and_in_order(
    csanmt, stub, words, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cli.translate.BATCH_LINES", 2)
    (tmp_path / "zh.txt").write_text("一\n二\n三\n一二\n三\n", encoding="utf-8")
    outcome = csanmt(*words, "-f", tmp_path / "zh.txt")
    assert outcome.out == "One\nTwo\nThree\n[一二]\nThree\n"
    assert stub.calls == [["一", "二"], ["三", "一二"], ["三"]]


def test_a_glossary_is_read_and_its_faults_are_said(csanmt, words, tmp_path: Path) -> None:
    shipped = ["translate", "--model", str(ROOT / "model_store" / "default"), "--glossary"]
    terms = tmp_path / "terms.tsv"
    terms.write_text("上海\tShanghai\n海\tocean\n", encoding="utf-8")
    outcome = csanmt(*shipped, terms, "我住在上海。")
    assert outcome.out == "I live in Shanghai.\n"
    assert "'海' lies within '上海'" in outcome.err
    table = tmp_path / "terms.csv"
    table.write_text("上海,Shanghai\n上海,Shanghae\n", encoding="utf-8")
    assert "two targets" in csanmt(*shipped, table, "我").err
    assert csanmt(*shipped, tmp_path / "none", "我").status == 4
    assert csanmt(*shipped, terms, "--input", terms, "--output", tmp_path / "out").status == 2


def test_json_is_one_object_a_text(csanmt, stub, words) -> None:
    outcome = csanmt(*words, "--json", "--n-best", "2", "你好。再见。", "plain")
    first, second = [json.loads(line) for line in outcome.out.splitlines()]
    assert (first["source"], first["translation"]) == ("你好。再见。", "Hello. Goodbye.")
    assert first["model"] == "csanmt-zh-en:v1.0.0"
    assert (first["truncated"], first["split"]) == (False, False)
    assert [item["text"] for item in first["alternatives"]] == [
        "Hello. Goodbye.",
        "Hello. (2) Goodbye. (2)",
    ]
    assert first["alternatives"][1]["score"] == pytest.approx(-0.2)
    assert [item["source_span"] for item in first["sentences"]] == [[0, 3], [3, 6]]
    assert second["sentences"][0]["copied"] is True


def test_n_best_lines_are_number_rank_score_text(csanmt, stub, words) -> None:
    outcome = csanmt(*words, "--n-best", "2", "你好。", "一\n二")
    assert outcome.out.splitlines() == [
        "1\t1\t0.0000\tHello.",
        "1\t2\t-0.1000\tHello. (2)",
        "2\t1\t0.0000\tOne\\nTwo",
        "2\t2\t-0.2000\tOne (2)\\nTwo (2)",
    ]


def test_a_translation_at_the_length_limit_is_reported(
    csanmt, stub, words, monkeypatch: pytest.MonkeyPatch
) -> None:
    from csanmt.translator import Hypothesis, Translation

    cut = Translation("你好。", (Hypothesis("Hel", -1.0, 3, hit_limit=True),), 3)
    monkeypatch.setattr(StubTranslator, "_one", lambda *_: cut)
    outcome = csanmt(*words, "你好。")
    assert outcome.out == "Hel\n"
    assert outcome.err == "csanmt: 1 of 1 texts ran into the length limit (--max-length)\n"


@pytest.mark.parametrize(
    ("more", "status", "says"),
    [
        (["--beam", "0", "好"], 2, "beam is 0; allowed is 1 to 16"),
        (["--beam", "99", "好"], 2, "beam is 99"),
        (["--beam", "2", "--n-best", "3", "好"], 2, "n_best is 3; allowed is 1 to 2"),
        (["--n-best", "0", "好"], 2, "n-best is 0"),
        (["--max-length", "0", "好"], 2, "max_length is 0"),
        (["--length-penalty", "-1", "好"], 2, "length_penalty is -1"),
        (["--engine", "gpu", "好"], 2, "invalid choice: 'gpu'"),
        (["--file", "absent.txt"], 4, "'absent.txt'"),
        (["--file", "/"], 2, "'/' is a directory"),
        (["--file", "x", "好"], 2, "either TEXT or --file"),
        (["--output", "/no/such/dir/out", "好"], 4, "'/no/such/dir/out'"),
        (["\udcff"], 2, "is not UTF-8"),
    ],
)
def test_mistakes_are_explained(csanmt, stub, words, more, status: int, says: str) -> None:
    outcome = csanmt(*words, *more)
    assert outcome.status == status
    assert says in outcome.err
    assert outcome.out == ""


def test_a_wrong_model_or_input_leaves_the_output_file_alone(
    csanmt, store: ModelStore, stub, words, tmp_path: Path
) -> None:
    target = tmp_path / "out.txt"
    target.write_text("precious")
    assert csanmt("translate", "-m", "m:v1.0.0", "-o", target, "好").status == 4
    assert csanmt("translate", "-m", "./absent", "-o", target, "好").status == 4
    assert csanmt(*words, "-f", tmp_path / "absent", "-o", target).status == 4
    assert "would overwrite the input" in csanmt(*words, "-f", target, "-o", target).err
    assert target.read_text() == "precious"


def test_a_model_is_a_directory_or_a_checked_version(store: ModelStore, model: Path) -> None:
    assert find_model(str(model)) == (model, "model")
    store.save(model, "m:v1.0.0")
    assert find_model("m:v1.0.0") == (store.path("m:v1.0.0"), "m:v1.0.0")
    (store.path("m:v1.0.0") / "tokenizer" / "source.model").write_bytes(b"other")
    with pytest.raises(IntegrityError, match=r"changed: tokenizer/source\.model"):
        find_model("m:v1.0.0")
    with pytest.raises(NotFoundError, match="no model directory"):
        find_model("no/such/dir")


def test_float_weights_are_checked_unless_they_will_not_be_read(
    store: ModelStore, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (model / "model.safetensors").write_bytes(b"floats")
    store.save(model, "m:v1.0.0")
    (store.path("m:v1.0.0") / "model.safetensors").write_bytes(b"FLOATS")
    assert find_model("m:v1.0.0", "native")
    for engine in ("torch", "auto", None):
        with pytest.raises(IntegrityError, match=r"changed: model\.safetensors"):
            find_model("m:v1.0.0", engine)
    monkeypatch.setenv("CSANMT_ENGINE", "native")
    assert find_model("m:v1.0.0")


def test_without_a_model_the_default_one_is_put_into_the_store(
    csanmt, store: ModelStore, stub, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (model / "provenance.json").write_text("{}")
    monkeypatch.setattr(
        "model_store.shipped.ensure_default.__kwdefaults__", {"tag": DEFAULT_TAG, "source": model}
    )
    assert csanmt("translate", "你好。").out == "Hello.\n"
    assert store.verify(DEFAULT_TAG).ok


def test_the_option_outranks_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CSANMT_ENGINE", raising=False)
    assert [chosen_engine(e) for e in (None, "auto", "torch")] == [None, None, "torch"]
    monkeypatch.setenv("CSANMT_ENGINE", "torch")
    assert [chosen_engine(e) for e in (None, "auto", "native")] == ["torch", None, "native"]


@pytest.mark.parametrize(
    ("written", "asked", "expected"),
    [
        (None, {}, DecodingOptions()),
        ({"beam": 2, "length_penalty": 1, "max_length": 50}, {}, DecodingOptions(2, 1, 1, 50)),
        ({"num_beams": 3}, {"n_best": 2}, DecodingOptions(3, 2)),
        ({"beam": 2}, {"beam": 1}, DecodingOptions(1)),
        ({"beam": 2}, {"n_best": 6}, DecodingOptions(6, 6)),
        ({"beam": "four", "max_length": True}, {"max_length": 9}, DecodingOptions(max_length=9)),
        ([1], {}, DecodingOptions()),
    ],
)
def test_decoding_is_as_asked_else_the_models(
    tmp_path: Path, written: object, asked: dict, expected: DecodingOptions
) -> None:
    if written is not None:
        (tmp_path / "generation_config.json").write_text(json.dumps(written))
    assert decoding_options(tmp_path, **asked) == expected


def test_the_progress_bar_waits_and_needs_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    screen = io.StringIO()
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setattr("cli.progress.time", SimpleNamespace(monotonic=lambda: clock[0]))
    with ProgressBar("translating", 10) as bar:
        clock[0] = 60
        bar.advance(5)
    assert screen.getvalue() == ""
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(screen, "isatty", lambda: True)
    with ProgressBar("translating", 10) as bar:
        clock[0] += 1.9
        bar.advance(5)
        assert screen.getvalue() == ""
        clock[0] += 0.2
        bar.advance(1)
        assert bar._bar is not None
        assert bar._bar.tasks[0].completed == 6
    assert "translating" in screen.getvalue()


def test_help_of_translate_loads_no_model_libraries() -> None:
    program = (
        "import sys\nfrom cli.main import main\n"
        "try: main(['translate', '--help'])\nexcept SystemExit: pass\n"
        "print(sorted({'torch', 'transformers', 'bentoml', 'numpy', 'rich'} & set(sys.modules)))"
    )
    outcome = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert outcome.stdout.splitlines()[-1] == "[]"


def test_a_pipe_is_answered_line_by_line_in_any_locale(tmp_path: Path) -> None:
    """The real program: what is written first comes back before the rest is written."""
    program = (
        "import csanmt, sys\nfrom cli.main import main\n"
        "from tests.stub_translator import StubTranslator\n"
        "csanmt.load = lambda *_, **__: StubTranslator()\n"
        f"sys.exit(main(['translate', '--model', {str(tmp_path)!r}]))"
    )
    environment = {**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    with subprocess.Popen(
        [sys.executable, "-c", program],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=environment,
        bufsize=0,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for text in ("你好", "", "再见"):
            process.stdin.write(f"{text}\n".encode())
            assert process.stdout.readline().decode() == (f"[{text}]\n" if text else "\n")
        process.stdin.close()
        assert process.wait(60) == 0


def test_a_closed_standard_input_is_explained(csanmt, stub, words, monkeypatch) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    outcome = csanmt(*words)
    assert (outcome.status, "standard input is closed" in outcome.err) == (2, True)
