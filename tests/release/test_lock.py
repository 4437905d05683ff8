"""The committed locks are complete, agree with each other and name no index."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from csanmt.errors import ConfigurationError
from scripts.lock import EXCLUDED, SETS, _clean, normalise, read_pins

ROOT = Path(__file__).resolve().parents[2]
DEVELOPMENT, TRAINING, SERVING, RAY, RELEASE = (read_pins(ROOT / s.target) for s in SETS)


@pytest.mark.parametrize("dependency_set", SETS, ids=lambda s: s.name)
def test_every_pin_has_hashes_and_no_line_names_an_index(dependency_set) -> None:
    text = (ROOT / dependency_set.target).read_text(encoding="utf-8")
    assert not re.search(r"https?://|file://|--index-url|--find-links|--extra-index", text)
    blocks = re.split(r"\n(?=[a-z0-9])", text)
    pinned = [block for block in blocks if re.match(r"[a-z0-9].*==", block)]
    assert len(pinned) == len(read_pins(ROOT / dependency_set.target)) > 20
    assert all("--hash=sha256:" in block for block in pinned)


def test_the_smaller_sets_are_part_of_the_larger() -> None:
    assert SERVING.items() <= TRAINING.items() <= DEVELOPMENT.items()


def test_ray_can_be_installed_beside_the_development_set() -> None:
    assert "ray" in RAY
    assert {name: RAY[name] for name in RAY.keys() & DEVELOPMENT.keys()}.items() <= (
        DEVELOPMENT.items()
    )


@pytest.mark.parametrize("dependency_set", SETS, ids=lambda s: s.name)
def test_everything_asked_for_is_locked_as_asked(dependency_set) -> None:
    pins = read_pins(ROOT / dependency_set.target)
    for line in (ROOT / dependency_set.source).read_text(encoding="utf-8").splitlines():
        wanted = re.match(r"([A-Za-z0-9._-]+)==(\S+)", line)
        if wanted:
            assert pins[normalise(wanted[1])] == wanted[2]


@pytest.mark.parametrize("name", [*EXCLUDED, "nvidia-cublas", "triton"])
def test_torch_and_what_only_its_gpu_build_needs_are_in_no_lock(name: str) -> None:
    assert name not in DEVELOPMENT


@pytest.mark.parametrize("name", ["torch", "transformers", "tokenizers", "accelerate"])
def test_serving_needs_no_deep_learning_framework(name: str) -> None:
    assert name not in SERVING


@pytest.mark.parametrize("line", ["--index-url https://mirror.example/simple", "a @ file:///x.whl"])
def test_a_lock_that_would_name_an_index_is_refused(tmp_path: Path, line: str) -> None:
    output = tmp_path / "frozen.txt"
    output.write_text(f"a==1 \\\n    --hash=sha256:00\n{line}\n")
    with pytest.raises(ConfigurationError, match="index"):
        _clean(output)


@pytest.mark.parametrize(
    ("given", "asked"), [((), ""), (("UPGRADE=numpy httpx",), " --upgrade numpy httpx")]
)
def test_make_lock_moves_the_pins_that_are_named(given: tuple[str, ...], asked: str) -> None:
    command = ["make", "--dry-run", "--no-print-directory", "lock", *given]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1].rstrip() == f"sh scripts/lock.sh{asked}"
