"""The tests of other projects, unmodified but for what is said here, against our server.

Each suite wants a pair of languages of its own, so each gets a server of that pair whose model is
a stub: what is tried is the API. ``REASONS`` says which failures are no fault of ours, and why.

    python -m tests.foreign DIR…     checkouts of LibreTranslate, deepl-python, deepl-node,
                                     Weblate, Mastodon; they are read, never written

prints pass, skip and fail with the reason; exit status 1 if a failure is ours.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from serving.app import Application
from serving.http.key_fields import replayed
from serving.http.keys import ApiKey, KeyRing, hash_key
from tests.serving.live_application import Live, application
from tests.stub_translator import StubTranslator

KEY = "csk_of-a-foreign-suite"
KEYED = ApiKey("suite", hash_key(KEY))
HERE = Path(__file__).resolve().parent

# Found in a failure's message or test's name → why it is no fault of ours.
REASONS = (
    (r"rephrase", "rephrasing is not offered"),
    (r"style_?rule|style rule|style_id", "style rules are not offered"),
    (r"translation_?memor", "DeepL's translation memories are not offered"),
    (r"custom_?instructions", "instructions are not offered"),
    (r"formality", "the model knows no formality"),
    (r"Value for '(target|source)_lang' not supported", "another pair of languages"),
    (
        r"example_translation|all_languages|test_languages|lists source and target languages",
        "asks for all of DeepL's languages and their formality",
    ),
    (r"output_format|outputFormat", "a document comes back in its own format"),
    (r"Nock: Disallowed net connect", "the test knows no address but DeepL's"),
    (
        r"settings are saved ValidationError: Could not fetch translation",
        "its form saves no service that cannot translate en→de",
    ),
)


@dataclass(frozen=True)
class Result:
    """One test: ``pass``, ``skip`` or ``fail``, and its message where it is not the first."""

    name: str
    outcome: str
    message: str = ""

    @property
    def reason(self) -> str:
        """Why a failure is no fault of ours; empty if it is one."""
        if " " not in self.name:  # a whole file: anything may be the cause
            return ""
        text = f"{self.name} {self.message}"
        return next((why for pattern, why in REASONS if re.search(pattern, text, re.I)), "")


# What the DeepL suites want to read, their own examples apart.
GERMAN = {
    "proton beam": "Protonenstrahl",
    "Proton beam": "Protonenstrahl",
    "faisceau de protons": "Protonenstrahl",
    "My First Heading": "Meine erste Überschrift",
    "A document's title": "Der Titel eines Dokuments",
}


class Answers(dict[str, str]):
    """A stub's answers; other sentences come back as they went in, not in brackets."""

    def get(self, key: str, default: object = None) -> str:
        return super().get(key, key)


class Several:
    """Starts and stops what several applications have each."""

    def __init__(self, *parts: Any) -> None:
        self._parts = parts

    async def start(self) -> None:
        for part in self._parts:
            await part.start()

    async def stop(self) -> None:
        for part in self._parts:
            await part.stop()


