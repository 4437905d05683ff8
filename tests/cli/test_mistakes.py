"""Words thrown at the commands at random: every outcome is an exit status of ours."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cli.main import main
from model_store.store import ModelStore
from tests.stub_translator import StubTranslator

TAG = "m:v1.0.0"
STATUSES = {0, 2, 3, 4, 5, 6, 7}
ACTIONS = ["list", "show", "verify", "diff", "save", "pack", "export", "import", "retire"]
WORDS = [
    TAG, "m", "m:v9.0.0", "m:latest", "M:v1.0.0+x", "", ":", "v1.1.0", "n", "--name", "--version",
    "--label", "a=b", "a", "--metadata", "x={", "--json", "--yes", "--keep", "3", "-1",
    "--none-in-service", "--in-service", "--served", "--sha256", "0" * 64, "12", "--out",
    "--save-as", "--slim", "MODEL", "MODEL/config.json", "absent/dir", "/proc/nope", "\udcff", "--",
]  # fmt: skip
ODD = st.text(st.characters(exclude_characters="\0/"), max_size=8)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a model directory and a store that holds one version."""
    from tests.model_store.tiny_model import write_model

    folder = tmp_path_factory.mktemp("mistakes")
    write_model(folder / "MODEL")
    ModelStore(folder / "home").save(folder / "MODEL", TAG)
    return folder


def _run(place: Path, words: list[str], monkeypatch: pytest.MonkeyPatch) -> int:
    out, err = io.StringIO(), io.StringIO()
    with monkeypatch.context() as patched:
        patched.setenv("BENTOML_HOME", str(place / "home"))
        patched.setattr("csanmt.load", lambda *_, **__: StubTranslator())
        patched.setattr("sys.stdin", None)
        patched.chdir(place)
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                status = main(words)
            except SystemExit as leaving:
                status = int(leaving.code or 0)
    assert "Traceback" not in err.getvalue()
    return status


@settings(deadline=None, max_examples=60, suppress_health_check=list(HealthCheck))
@given(action=st.sampled_from(ACTIONS), rest=st.lists(st.sampled_from(WORDS) | ODD, max_size=6))
def test_models_never_shows_a_traceback(
    place: Path, action: str, rest: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert _run(place, ["models", action, *rest], monkeypatch) in STATUSES
    assert ModelStore(place / "home").verify(TAG).ok


OPTIONS = [
    "--model", "MODEL", TAG, "--beam", "2", "0", "x", "--n-best", "99", "--json", "--file",
    "MODEL/config.json", "MODEL", "--engine", "torch", "--output", "/proc/nope/x",
    "-", "--max-length", "--length-penalty", "nan", "inf", "-1", "你好。", "\ud83d",
]  # fmt: skip


@settings(deadline=None, max_examples=60, suppress_health_check=list(HealthCheck))
@given(rest=st.lists(st.sampled_from(OPTIONS) | ODD, max_size=6))
def test_translate_never_shows_a_traceback(
    place: Path, rest: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert _run(place, ["translate", *rest], monkeypatch) in STATUSES
