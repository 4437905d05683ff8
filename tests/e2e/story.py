"""A newcomer's story and the pipeline as one script: ``make story``.

In a clean clone, a new model reaches users by five commands and no hand edit; between them every
``run:`` of ``.github/workflows/release.yml`` is executed as it stands there, in order, in a clean
checkout, against a registry of this machine. What is not here has a stand-in, named below.

``python -m tests.e2e.story --venv .venv --skip check`` is the quick way: the environment of this
checkout instead of a fresh one, without the job that runs the tests.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import resource
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import yaml

from tests.ports import free_addresses, free_port
from tests.release.test_registry import running_registry

ROOT = Path(__file__).resolve().parents[2]
WORKFLOW = ROOT / ".github" / "workflows" / "release.yml"
RECORD = ROOT / "docs" / "records" / "story.md"
MODEL = "csanmt-zh-en:v9.0.0"
OWNER = "csanmt/csanmt-bento"
NEEDS_NETWORK = {"what is known of the packages in the image": "advisories"}
"""Steps that ask a database which may be out of reach, and the word by which they say so."""
OURS = ("CSANMT_", "BENTOML_", "PYTHONPATH", "VENV", "MAKE", "MFLAGS")
"""Variables that a clean shell does not have."""
STAND_INS = {
    # the steps run as root here, as their sudo wants it
    "sudo": 'while [ "$1" = --preserve-env ]; do shift; done; exec "$@"',
    # what is installed already is not asked of an index; debsecan has no database here
    "apt-get": """
for word in "$@"; do
    case "$word" in -*|install|debsecan) continue ;; esac
    command -v "$word" > /dev/null || exec /usr/bin/apt-get "$@"
done""",
    # the release's page is a folder
    "gh": """
mkdir -p "$STORY_PAGE"
shift 3
while [ $# -gt 0 ]; do
    case "$1" in
        --verify-tag) git rev-parse --verify --quiet "$VERSION" > /dev/null ;;
        --notes-file) cp "$2" "$STORY_PAGE/notes.md"; shift ;;
        *) cp "$1" "$STORY_PAGE/" ;;
    esac
    shift