class BothWays:
    """Two servers of opposite pairs as one, which keep their glossaries in one file."""

    def __init__(self, forth: Application, back: Application, back_from: bytes) -> None:
        self._forth, self._back, self._back_from = forth, back, back_from
        self.pool = Several(forth.pool, back.pool)
        self.documents = Several(forth.documents, back.documents)

    async def asgi(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The way back for a text of its language, as DeepL's Node client sends it in a form."""
        if scope["path"] != "/v2/translate":
            await self._forth.asgi(scope, receive, send)
            return
        body = await Request(scope, receive).body()
        chosen = self._back if b"source_lang=" + self._back_from in body else self._forth
        await chosen.asgi(scope, replayed(body, receive), send)


def deepl_server() -> Live:
    """English to German, and German to English where a text is said to be German."""
    folder, ring = Path(tempfile.mkdtemp(prefix="foreign-")), KeyRing((KEYED,))
    made = [
        application(
            folder,
            ring,
            translator=StubTranslator(
                Answers(GERMAN), source_language=pair[0], target_language=pair[1]
            ),
            languages=pair,
            max_characters=100_000,
            glossaries_file=str(folder / "glossaries.sqlite3"),
        )
        for pair in (("en", "de"), ("de", "en"))
    ]
    return Live(cast("Application", BothWays(made[0], made[1], b"de")))


def server(source: str, target: str, answers: dict[str, str]) -> Live:
    stub = StubTranslator(Answers(answers), source_language=source, target_language=target)
    folder = Path(tempfile.mkdtemp(prefix="foreign-"))
    app = application(folder, translator=stub, languages=(source, target), max_characters=100_000)
    return Live(app)


def junit(path: Path) -> list[Result]:
    found = []
    for case in ET.parse(path).getroot().iter("testcase"):
        name = f"{case.get('classname', '')} {case.get('name', '')}".strip()
        bad = case.find("failure") if case.find("failure") is not None else case.find("error")
        if bad is not None:
            found.append(Result(name, "fail", bad.get("message", "")))
        elif (skipped := case.find("skipped")) is not None:
            found.append(Result(name, "skip", skipped.get("message", "")))
        else:
            found.append(Result(name, "pass"))
    return found


def pytest_suite(folder: Path, environment: dict[str, str], *more: str) -> list[Result]:
    report = folder / "report.xml"
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", os.devnull,
               "--rootdir", str(folder), f"--junitxml={report}", *more]  # fmt: skip
    whole = {**os.environ, "NO_PROXY": "127.0.0.1", **environment}
    done = subprocess.run(
        command, cwd=folder, env=whole, capture_output=True, text=True, timeout=900
    )
    if not report.is_file():
        return [Result("the suite itself", "fail", done.stdout[-2000:] + done.stderr[-2000:])]
    return junit(report)


def libretranslate(checkout: Path, work: Path) -> list[Result]:
    """Its conftest is replaced: the client asks our server over HTTP, en→es as its tests do."""
    tests = work / "tests"
    shutil.copytree(checkout / "libretranslate" / "tests" / "test_api", tests)
    shutil.copy(HERE / "libretranslate_conftest.py", tests / "conftest.py")
    with server("en", "es", {"Hello": "Hola", "World": "Mundo"}) as live:
        return pytest_suite(
            tests, {"FOREIGN_URL": live.url, "PYTHONPATH": ""}, "--import-mode=importlib"
        )


def deepl_python(checkout: Path, work: Path) -> list[Result]:
    """With its own library; pydantic's first version is taken from the second."""
    for name in ("deepl", "tests", "pyproject.toml"):
        source = checkout / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, work / name)
    conftest = work / "tests" / "conftest.py"
    text = conftest.read_text().replace(
        "from pydantic import BaseSettings", "from pydantic.v1 import BaseSettings"
    )
    conftest.write_text(text)
    with deepl_server() as live:
        environment = {"DEEPL_SERVER_URL": live.url, "DEEPL_AUTH_KEY": KEY, "PYTHONPATH": str(work)}
        return pytest_suite(work, environment, "tests")


# Tests whose failure jest cannot write down, so that all others of their file were lost.
ENDS = {
    "general.test.ts": {
        "lists source and target languages": "formality of a language",
        "user-agent tests": "Nock: Disallowed net connect",
    }
}


def deepl_node(checkout: Path, work: Path) -> list[Result]:
    """Its packages are installed beside a copy; the folder is not named as the module is."""
    copy = work / "suite"
    shutil.copytree(checkout, copy, ignore=shutil.ignore_patterns(".git", "node_modules"))
    quiet = ["--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"]
    command = ["npm", "install", *quiet]
    subprocess.run(command, cwd=copy, check=True, timeout=600, stdout=subprocess.DEVNULL)
    found = []
    with deepl_server() as live:
        environment = {**os.environ, "DEEPL_SERVER_URL": live.url, "DEEPL_AUTH_KEY": KEY}
        for file in sorted((copy / "tests").glob("*.test.ts")):  # one may end the process
            report = file.with_suffix(".json")
            jest = ["npx", "jest", str(file), "--json", f"--outputFile={report}", "--runInBand"]
            if left_out := ENDS.get(file.name, {}):
                jest += ["--testNamePattern", f"^(?!.*({'|'.join(left_out)}))"]
                found += [Result(f"{file.name} {n}", "fail", m) for n, m in left_out.items()]
            done = subprocess.run(
                jest, cwd=copy, env=environment, capture_output=True, text=True, timeout=600
            )
            found += _jest(file.name, report, done.stderr)
    return found


