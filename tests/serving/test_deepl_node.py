"""DeepL's own client for Node, unmodified, from its package, against a live server."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.serving.live_application import KEY, live_application, locked_ring

PACKAGE = "deepl-node@1.28.0"
CALLS = Path(__file__).with_name("deepl_node_calls.cjs")


@pytest.fixture(scope="module")
def answers(tmp_path_factory) -> dict[str, Any]:
    """What every call of ``deepl_node_calls.cjs`` got."""
    if not shutil.which("node") or not shutil.which("npm"):
        pytest.skip("node and npm are not installed (Debian package npm)")
    folder = tmp_path_factory.mktemp("node")
    (folder / "package.json").write_text('{"private": true}')
    quiet = ["--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"]
    fetched = subprocess.run(
        ["npm", "install", *quiet, PACKAGE], cwd=folder, capture_output=True, text=True, timeout=200
    )
    if fetched.returncode:
        pytest.skip(f"npm could not fetch {PACKAGE}: {fetched.stderr.strip()[-200:]}")
    with live_application(tmp_path_factory.mktemp("locked"), locked_ring()) as live:
        called = subprocess.run(
            ["node", str(CALLS), str(folder), live.url, KEY],
            capture_output=True,
            text=True,
            timeout=120,
        )
    assert called.returncode == 0, called.stderr
    result: dict[str, Any] = json.loads(called.stdout)
    return result


def test_texts(answers) -> None:
    assert answers["one"] == {
        "text": "Hello world",
        "detectedSourceLang": "zh",
        "billedCharacters": 4,
    }
    assert [row["text"] for row in answers["many"]] == ["Good morning.", "Thank you!"]
    assert {row["modelTypeUsed"] for row in answers["many"]} == {"latency_optimized"}


def test_usage_and_languages(answers) -> None:
    count, limit, words = answers["usage"]
    assert (count, limit) == (11, 200)
    assert "Usage this billing period" in words
    assert answers["source"] == [{"code": "zh", "name": "Chinese"}]
    assert {row["code"] for row in answers["target"]} == {"en-US", "en-GB"}
    assert all(row["supportsFormality"] is False for row in answers["target"])


def test_glossaries_through_all_of_their_life(answers) -> None:
    kind, words = answers["glossary"].pop("missing")
    assert answers["glossary"] == {
        "counts": [1, 2],
        "replaced": 1,
        "found": {"上海": "Shanghai", "北京": "Beijing"},
        "names": ["towns", ["csv", "towns"]],
        "forced": "[Beijing。]",
        "terms": {"上海": "Shanghai"},
        "left": 0,
    }
    assert (kind, "not found" in words.lower()) == ("GlossaryNotFoundError", True)


@pytest.mark.parametrize(
    ("call", "kind", "words"),
    [
        ("stranger", "AuthorizationError", "Authorization failure"),
        ("language", "DeepLError", "target_lang"),
        ("sentences", "DeepLError", "split_sentences"),
        ("formality", "DeepLError", "formality"),
        ("rephrase", "DeepLError", "does not rephrase"),
        ("quota", "QuotaExceededError", "Quota"),
    ],
)
def test_errors_become_its_own_classes(answers, call: str, kind: str, words: str) -> None:
    found, message = answers[call]
    assert found == kind
    assert words in message
