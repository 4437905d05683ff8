"""The committed locks are complete, agree with each other and name no index."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SETS = ("development", "training", "serving", "ray", "release")


def locked(name: str) -> str:
    file = "requirements" if name == "serving" else f"requirements/{name}"
    return (ROOT / f"{file}-frozen.txt").read_text(encoding="utf-8")


def pins(name: str) -> dict[str, str]:
    return dict(re.findall(r"^([a-z0-9-]+)(?:\[.*\])?==([^\s;\\]+)", locked(name), re.MULTILINE))


DEVELOPMENT, TRAINING, SERVING, RAY, RELEASE = map(pins, SETS)


@pytest.mark.parametrize("name", SETS)
def test_every_pin_has_hashes_and_no_line_names_an_index(name: str) -> None:
    text = locked(name)
    assert not re.search(r"https?://|file://|--index-url|--find-links|--extra-index", text)
    blocks = re.split(r"\n(?=[a-z0-9])", text)
    pinned = [block for block in blocks if re.match(r"[a-z0-9].*==", block)]
    assert len(pinned) == len(pins(name)) > (10 if name == "ray" else 20)
    assert all("--hash=sha256:" in block for block in pinned)


def test_the_smaller_sets_are_part_of_the_larger() -> None:
    assert SERVING.items() <= TRAINING.items() <= DEVELOPMENT.items()


def test_ray_can_be_installed_beside_the_development_set() -> None:
    assert "ray" in RAY
    assert {name: RAY[name] for name in RAY.keys() & DEVELOPMENT.keys()}.items() <= (
        DEVELOPMENT.items()
    )


@pytest.mark.parametrize("name", SETS)
def test_everything_asked_for_is_locked_as_asked(name: str) -> None:
    found = pins(name)
    for line in (ROOT / f"requirements/{name}.in").read_text(encoding="utf-8").splitlines():
        if wanted := re.match(r"([A-Za-z0-9._-]+)==([^\s;]+)", line):
            assert found[re.sub(r"[-_.]+", "-", wanted[1]).lower()] == wanted[2]


@pytest.mark.parametrize("name", ["torch", "nvidia-cublas", "triton"])
def test_torch_and_what_only_its_gpu_build_needs_are_in_no_lock(name: str) -> None:
    assert name not in DEVELOPMENT


@pytest.mark.parametrize("name", ["torch", "transformers", "tokenizers", "accelerate"])
def test_serving_needs_no_deep_learning_framework(name: str) -> None:
    assert name not in SERVING


@pytest.mark.parametrize(
    ("given", "asked"), [((), ""), (("UPGRADE=numpy httpx",), " --upgrade numpy httpx")]
)
def test_make_lock_moves_the_pins_that_are_named(given: tuple[str, ...], asked: str) -> None:
    command = ["make", "--dry-run", "--no-print-directory", "lock", *given]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1].rstrip() == f"sh scripts/lock.sh{asked}"