def _jest(file: str, report: Path, said: str) -> list[Result]:
    if not report.is_file():
        return [Result(file, "fail", said[-1500:])]
    found = []
    for suite in json.loads(report.read_text())["testResults"]:
        if suite["status"] == "failed" and not suite["assertionResults"]:
            found.append(Result(file, "fail", suite["message"]))
        for test in suite["assertionResults"]:
            outcome = {"passed": "pass", "failed": "fail"}.get(test["status"], "skip")
            words = " ".join(test["failureMessages"])
            found.append(Result(f"{file} {test['fullName']}", outcome, words))
    return found


def program(command: list[str], live: Live) -> list[Result]:
    """A program that prints one ``pass|skip|fail TAB name TAB message`` a line."""
    done = subprocess.run([*command, live.url], capture_output=True, text=True, timeout=120)
    rows = [line.split("\t") for line in done.stdout.splitlines() if line.count("\t") == 2]
    found = [Result(name, outcome, message) for outcome, name, message in rows]
    if done.returncode:
        found.append(Result(command[-1], "fail", done.stderr[-1500:]))
    return found


ZH = {"你好": "Hello", "你好 [X3X]": "Hello [X3X]", "早上好": "Good morning"}


def weblate(checkout: Path, work: Path) -> list[Result]:
    """Its machinery, with Django and its models stubbed."""
    with server("zh", "en", ZH) as live:
        return program([sys.executable, str(HERE / "weblate_machinery.py"), str(checkout)], live)


def mastodon(checkout: Path, work: Path) -> list[Result]:
    """Its service for LibreTranslate, with its HTTP client and JSON parser stubbed."""
    if not shutil.which("ruby"):
        return [Result("libre_translate.rb", "skip", "ruby is not installed")]
    path = checkout / "app" / "lib" / "translation_service" / "libre_translate.rb"
    with server("zh", "en", ZH) as live:
        return program(["ruby", str(HERE / "mastodon_service.rb"), str(path)], live)


# What a checkout holds → how its suite is run.
SUITES: tuple[tuple[str, Callable[[Path, Path], list[Result]]], ...] = (
    ("libretranslate/app.py", libretranslate),
    ("deepl/translator.py", deepl_python),
    ("src/multilingualGlossary.ts", deepl_node),
    ("src/translator.ts", deepl_node),
    ("weblate/machinery/base.py", weblate),
    ("app/lib/translation_service/libre_translate.rb", mastodon),
)


def by_file(results: Iterable[Result]) -> dict[str, list[Result]]:
    """Those whose names begin with their file, as jest's do here."""
    found: dict[str, list[Result]] = {}
    for result in results:
        if (file := result.name.split(" ")[0]).endswith(".test.ts"):
            found.setdefault(file, []).append(result)
    return found


def main(folders: Iterable[str]) -> int:
    ours = 0
    for folder in folders:
        checkout = Path(folder).resolve()
        run = next((suite for held, suite in SUITES if (checkout / held).exists()), None)
        if run is None:
            print(f"{folder}: not a checkout of a project that is known here", file=sys.stderr)
            return 2
        with tempfile.TemporaryDirectory(prefix="foreign-") as work:
            results = run(checkout, Path(work))
        counts = Counter(result.outcome for result in results)
        failed = [result for result in results if result.outcome == "fail"]
        unexplained = [result for result in failed if not result.reason]
        ours += len(unexplained)
        print(
            f"\n## {checkout.name}: {counts['pass']} pass, {counts['skip']} skip, "
            f"{counts['fail']} fail, {len(unexplained)} of them ours\n"
        )
        for file, of_file in by_file(results).items():
            outcomes = Counter(result.outcome for result in of_file)
            skipped = f", {outcomes['skip']} skipped" if outcomes["skip"] else ""
            print(f"- {file}: {outcomes['pass']} of {len(of_file)}{skipped}")
        for reason, count in Counter(
            result.reason for result in failed if result.reason
        ).most_common():
            print(f"- {count} × {reason}")
        for result in unexplained:
            print(f"- OURS: {result.name}: {' '.join(result.message.split())[:300]}")
    return int(bool(ours))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
