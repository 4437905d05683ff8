"""The default model's worker over ten thousand sentences; ``make soak``."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.engine.processes import measure

DEFAULT = Path(__file__).parents[2] / "model_store" / "default" / "engine.bin"


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_memory_is_flat_and_a_second_worker_shares_the_weights() -> None:
    found, second = measure(DEFAULT, 10_000)
    assert list(found.rss) == [str(1000 * n) for n in range(1, 11)]
    assert found.rss["10000"] - found.rss["1000"] < 3, found.rss
    assert min(found.load_seconds, second.load_seconds) < 0.3
    assert second.private < 120
