"""The compatibility matrix of libraries: `make compat` tries each combination on its own.

For each combination a throw-away environment is made, the packages are installed, and
three questions are asked: do ModelScope's goldens hold (model, tokenizer, beam search)?
does the native engine reproduce the torch model? does the service start and pass the API
tests? torch is not downloaded again: its CPU build is linked from the running environment.

Outcomes are kept in build/compat.json, so a run may do a few combinations at a time; the table
shows all that were tried.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from benchmarks import service_process
from csanmt.errors import CsanmtError
from release.running.command import CommandError, run_command
from release.running.trial import ask_api
from scripts.lock import UV, read_pins

TEST_TOOLS = ("pytest", "pytest-timeout", "hypothesis", "httpx")
TORCH_PARTS = ("torch", "torchgen", "functorch")
TABLE_START = "<!-- matrix: written by `make compat` -->"
TABLE_END = "<!-- end of matrix -->"
ENGINE_TEST = "tests/engine/test_native_goldens.py"
GOLDEN_TEST = "tests/csanmt/test_goldens.py"


@dataclass(frozen=True)
class Combination:
    """Pins that replace those of the lock."""

    name: str
    pins: Mapping[str, str]
    note: str = ""


COMBINATIONS = (
    Combination("locked", {}, "what ships"),
    Combination("transformers 4", {"transformers": "4.57.6", "huggingface-hub": "0.36.2"}),
    Combination(
        "numpy 1",
        {"numpy": "1.26.4", "transformers": "4.57.6", "huggingface-hub": "0.36.2",
         "matplotlib": "3.10.8", "contourpy": "1.3.3"},
    ),
    Combination("sentencepiece 0.2.0", {"sentencepiece": "0.2.0"}),
    Combination("BentoML 1.4.38", {"bentoml": "1.4.38"}),
    Combination("BentoML 1.4.37", {"bentoml": "1.4.37"}),
    Combination(
        "the article's but torch",
        {"transformers": "4.35.2", "numpy": "1.23.5", "tokenizers": "0.15.2",
         "huggingface-hub": "0.36.2"},
    ),
    Combination(
        "the article's",
        {"transformers": "4.35.2", "numpy": "1.23.5", "torch": "1.13.1"},
        "as published for the original service",
    ),
)  # fmt: skip


@dataclass
class Outcome:
    """What became of one combination."""

    name: str
    versions: dict[str, str] = field(default_factory=dict)
    answers: dict[str, str] = field(default_factory=dict)
    """question -> '' when passed, else the error in one line"""

    @property
    def works(self) -> bool:
        """Whether every question was answered well."""
        return bool(self.answers) and not any(self.answers.values())


def try_combination(combination: Combination, root: Path, model: Path, port: int) -> Outcome:
    """Install one combination and ask it everything; never raises for what does not work.

    Args:
        root: the repository.
        model: a directory that ``csanmt.load`` reads, with packed weights.
        port: a free port for the service.
    """
    outcome = Outcome(combination.name, shown_versions(combination))
    with tempfile.TemporaryDirectory(prefix="csanmt-compat-") as scratch:
        python = Path(scratch) / "env" / "bin" / "python"
        steps: dict[str, Callable[[], object]] = {
            "installs": lambda: _install(combination, root, python),
            "goldens": lambda: _pytest(python, root, GOLDEN_TEST),
            "engine": lambda: _pytest(python, root, ENGINE_TEST),
            "service": lambda: _serve(python, root, model, port, Path(scratch)),
        }
        for question, step in steps.items():
            try:
                step()
                outcome.answers[question] = ""
            except CsanmtError as error:
                outcome.answers[question] = one_line(str(error))
                if question == "installs":
                    break
    return outcome


def shown_versions(combination: Combination) -> dict[str, str]:
    """Return the versions of what the matrix is about, locked ones where nothing is pinned."""
    names = ("transformers", "numpy", "torch", "sentencepiece", "bentoml")
    installed = {name: importlib.metadata.version(name).partition("+")[0] for name in names}
    return {name: combination.pins.get(name, installed[name]) for name in names}


def one_line(text: str, limit: int = 240) -> str:
    """Return the most telling line of an error, shortened, without paths of this machine."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    telling = [
        line for line in lines if any(w in line for w in ("Error", "×", "because", "FAILED"))
    ]
    chosen = (telling or lines or ["unknown"])[-1 if not telling else 0]
    for place in (os.getcwd(), tempfile.gettempdir(), str(Path.home())):
        chosen = chosen.replace(place, "…")
    return chosen if len(chosen) <= limit else chosen[: limit - 1] + "…"


