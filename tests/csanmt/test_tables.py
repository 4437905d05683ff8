"""Settings files say which key is wrong, what it holds and what is allowed."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from csanmt.errors import ConfigurationError
from csanmt.tables import build, read_toml


@dataclass(frozen=True)
class Front:
    listen: str = "127.0.0.1:80"
    workers: int = 1


@dataclass(frozen=True)
class Settings:
    name: str
    seconds: float = 1.0
    on: bool = False
    tags: tuple[str, ...] = ()
    limits: dict[str, float] = field(default_factory=dict)
    key: Path | None = None
    front: Front = Front()
    pair: tuple[str, str] = ("zh", "en")

    def __post_init__(self) -> None:
        if self.seconds < 0:
            raise ConfigurationError("seconds is below 0")


def test_a_table_becomes_its_dataclass() -> None:
    table = {
        "name": "a",
        "seconds": 2,
        "tags": ["x", "y"],
        "limits": {"p": 1},
        "key": "k.pub",
        "front": {"workers": 3},
    }
    built = build(Settings, table)
    assert built == Settings(
        "a", 2.0, tags=("x", "y"), limits={"p": 1.0}, key=Path("k.pub"), front=Front(workers=3)
    )
    assert isinstance(built.seconds, float)


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ({}, "f.toml: name is missing"),
        ({"name": "a", "nam": 1}, "f.toml: nam is an unknown key; allowed is front, key, limits"),
        ({"name": 1}, "f.toml: name is 1; allowed is a string"),
        ({"name": "a", "seconds": "1"}, "seconds is '1'; allowed is a number"),
        ({"name": "a", "seconds": True}, "seconds is True; allowed is a number"),
        ({"name": "a", "on": 1}, "on is 1; allowed is true or false"),
        ({"name": "a", "tags": "x"}, "tags is 'x'; allowed is a list"),
        ({"name": "a", "pair": ["zh"]}, "pair is ['zh']; allowed are 2 values"),
        ({"name": "a", "tags": [1]}, "tags[0] is 1; allowed is a string"),
        ({"name": "a", "limits": {"p": "x"}}, "limits.p is 'x'; allowed is a number"),
        ({"name": "a", "front": {"worker": 1}}, "f.toml: front.worker is an unknown key"),
        ({"name": "a", "front": {"workers": 1.5}}, "front.workers is 1.5; allowed is a whole"),
        ({"name": "a", "front": 3}, "f.toml: front is 3; allowed is a table"),
        ({"name": "a", "seconds": -1}, "seconds is below 0"),
        ([], "f.toml is []; allowed is a table"),
    ],
)
def test_a_mistake_is_named(table: object, says: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        build(Settings, table, "f.toml: ")
    assert says in str(refused.value)


@pytest.mark.parametrize("content", [b"name = ", b"\xff"])
def test_a_file_that_is_not_toml_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "f.toml"
    with pytest.raises(ConfigurationError, match=r"f\.toml: No such file"):
        read_toml(path)
    path.write_bytes(content)
    with pytest.raises(ConfigurationError, match=r"f\.toml: "):
        read_toml(path)
