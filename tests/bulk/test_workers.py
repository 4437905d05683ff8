"""The real command with the shipped model: workers, kills, weights in common."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from cli.progress import BulkProgress
from csanmt.engine.native import is_available
from tests.bulk.corpora import (
    COUNT,
    DEFAULT_MODEL,
    children,
    csanmt_translate,
    parts,
    running,
    sentences,
    wait_until,
)

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(not is_available(), reason="the native engine is not installed"),
]


def finished(process: subprocess.Popen[str]) -> dict[str, Any]:
    out, err = process.communicate(timeout=280)
    assert process.returncode == 0, err
    summary: dict[str, Any] = json.loads(out)
    return summary


def words(source: Path, output: Path) -> list[object]:
    return ["--input", source, "--output", output, "--workers", 2, "--chunk-lines", 10, "--json"]


def test_kill_9_and_the_same_command_again_give_the_bytes_of_one_run(
    source: Path, expected: bytes, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    first = csanmt_translate(*words(source, out))
    wait_until(lambda: len(parts(out)) >= 3)
    workers = children(first.pid)
    assert len(workers) == 2
    first.kill()
    first.communicate()
    wait_until(lambda: not any(map(running, workers)))  # none outlives its parent
    done = len(parts(out))
    assert 3 <= done < COUNT // 10
    assert not (out / "zh.txt").exists()
    summary = finished(csanmt_translate(*words(source, out)))
    assert (out / "zh.txt").read_bytes() == expected
    assert summary["resumed"] == 10 * done
    assert summary["total"]["records"] == COUNT
    assert summary["total"]["kept"] == 2 * COUNT // 5
    assert parts(out) == []


def test_a_killed_worker_is_replaced_and_nothing_is_lost_or_doubled(
    source: Path, expected: bytes, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    process = csanmt_translate(*words(source, out))
    wait_until(lambda: len(parts(out)) >= 3 and len(children(process.pid)) == 2)
    victim, other = children(process.pid)
    wait_until(lambda: weights_private_bytes(other) is not None)
    assert weights_private_bytes(other) == 0
    os.kill(victim, signal.SIGKILL)
    summary = finished(process)
    assert summary["worker_deaths"] == 1
    assert summary["total"]["records"] == COUNT
    assert (out / "zh.txt").read_bytes() == expected


def weights_private_bytes(pid: int) -> int | None:
    """Bytes of the mapped weights that a process has for itself; None where they are not mapped."""
    wanted, found, mapped = str(DEFAULT_MODEL / "engine.bin"), 0, False
    inside = False
    for line in Path(f"/proc/{pid}/smaps").read_text().splitlines():
        if not line.split(" ")[0].endswith(":"):
            inside = line.endswith(wanted)
            mapped |= inside
        elif inside and line.startswith("Anonymous:"):  # copied on writing; not the file's cache
            found += int(line.split()[1]) * 1024
    return found if mapped else None


def test_ctrl_c_ends_it_at_once_and_says_so(tmp_path: Path) -> None:
    out, source = tmp_path / "out", tmp_path / "zh.txt"
    source.write_text(sentences(100 * COUNT), encoding="utf-8")  # never finished
    process = csanmt_translate(*words(source, out))
    wait_until(lambda: parts(out))
    workers = children(process.pid)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=120)
    assert (process.returncode, "interrupted" in err) == (130, True)
    wait_until(lambda: not any(map(running, workers)))


def test_what_a_worker_cannot_do_is_said_once(tmp_path: Path, source: Path) -> None:
    bad = tmp_path / "model"
    shutil.copytree(DEFAULT_MODEL, bad)
    (bad / "engine.bin").write_bytes(b"not an engine file")
    process = csanmt_translate(*words(source, tmp_path / "out"), "--model", bad)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 3, err
    assert json.loads(out)["error"]["code"] == "bad_checkpoint"
    assert err.count("csanmt: error:") == 1
    assert "Traceback" not in err


def test_a_log_says_how_far_and_how_long(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    monkeypatch.setattr("cli.progress.time", SimpleNamespace(monotonic=lambda: now[0]))
    progress = BulkProgress()
    for now[0], done in [(10.0, 100), (20.0, 300), (40.0, 700), (41.0, 720)]:
        progress.update(done, 8700)
    assert capsys.readouterr().err == (
        "csanmt: 700 of 8,700 records (8 %), 20 a second, 0:06:40 left\n"
    )