def _install(combination: Combination, root: Path, python: Path) -> None:
    run_command([*UV, "venv", "--quiet", "--python", sys.executable, str(python.parent.parent)])
    pins = dict(combination.pins)
    wanted_torch = pins.pop("torch", None)
    lock = _lock_without(root / "requirements" / "development-frozen.txt", pins)
    requirements = python.parent.parent / "requirements.txt"
    requirements.write_text("\n".join([*lock, *(f"{k}=={v}" for k, v in pins.items())]) + "\n")
    if wanted_torch:
        _refuse_cuda(python, requirements, wanted_torch)
    run_command([
        *UV, "pip", "install", "--quiet", "--python", str(python), "-r", str(requirements),
        "--override", str(_no_torch(python)), "--link-mode", "hardlink",
    ], timeout=900)  # fmt: skip
    _link_torch_and_engine(python)


def _refuse_cuda(python: Path, requirements: Path, torch: str) -> None:
    """Ask the resolver about another torch, and say that it is not installed.

    Raises:
        CommandError: always; with the resolver's reason where there is one.
    """
    with requirements.open("a") as stream:
        stream.write(f"torch=={torch}\n")
    command = [*UV, "pip", "install", "--quiet", "--dry-run", "--python", str(python), "-r",
               str(requirements)]  # fmt: skip
    run_command(command, timeout=600)
    raise CommandError(
        f"Error: the set resolves, but torch {torch} is on the package index only as a CUDA "
        "build of about two gigabytes; it was not installed and nothing was tried with it"
    )


def _lock_without(lock: Path, pins: Mapping[str, str]) -> list[str]:
    """Return direct pins of the lock that a combination does not replace.

    Only what is asked for by name is pinned, so that the resolver may choose what
    the replaced packages need in turn.
    """
    asked = set(TEST_TOOLS)
    for name in ("serving.in", "training.in"):
        asked |= read_pins(lock.with_name(name)).keys()
    loose = {"starlette", "pydantic", "setuptools", "fsspec", "filelock", "accelerate"}
    kept = asked - pins.keys()
    found = []
    for line in lock.read_text(encoding="utf-8").splitlines():
        name, _, rest = line.partition("==")
        if name in kept and rest:
            version = rest.split()[0]
            found.append(name if name in loose else f"{name}=={version}")
    return found


def _no_torch(python: Path) -> Path:
    path = python.parent.parent / "override.txt"
    path.write_text("torch ; sys_platform == 'never'\n")
    return path


def _link_torch_and_engine(python: Path) -> None:
    """Make this environment's torch and native engine importable in the other one."""
    here = Path(str(importlib.metadata.distribution("torch").locate_file("")))
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    there = python.parent.parent / "lib" / version / "site-packages"
    names = [*TORCH_PARTS, "csanmt_engine"]
    names += [p.name for p in here.glob("torch-*.dist-info")]
    names += [p.name for p in here.glob("csanmt_engine-*.dist-info")]
    for name in names:
        if (here / name).exists() and not (there / name).exists():
            (there / name).symlink_to(here / name)


def _pytest(python: Path, root: Path, test: str) -> None:
    if not (root / test).exists():
        raise CommandError(f"{test} is not in this tree")
    environment = {**os.environ, "PYTHONPATH": str(root), "OMP_NUM_THREADS": "1"}
    command = [str(python), "-m", "pytest", "-x", "-q", "--no-header", "-p", "no:cacheprovider",
               "-W", "ignore", "-m", "not soak", test]  # fmt: skip
    output = run_command(command, cwd=root, environment=environment, timeout=900)
    if " passed" not in output:
        raise CommandError(f"no test ran: {output.strip().splitlines()[-1]}")


