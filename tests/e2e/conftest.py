"""What several end-to-end tests share because it takes long to make."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.ill_colours import Place, two_colours
from tests.e2e.workshop import Workshop


@pytest.fixture(scope="session")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    return Workshop(tmp_path_factory.mktemp("release"))


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """FIRST in service on blue, SECOND ready on green."""
    with two_colours(tmp_path) as found:
        yield found
