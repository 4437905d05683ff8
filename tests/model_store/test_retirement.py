from __future__ import annotations

from pathlib import Path

import pytest

from csanmt.errors import ConflictError, IntegrityError, InvalidInputError, NotFoundError
from model_store.digests import FileDigest
from model_store.provenance import Record
from model_store.retirement import judge, retire
from model_store.store import ModelStore
from model_store.tags import ModelTag


def _records(*versions: str) -> list[Record]:
    """Created in the order given, one second apart."""
    return [
        Record(
            ModelTag("m", version), f"2026-01-01T00:00:{k:02}.000000Z", "", {}, FileDigest(0, "")
        )
        for k, version in enumerate(versions)
    ]


def _tags(*versions: str) -> set[ModelTag]:
    return {ModelTag("m", version) for version in versions}


@pytest.mark.parametrize(
    ("versions", "in_service", "served", "goes"),
    [
        ("v1.0.0", "", "", ""),
        ("v1.0.0 v1.1.0 v1.2.0", "", "", ""),
        ("v1.0.0 v1.1.0 v1.2.0 v1.3.0", "", "", "v1.0.0"),
        ("v1.0.0 v1.1.0 v1.2.0 v1.3.0", "v1.0.0", "", ""),
        # newest by version, not by date: an old line's fix saved last is still old
        ("v2.0.0 v2.1.0 v2.2.0 v1.0.9", "v2.2.0", "", "v1.0.9"),
        ("v1.9.0 v1.10.0 v1.11.0 v1.12.0", "", "", "v1.9.0"),
        # builds of one version: by date
        ("v1.0.0-bbb v1.0.0-aaa v1.0.0-ccc v1.0.0-000", "", "", "v1.0.0-bbb"),
        # two that served long ago stay for a rollback, candidates or not
        (
            "v1.0.0 v1.1.0 v1.2.0 v1.3.0 v1.4.0 v1.5.0 v1.6.0",
            "v1.3.0",
            "v1.0.0 v1.1.0 v1.2.0 v1.3.0",
            "v1.0.0",
        ),
        ("v1.0.0 v1.1.0 v1.2.0 v1.3.0 v1.4.0 v1.5.0", "", "", "v1.0.0 v1.1.0 v1.2.0"),
        ("v1.0.0 v1.1.0 v1.2.0 v1.3.0 v1.4.0", "v1.0.0 v9.9.9", "", "v1.1.0"),
    ],
)
def test_what_may_go(versions: str, in_service: str, served: str, goes: str) -> None:
    verdicts = judge(
        _records(*versions.split()), _tags(*in_service.split()), served=_tags(*served.split())
    )
    assert [record.tag.version for record, why in verdicts if not why] == goes.split()


def test_fewer_than_three_may_not_be_kept() -> None:
    with pytest.raises(InvalidInputError, match="keep is 2; allowed is 3 or more"):
        judge([], set(), keep=2)


@pytest.fixture
def five(store: ModelStore, model: Path) -> ModelStore:
    for minor in range(5):
        store.save(model, f"m:v1.{minor}.0")
    store.save(model, "other:v1.0.0")
    return store


def _left(store: ModelStore) -> list[str]:
    return [record.tag.version for record in store.list("m")]


def test_a_dry_run_removes_nothing_and_the_real_one_what_it_said(five: ModelStore) -> None:
    planned = retire(five, "m", _tags("v1.1.0"))
    assert [record.tag.version for record, why in planned if not why] == ["v1.0.0"]
    assert len(_left(five)) == 5
    assert retire(five, "m", _tags("v1.1.0"), dry_run=False) == planned
    assert _left(five) == ["v1.1.0", "v1.2.0", "v1.3.0", "v1.4.0"]
    assert five.verify("other:v1.0.0").ok
    assert retire(five, "m", _tags("v1.1.0"), dry_run=False)[0][1] == "in service"
    assert len(_left(five)) == 4


def test_one_version_is_removed_by_its_tag_unless_it_must_stay(five: ModelStore) -> None:
    with pytest.raises(ConflictError, match=r"m:v1\.0\.0 stays: it is in service"):
        retire(five, "m:v1.0.0", _tags("v1.0.0"), dry_run=False)
    with pytest.raises(ConflictError, match=r"m:v1\.2\.0 stays: it is one of the newest 3"):
        retire(five, "m:v1.2.0", set(), dry_run=False)
    with pytest.raises(NotFoundError, match=r"no model m:v7\.0\.0"):
        retire(five, "m:v7.0.0", set(), dry_run=False)
    with pytest.raises(InvalidInputError, match="model name"):
        retire(five, "M", set())
    (five.path("m:v1.0.0") / "provenance.json").write_text("{}")
    with pytest.raises(IntegrityError, match="not a record"):
        retire(five, "m:v1.0.0", set(), dry_run=False)
    retire(five, "m:v1.1.0", set(), dry_run=False)
    assert _left(five) == ["v1.2.0", "v1.3.0", "v1.4.0"]
    assert five.path("m:v1.0.0").is_dir()