def _serve(python: Path, root: Path, model: Path, port: int, scratch: Path) -> None:
    environment = {
        **os.environ, "PYTHONPATH": str(root), "CSANMT_MODEL_DIRECTORY": str(model),
        "CSANMT_PORT": str(port), "CSANMT_WORKERS": "1", "CSANMT_HOST": "127.0.0.1",
        "BENTOML_DO_NOT_TRACK": "true",
    }  # fmt: skip
    home, log = scratch / "bentoml", scratch / "service.log"
    home.mkdir(parents=True, exist_ok=True)
    command = [str(python), "-m", "bentoml", "serve", "service:CsanmtService", "--port", str(port)]
    handle = service_process.start(command, home, log, environment=environment, cwd=root)
    try:
        url = f"http://127.0.0.1:{port}"
        service_process.await_ready(
            url,
            lambda: service_process.alive(handle),
            lambda: service_process.last_words(log),
        )
        ask_api(url, root / "tests" / "api_test.py")
    finally:
        service_process.stop(home)
        shutil.rmtree(scratch / "bentoml", ignore_errors=True)


def table(outcomes: list[Outcome]) -> str:
    """Return the matrix as Markdown."""
    versions = ["transformers", "numpy", "torch", "sentencepiece", "bentoml"]
    questions = ["installs", "goldens", "engine", "service"]
    head = ["combination", *versions, *questions]
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    notes: list[str] = []
    for outcome in outcomes:
        cells = [outcome.name, *(outcome.versions[name] for name in versions)]
        for question in questions:
            error = outcome.answers.get(question)
            cells.append("–" if error is None else "❌" if error else "✅")
            if error:
                notes.append(f"- **{outcome.name}, {question}:** `{error.replace('`', chr(39))}`")
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join([*lines, "", *(notes or ["Nothing failed."])])


def write_table(document: Path, text: str) -> None:
    """Replace what stands between the markers in ``document``."""
    whole = document.read_text(encoding="utf-8")
    before, _, rest = whole.partition(TABLE_START)
    _, _, after = rest.partition(TABLE_END)
    document.write_text(f"{before}{TABLE_START}\n\n{text}\n\n{TABLE_END}{after}", encoding="utf-8")


ROOT = Path(__file__).resolve().parent.parent
KEPT = ROOT / "build" / "compat.json"
MODEL = ROOT / "model_store" / "default"


def main() -> int:
    """Run the command; returns 1 when the locked combination does not work."""
    parser = argparse.ArgumentParser(prog="compat", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("names", nargs="*", help="combinations to try (all)")
    parser.add_argument("--port", type=int, default=3395, help="for the service (3395)")
    parser.add_argument("--model", type=Path, default=MODEL, help="model directory to serve")
    parser.add_argument("--list", action="store_true", help="name the combinations and stop")
    options = parser.parse_args()
    if options.list:
        print("\n".join(combination.name for combination in COMBINATIONS))
        return 0
    known = json.loads(KEPT.read_text()) if KEPT.exists() else {}
    for combination in COMBINATIONS:
        if options.names and combination.name not in options.names:
            continue
        outcome = try_combination(combination, ROOT, options.model, options.port)
        print(f"{'✅' if outcome.works else '❌'} {outcome.name} {outcome.answers}", flush=True)
        known[outcome.name] = asdict(outcome)
        KEPT.parent.mkdir(exist_ok=True)
        KEPT.write_text(json.dumps(known, indent=2, ensure_ascii=False))
        tried = [Outcome(**known[c.name]) for c in COMBINATIONS if c.name in known]
        write_table(ROOT / "docs" / "compatibility.md", table(tried))
    locked = known.get("locked")
    return 0 if locked and Outcome(**locked).works else 1


if __name__ == "__main__":
    sys.exit(main())
