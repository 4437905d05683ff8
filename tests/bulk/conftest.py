"""What the tests of the real command share: its corpus, and what becomes of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bulk.corpora import COUNT, csanmt_translate, sentences


@pytest.fixture(scope="session")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``COUNT`` lines."""
    path = tmp_path_factory.mktemp("in") / "zh.txt"
    path.write_text(sentences(COUNT), encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def expected(source: Path, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """What ``--file``, the way without workers, makes of it."""
    target = tmp_path_factory.mktemp("once") / "en.txt"
    process = csanmt_translate("--file", source, "--output", target)
    assert process.wait(280) == 0, process.communicate()
    return target.read_bytes()
