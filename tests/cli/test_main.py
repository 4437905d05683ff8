from __future__ import annotations

import os
import subprocess
import sys
import types
from pathlib import Path

import pytest

from cli import main as entry
from csanmt.errors import CsanmtError

ROOT = Path(__file__).parents[2]


def _run(*words: str, **options: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "csanmt", *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        **options,
    )


@pytest.mark.parametrize("words", [["--help"], ["models", "--help"], ["models", "list"]])
def test_help_and_lists_load_neither_torch_nor_transformers_nor_bentoml(
    words: list[str], tmp_path: Path
) -> None:
    program = (
        "import sys\nfrom cli.main import main\n"
        f"try: main({words!r})\nexcept SystemExit: pass\n"
        "print(sorted({'torch', 'transformers', 'bentoml', 'numpy', 'rich'} & set(sys.modules)))"
    )
    outcome = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "BENTOML_HOME": str(tmp_path)},
    )
    assert outcome.stdout.splitlines()[-1] == "[]"


def test_help_names_every_group_and_exit_status(csanmt) -> None:
    outcome = csanmt("--help")
    assert outcome.status == 0
    for name in entry.GROUPS:
        assert f"    {name}" in outcome.out
    codes = {error.exit_code for error in _tree(CsanmtError)}
    for code in codes:
        assert f" {code} " in entry.EXIT_CODES
    assert csanmt().out == outcome.out


def _tree(kind: type[CsanmtError]) -> list[type[CsanmtError]]:
    return [kind, *(error for child in kind.__subclasses__() for error in _tree(child))]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["nonsense"], "invalid choice: 'nonsense'"),
        (["--nonsense"], "unrecognized arguments: --nonsense"),
        (["models", "nonsense"], "invalid choice: 'nonsense'"),
        (["models", "show"], "the following arguments are required: tag"),
    ],
)
def test_bad_usage_is_explained_and_exits_with_2(csanmt, words: list[str], says: str) -> None:
    outcome = csanmt(*words)
    assert outcome.status == 2
    assert says in outcome.err


def test_a_missing_group_or_package_is_said_in_one_line(
    csanmt, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "needs_more.py").write_text("import absent_package\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(entry.GROUPS, "absent", ("cli.absent", "is not there"))
    monkeypatch.setitem(entry.GROUPS, "needy", ("needs_more", "needs more"))
    outcome = csanmt("absent")
    assert outcome.status == 7
    assert outcome.err == (
        "csanmt: error: 'csanmt absent' needs 'cli.absent', which is not installed\n"
    )
    assert "needs 'absent_package', which is not installed" in csanmt("needy").err
    assert csanmt("models", "--help").status == 0


def _group(monkeypatch: pytest.MonkeyPatch, run) -> None:
    module = types.ModuleType("cli_probe")
    module.register = lambda parser: parser.set_defaults(run=run)
    monkeypatch.setitem(sys.modules, "cli_probe", module)
    monkeypatch.setitem(entry.GROUPS, "probe", ("cli_probe", "a probe"))


@pytest.mark.parametrize("kind", _tree(CsanmtError), ids=lambda kind: kind.__name__)
def test_every_error_of_ours_becomes_one_line_and_its_exit_code(
    csanmt, monkeypatch: pytest.MonkeyPatch, kind: type[CsanmtError]
) -> None:
    def run(_args: object) -> None:
        raise kind.__new__(kind, "what went\nwrong")  # some want more to be initialised

    _group(monkeypatch, run)
    outcome = csanmt("probe")
    assert (outcome.status, outcome.out) == (kind.exit_code, "")
    assert outcome.err == "csanmt: error: what went wrong\n"


@pytest.mark.parametrize(
    ("error", "status", "says"),
    [
        (FileNotFoundError(2, "No such file or directory", "x.txt"), 4, "directory: 'x.txt'"),
        (PermissionError(13, "Permission denied", "/srv/x"), 6, "Permission denied: '/srv/x'"),
        (OSError(28, "No space left on device"), 6, "No space left on device"),
        (KeyboardInterrupt(), 130, "interrupted"),
    ],
)
def test_what_the_system_refuses_is_no_traceback(
    csanmt, monkeypatch: pytest.MonkeyPatch, error: BaseException, status: int, says: str
) -> None:
    def run(_args: object) -> None:
        raise error

    _group(monkeypatch, run)
    outcome = csanmt("probe")
    assert outcome.status == status
    assert says in outcome.err


def test_a_reader_that_leaves_early_is_no_error_message(tmp_path: Path) -> None:
    read, write = os.pipe()
    os.close(read)
    process = subprocess.run(
        [sys.executable, "-m", "csanmt", "models", "list", "--json"],
        cwd=ROOT,
        stdout=write,
        stderr=subprocess.PIPE,
        check=False,
        env={**os.environ, "BENTOML_HOME": str(tmp_path)},
    )
    os.close(write)
    assert (process.returncode, process.stderr) == (141, b"")


def test_debugging_shows_the_traceback(tmp_path: Path) -> None:
    environment = {**os.environ, "BENTOML_HOME": str(tmp_path), "CSANMT_DEBUG": "1"}
    outcome = _run("models", "show", "m:v1.0.0", env=environment)
    assert outcome.returncode == 4
    assert "Traceback" in outcome.stderr
    assert outcome.stderr.splitlines()[-1].startswith("csanmt: error: no model m:v1.0.0")


def test_the_version_is_the_librarys(csanmt) -> None:
    import csanmt as library

    assert csanmt("--version").out == f"csanmt {library.__version__}\n"