done""",
}


@dataclass
class Step:
    """What was run, by whom, how it ended, and how long it took in all and of the processors."""

    who: str
    what: str
    seconds: float = 0.0
    cpu: float = 0.0
    note: str = ""


@dataclass
class Story:
    """One telling below ``folder``."""

    folder: Path
    registry: str
    skipped: tuple[str, ...] = ()
    venv: Path | None = None
    through: tuple[str, ...] = ()
    steps: list[Step] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.clone, self.origin = self.folder / "clone", self.folder / "origin.git"
        self.page, self.site = self.folder / "page", self.folder / "site"
        tools = self.folder / "tools"
        tools.mkdir()
        for name, script in STAND_INS.items():
            (tools / name).write_text(f"#!/bin/sh\nset -eu\n{script}\n")
            (tools / name).chmod(0o755)
        (self.folder / "auth.json").write_text("{}")
        kept = {n: v for n, v in os.environ.items() if not n.startswith(OURS)}
        self.environment = {
            **kept,
            "HOME": str(self._home()),
            "PATH": f"{tools}:{os.environ['PATH']}",
            "REGISTRY_AUTH_FILE": str(self.folder / "auth.json"),
            "STORY_PAGE": str(self.page),
            "GIT_AUTHOR_NAME": "newcomer",
            "GIT_AUTHOR_EMAIL": "newcomer@example.org",
            "GIT_COMMITTER_NAME": "newcomer",
            "GIT_COMMITTER_EMAIL": "newcomer@example.org",
        }

    def _home(self) -> Path:
        """This user's, but that the registry is known to speak without TLS."""
        home, real = self.folder / "home", Path.home()
        (home / ".config" / "containers").mkdir(parents=True)
        (home / ".config" / "containers" / "registries.conf").write_text(
            f'[[registry]]\nlocation = "{self.registry}"\ninsecure = true\n'
        )
        for path in (*real.iterdir(), *(real / ".config").glob("*")):
            link = home / path.relative_to(real)
            if not link.exists():
                link.symlink_to(path)
        return home

    # -- the newcomer -----------------------------------------------------------------

    def tell(self) -> None:
        self._prepare()
        here = {"BENTOML_HOME": str(self.folder / "bentoml")}
        self._by_hand("make install-release", here)
        self._by_hand(
            f".venv/bin/csanmt release model {MODEL} --directory {self.folder / 'model'} "
            f"--publish oci:{self.registry}/csanmt-models",
            here,
        )
        self._by_hand("git push --quiet --follow-tags", here)
        version = self._git("describe", "--tags", "--exact-match")
        self._pipeline(version)
        image = f"localhost/csanmt:{version}-{self._git('rev-parse', '--short=7', 'HEAD')}"
        self.run(["buildah", "rmi", image], self.clone, {})  # the machine has to pull it
        there = {
            "BENTOML_HOME": str(self.folder / "machine"),
            "CSANMT_SITE": str(self.site),
            "CSANMT_LEDGER": str(self.folder / "machine.sqlite3"),
        }
        self._by_hand(
            f".venv/bin/csanmt release accept {self.page} --signers {self.folder / 'signers'} "
            f"--from {self.registry}/{OWNER}",
            there,
        )
        try:
            self._by_hand(f".venv/bin/csanmt release ship {version} --observe 20s", there)
            url = f"http://{self.front}/translate"
            answer = httpx.post(url, json={"text": "你好，世界"}, timeout=60, trust_env=False)
            assert (answer.status_code, answer.json()["model"]) == (200, MODEL), answer.text
        finally:
            self.run([".venv/bin/csanmt", "release", "down"], self.clone, there)

    def _prepare(self) -> None:
        """A place to push to, a clean clone of it, a new model, a key, a machine with a site."""
        run = subprocess.run
        run(["git", "clone", "--quiet", "--bare", ROOT, self.origin], check=True)
        run(["git", "clone", "--quiet", self.origin, self.clone], check=True)
        shutil.copytree(ROOT / "model_store" / "default", self.folder / "model")
        (self.folder / "model" / "provenance.json").unlink()  # of another version
        with (self.folder / "model" / "model_card.md").open("a") as card:
            card.write("\nTrained again.\n")
        key = self.folder / "signing-key"
        run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
        public = key.with_suffix(".pub").read_text()
        (self.folder / "signers").write_text(f"pipeline@example.org {public}")
        self.front, blue, green = free_addresses(3)
        self.site.mkdir()
        (self.site / "rollout.toml").write_text(
            f'launcher = "container"\nready_seconds = 240\n'
            f'[nginx]\nlisten = "{self.front}"\nblue = "{blue}"\ngreen = "{green}"\n'
            '[environment]\nCSANMT_PRIVATE_NETWORK = "1"\n'
        )
        self._lend(self.clone)

    def _lend(self, checkout: Path) -> None:
        """Where it was asked for, an environment that stands already instead of a fresh one."""
        if self.venv is None:
            return
        old, new = self.venv.resolve(), checkout / ".venv"
        subprocess.run(["cp", "-al", old, new], check=True)
        for script in (new / "bin").iterdir():
            if script.is_file() and not script.is_symlink():
                text = script.read_bytes()
                if text.startswith(b"#!") and bytes(old) in text:
                    script.unlink()
                    script.write_bytes(text.replace(bytes(old), bytes(new)))
                    script.chmod(0o755)
        for stamp in new.glob(".stamp-package-*"):
            stamp.unlink()  # the package is that of the new checkout
        locked = (checkout / "requirements" / "release-frozen.txt").read_bytes()
        (new / f".stamp-release-{hashlib.sha256(locked).hexdigest()[:16]}").touch()

    def _by_hand(self, command: str, environment: dict[str, str]) -> None:
        self._step("by hand", command, command, self.clone, environment)

    def _git(self, *words: str) -> str:
        done = subprocess.run(
            ["git", *words], cwd=self.clone, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    # -- the pipeline ----------------------------------------------------------------

    def _pipeline(self, version: str) -> None:
        """Every ``run:`` of the workflow; each job has a checkout of its own, as there."""
        for name, job in yaml.safe_load(WORKFLOW.read_text())["jobs"].items():
            if name in self.skipped:
                self.steps.append(Step(name, "the whole job", note="left out"))
                continue
            work = self.folder / f"job-{name}"
            temporary = self.folder / f"temporary-{name}"
            temporary.mkdir()
            subprocess.run(
                ["git", "clone", "--quiet", "--branch", version, self.origin, work],
                check=True,
                capture_output=True,
            )
            self._lend(work)
            values = self.values(version, work)
            given = filled(job.get("env", {}), values)
            given |= {"RUNNER_TEMP": str(temporary), "GITHUB_REPOSITORY": OWNER}
            for step in job["steps"]:
                if "run" in step:
                    more = {**given, **filled(step.get("env", {}), values)}
                    script = filled({"run": step["run"]}, values)["run"]
                    what = step.get("name") or script.strip()
                    self._step(name, what, script, work, more, tolerant=what in NEEDS_NETWORK)

    def values(self, version: str, work: Path) -> dict[str, str]:
        """What the workflow's expressions mean here."""
        return {
            "github.ref": f"refs/tags/{version}",
            "github.ref_name": version,
            "github.repository": OWNER,
            "github.workspace": str(work),
            "github.token": "secret",
            "github.actor": "newcomer",
            "secrets.CSANMT_SIGNING_KEY": (self.folder / "signing-key").read_text().strip(),
            "ghcr.io": self.registry,
        }

    # -- parts -----------------------------------------------------------------------

    def _step(
        self,
        who: str,
        what: str,
        script: str,
        where: Path,
        environment: dict[str, str],
        *,
        tolerant: bool = False,
    ) -> None:
        print(f"== {who}: {what.splitlines()[0]}", flush=True)
        began, spent = time.monotonic(), processors()
        words = [*self.through, "bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script]
        done = self.run(words, where, environment)
        text = done.stdout
        missed = tolerant and done.returncode != 0 and NEEDS_NETWORK[what] in text.lower()
        assert done.returncode == 0 or missed, (
            f"{what} ended with {done.returncode}:\n{text[-4000:]}"
        )
        note = "its database could not be reached" if missed else ""
        what = what.replace(str(self.folder), "…").splitlines()[0]
        took = time.monotonic() - began
        self.steps.append(Step(who, what, took, processors() - spent, note))

    def run(
        self, words: list[str], where: Path, environment: dict[str, str]
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            words,
            cwd=where,
            env={**self.environment, **environment},
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            check=False,
        )

    def record(self) -> str:
        rows = "".join(
            f"| {s.who} | `{s.what}` | {s.seconds:.0f} | {s.cpu:.0f} | {s.note} |\n"
            for s in self.steps
        )
        return (
            "# From a new model to users\n\nWritten by `make story` (`tests/e2e/story.py`): the "
            "newcomer's commands, and every step of `.github/workflows/release.yml` as it stands "
            f"there.\n\n| who | what | seconds | CPU seconds | |\n|---|---|---:|---:|---|\n{rows}"
        )


def processors() -> float:
    """Seconds that the steps so far kept processors busy."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


EXPRESSION = re.compile(r"\$\{\{\s*([\w.]+)\s*\}\}")


def filled(values: dict[str, Any], known: dict[str, str]) -> dict[str, str]:
    """The values of a mapping with the workflow's expressions replaced.

    Raises:
        KeyError: an expression that nobody has a meaning for.
    """
    return {
        name: EXPRESSION.sub(lambda found: known[found[1]], str(value)).replace(
            "ghcr.io", known["ghcr.io"]
        )
        for name, value in values.items()
    }


def expressions() -> Iterator[str]:
    """Every expression of the workflow's environments and scripts."""
    for job in yaml.safe_load(WORKFLOW.read_text())["jobs"].values():
        for part in (job, *job["steps"]):
            text = json.dumps([part.get("env"), part.get("run")])
            yield from (found[1] for found in EXPRESSION.finditer(text))


def main() -> None:
    """Tell it once, and write the record."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--skip", action="append", default=[], metavar="JOB")
    parser.add_argument("--venv", type=Path, help="an environment to lend to every checkout")
    parser.add_argument("--through", default="", help="a command that runs each step in its turn")
    parser.add_argument("--out", type=Path, default=RECORD)
    args = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="csanmt-story-")))
        folder.chmod(0o755)  # nginx's workers look in there
        registry = stack.enter_context(running_registry(folder / "registry", free_port()))
        story = Story(folder, registry, tuple(args.skip), args.venv, tuple(args.through.split()))
        story.tell()
        args.out.parent.mkdir(parents=True, exist_ok=True)
        args.out.write_text(story.record(), encoding="utf-8")
        print(story.record())


if __name__ == "__main__":
    main()
