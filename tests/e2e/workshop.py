"""A clone of this repository in which releases are built, since a release is a commit."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import csanmt
from model_store import ModelStore
from release.build.manifest import pin_model
from tests.release.random_model import write_random_model

ROOT = Path(__file__).resolve().parents[2]
MODEL = "csanmt-zh-en:v0.0.1"
VERSION = f"v{csanmt.__version__}"


class Workshop:
    """A clone with a pinned model, a store and a ledger of its own."""

    def __init__(self, folder: Path) -> None:
        self.clone = folder / "clone"
        self.environment = {
            **os.environ,
            "BENTOML_HOME": str(folder / "bentoml"),
            "CSANMT_LEDGER": str(folder / "ledger.sqlite3"),
            "CSANMT_WHO": "end-to-end test",
            "CSANMT_WORKERS": "1",
            "XDG_CACHE_HOME": str(Path.home() / ".cache"),
            "PYTHONPATH": str(self.clone),
            "OMP_NUM_THREADS": "1",
        }
        self.store = ModelStore(folder / "bentoml")
        self.git("clone", "--quiet", "--no-tags", str(ROOT), str(self.clone), cwd=folder)
        self.git("config", "user.name", "test")
        self.git("config", "user.email", "test@example.org")
        self.store.save(write_random_model(folder / "model"), MODEL)
        self.pin(MODEL)

    def pin(self, tag: str) -> None:
        pin_model(self.clone, tag, self.store.show(tag).digest)
        self.git("commit", "--quiet", "--all", "--message", f"Serve {tag}")

    def git(self, *words: str, cwd: Path | None = None) -> str:
        done = subprocess.run(
            ["git", *words], cwd=cwd or self.clone, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    def csanmt(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "csanmt", "release", *words],
            cwd=self.clone,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )

    def json(self, *words: str) -> Any:
        done = self.csanmt(*words, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)
