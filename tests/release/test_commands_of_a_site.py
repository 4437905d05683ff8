"""Whole commands, as typed, on a real nginx and services that ``bentoml serve`` starts."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import httpx
import pytest

from benchmarks import service_process
from cli.main import build_parser, main
from csanmt.source_tree import SOURCE_TREE
from model_store import ModelStore
from release.build.manifest import pin_model
from release.build.model import publish_model
from release.rollout.nginx import NginxRouter
from release.rollout.site import Site
from release.rollout.status import look
from release.rollout.traffic import COLOURS
from tests.model_store.tiny_model import write_model
from tests.release.conftest import RELEASES, STUB
from tests.release.test_nginx import nginx_missing

needs_nginx = pytest.mark.skipif(nginx_missing, reason="nginx is not installed")


def csanmt(site: Site, *words: str) -> subprocess.CompletedProcess[str]:
    store = Path(str(site.launcher.store))  # type: ignore[attr-defined]
    return subprocess.run(
        [sys.executable, "-m", "csanmt", "release", *words, "--site", str(site.home)],
        cwd=SOURCE_TREE,
        capture_output=True,
        text=True,
        check=False,
        env={
            **os.environ,
            "CSANMT_LEDGER": str(site.ledger.path),
            "BENTOML_HOME": str(store),
            "PYTHONPATH": str(STUB),
        },
    )


def crash(site: Site) -> None:
    """All of it at once, as when the machine goes down."""
    router = site.router
    assert isinstance(router, NginxRouter)
    master = router.program.master()
    assert master is not None
    workers = Path(f"/proc/{master}/task/{master}/children").read_text().split()
    for pid in (master, *map(int, workers)):
        os.kill(pid, signal.SIGKILL)
    for colour in COLOURS:
        for pid in service_process.members(site.home / "colours" / f"{colour}-home"):
            os.kill(pid, signal.SIGKILL)


@needs_nginx
def test_a_site_comes_back_after_a_crash_and_goes_down_by_one_command_each(
    town: partial[Site],
) -> None:
    site = town()
    crash(site)
    done = csanmt(site, "up")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"{RELEASES[1]} serves at")
    front = site.router.settings.listen  # type: ignore[attr-defined]
    answer = httpx.post(f"http://{front}/translate", json={"text": "你好"}, trust_env=False)
    assert answer.json()["model"] == f"m:{RELEASES[1]}"
    done = csanmt(site, "down")
    assert done.returncode == 0, done.stderr
    assert not look(town()).live
    assert not any(site.launcher.runs(site.place(colour)) for colour in COLOURS)


@needs_nginx
def test_status_names_each_thing_that_is_wrong_and_never_ends_in_a_traceback(
    town: partial[Site],
) -> None:
    site = town()
    site.ledger.path.write_text("garbage " * 1000)
    (site.home / "colours" / "blue.json").write_text("{")
    (site.home / "rollout.toml").write_text("[nginx")
    done = csanmt(site, "status")
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert RELEASES[1] in done.stdout
    assert "not a database" in done.stderr
    assert "blue.json cannot be read" in done.stderr
    done = csanmt(site, "rollback")
    assert done.returncode == 0, done.stderr


def test_a_pipeline_with_an_empty_store_fetches_the_model_that_is_pinned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    tag, source = "csanmt-zh-en:v9.5.0", str(tmp_path / "models")
    (tmp_path / "model").mkdir()
    write_model(tmp_path / "model")
    trained = ModelStore(tmp_path / "trained")
    trained.save(tmp_path / "model", tag)
    (tmp_path / "release.toml").write_text((SOURCE_TREE / "release.toml").read_text())
    archive = publish_model(trained, tag, source)
    pin_model(tmp_path, tag, trained.show(tag).digest, source=source, archive=archive)
    monkeypatch.setenv("BENTOML_HOME", str(tmp_path / "pipeline"))
    assert main(["release", "fetch", "--manifest", str(tmp_path)]) == 0
    assert capsys.readouterr().out == f"{tag} came from {source}\n"
    assert ModelStore(tmp_path / "pipeline").show(tag).digest == trained.show(tag).digest


PAGES = [
    *SOURCE_TREE.glob("README*.md"),
    *(path for path in (SOURCE_TREE / "docs").glob("*.md") if path.name != "cli.md"),
]


def documented() -> list[str]:
    """Every ``csanmt release …`` of the documents, a command each."""
    found = set()
    for page in PAGES:
        for words in re.findall(r"csanmt release ([^`\n#&;|]+)", page.read_text(encoding="utf-8")):
            found.add(words.strip())
    return sorted(words for words in found if words)


@pytest.mark.parametrize("words", documented())
def test_a_documented_command_is_one(words: str, capsys: pytest.CaptureFixture[str]) -> None:
    """With the options that it has; an action that prose only names has a help."""
    for wild, value in (("VERSION", "v1.2.0"), ("TAG", "m:v1.2.0"), ("[", ""), ("]", "")):
        words = words.replace(wild, value)
    arguments = shlex.split(words)
    if len(arguments) == 1:
        arguments.append("--help")
    try:
        args = build_parser(only="release").parse_args(["release", *arguments])
        assert "is gone" not in str(args.run)
    except SystemExit as ended:
        if ended.code:
            pytest.fail(capsys.readouterr().err)
