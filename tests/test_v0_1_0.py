"""What v0.1.0 wrote opens for ever: versions, ledger, site, keys, memory, glossaries."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from csanmt.loading import load_translator
from csanmt.memory.entries import Direction
from csanmt.memory.store import TranslationMemory
from csanmt.translator import DecodingOptions
from model_store.store import ModelStore
from release.ledger.ledger import Kind, Ledger
from release.ledger.state import fold
from release.rollout.colours import Colours
from release.rollout.nginx import NginxRouter
from release.rollout.settings import NginxSettings, SiteSettings
from release.rollout.traffic import Traffic
from serving.glossaries.store import GlossaryStore
from serving.http.keys import KeyRing
from serving.suggestions import read_suggestions

WRITTEN = Path(__file__).with_name("fixtures") / "v0.1.0"
VERSIONS = [f"csanmt-tiny:v1.{n}.0" for n in range(5)]
FIRST, SECOND, THIRD, FOURTH, FIFTH = (f"v0.{n}.0-{n}{n}{n}aaaa" for n in range(1, 6))


@pytest.fixture
def written(tmp_path: Path) -> Path:
    """A copy: opening some of it writes."""
    return Path(shutil.copytree(WRITTEN, tmp_path / "v0.1.0"))


def test_it_is_small_and_holds_nothing_of_the_machine_that_wrote_it() -> None:
    files = [path for path in WRITTEN.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 1_500_000
    for path in files:
        assert not any(word in path.read_bytes() for word in (b"/home/", b"/root", b"/tmp"))


def test_its_store_lists_and_verifies_every_version() -> None:
    store = ModelStore(WRITTEN / "store")
    assert [str(record.tag) for record in store.list()] == VERSIONS
    assert [store.verify(tag).ok for tag in VERSIONS] == [True] * 5
    first, last = store.show(VERSIONS[0]), store.show(VERSIONS[4])
    assert (first.labels, first.metadata["seed"]) == ({"kind": "floats too"}, 11)
    assert last.origin["recipe"] == "random weights"
    assert "shortlist.bin" in last.files


@pytest.mark.parametrize("tag", VERSIONS)
def test_its_versions_load_and_answer_as_they_did(tag: str) -> None:
    expected = json.loads((WRITTEN / "answers.json").read_text())
    translator = load_translator(ModelStore(WRITTEN / "store").open(tag), model_tag=tag)
    options = DecodingOptions(beam=4, n_best=2, max_length=12)
    answers = translator.engine.translate_ids(expected["sources"], options)
    assert [[list(h.ids) for h in row] for row in answers] == [
        [row["ids"] for row in rows] for rows in expected["answers"]
    ]
    scores = [row["score"] for rows in expected["answers"] for row in rows]
    assert [h.score for row in answers for h in row] == pytest.approx(scores, abs=1e-5)


def test_its_ledger_opens_is_whole_and_says_who_serves(written: Path) -> None:
    ledger = Ledger(written / "site" / "ledger.sqlite3")
    assert ledger.check() == 45
    state = fold(ledger.history())
    assert (state.active, state.generation) == (FIFTH, 12)
    assert state.served == (FIFTH, SECOND, FOURTH, THIRD, FIRST)
    assert state.left == (THIRD, FOURTH)
    assert {name: version.retired for name, version in state.versions.items()} == {
        FIRST: True,
        SECOND: False,
        THIRD: True,
        FOURTH: False,
        FIFTH: False,
    }
    assert [entry.why for entry in ledger.history(kind=Kind.ROLLBACK)] == [
        "drill",
        "wrong numbers",
        "by hand",
    ]
    ledger.append(Kind.NOTE, FIFTH, who="ada", why="written by a later version")
    assert ledger.check() == 46


def test_its_site_opens(written: Path) -> None:
    home = written / "site"
    settings = SiteSettings.read(home / "rollout.toml")
    assert (settings.launcher, settings.ready_seconds) == ("process", 30.0)
    assert settings.environment == {"CSANMT_MAX_CHARACTERS": "5000"}
    assert settings.nginx == NginxSettings(rate_per_second=10_000, burst=10_000)
    colours = Colours(home / "colours")
    blue = colours.get("blue")
    assert blue is not None
    assert (blue.release, blue.address) == (FIFTH, "127.0.0.1:3001")
    green = colours.get("green")
    assert green is not None
    assert (green.release, green.model, green.ending) == (SECOND, "csanmt-zh-en:v0.2.0", False)


@pytest.mark.skipif(not shutil.which("nginx"), reason="nginx is not installed")
def test_its_traffic_is_read_back(written: Path) -> None:
    router = NginxRouter(written / "site" / "nginx", NginxSettings())
    assert router.written() == Traffic(
        blue=100, green=0, sticky=True, generation=12, purpose="promotion"
    )


def test_its_keys_open_what_they_opened() -> None:
    keys = KeyRing.load(WRITTEN / "keys.json")
    assert len(keys) == 3
    for secret, name, scope, other in (
        ("csk_website", "website", "translate", "metrics"),
        ("csk_plain", "plain", "translate", "admin"),
    ):
        key = keys.find(secret)
        assert key is not None
        assert (key.name, key.allows(scope), key.allows(other)) == (name, True, False)
    operator, website = keys.find("csk_operator"), keys.find("csk_website")
    assert operator is not None
    assert operator.allows("metrics")
    assert website is not None
    assert (website.requests_per_minute, website.characters_per_day) == (600, 2_000_000)


def test_its_memory_remembers(written: Path) -> None:
    memory = TranslationMemory(written / "memory.sqlite3", create=False)
    assert len(memory) == 2
    here = Direction("zh", "en", "csanmt-zh-en:v1.2.0")
    sentences = ["你好，世界。", "今天天气很好。"]
    found = memory.exact(here, sentences)
    assert [found[sentence].pair.target for sentence in sentences] == [
        "Hello, world.",
        "Fine today.",
    ]
    elsewhere = memory.exact(Direction("zh", "en", "csanmt-zh-en:v9.9.9"), sentences)
    assert list(elsewhere) == sentences[:1]
    assert {entry.pair.origin for entry in memory.entries()} == {"suggestion", "a.tmx"}
    memory.close()


def test_its_glossaries_are_their_owners(written: Path) -> None:
    glossaries = GlossaryStore(str(written / "glossaries.sqlite3"))
    assert [found.name for found in glossaries.all("website")] == ["cities"]
    assert glossaries.pairs("website", "cities", ("zh", "en")) == (
        ("上海", "Shanghai"),
        ("北京", "Peking"),
    )
    (food,) = glossaries.all("")
    assert food.counts == {("zh", "en"): 1, ("en", "zh"): 1}
    assert glossaries.pairs("", food.identity, ("en", "zh")) == (("bean curd", "豆腐"),)


def test_its_suggestions_are_read() -> None:
    (first, second), bad = read_suggestions(WRITTEN / "suggestions.jsonl")
    assert bad == []
    assert (first.q, first.s, first.model) == ("你好。", "Hello.", "csanmt-zh-en:v1.2.0")
    assert (second.q, second.s, second.at) == ("谢谢\u2028你", "Thank\nyou", 1_780_000_001.0)
