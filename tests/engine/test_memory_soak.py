"""The default model's worker over ten thousand sentences; ``make soak``."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.engine.processes import footprint, steady_memory

DEFAULT = Path(__file__).parents[2] / "model_store" / "default" / "engine.bin"
MIB = 1024  # KiB


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_memory_is_flat_over_ten_thousand_sentences() -> None:
    sizes = steady_memory(DEFAULT, 10_000)
    assert list(sizes) == [1000 * n for n in range(1, 11)]
    assert sizes[10_000] - sizes[1_000] < 3 * MIB, sizes


@pytest.mark.soak
def test_it_loads_at_once_and_a_second_worker_shares_the_weights() -> None:
    found = footprint(DEFAULT)
    assert found.load_seconds < 0.3
    assert found.second_private < 120
