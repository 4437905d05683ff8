"""Every knob of the service, read once from the environment.

``Settings.from_environment(os.environ)`` is called at the edge (``service.py``,
``csanmt serve``) and handed down; nothing below reads the environment.
"""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from functools import lru_cache
from pathlib import Path
from typing import Any

from csanmt.errors import ConfigurationError
from csanmt.version import DEFAULT_TAG

ENGINES = ("auto", "native", "torch")


def _number(kind: type, low: float, high: float, words: str) -> Callable[[str], Any]:
    def parse(raw: str) -> Any:
        try:
            value = kind(raw)
        except ValueError:
            value = float("nan")
        if not low <= value <= high:
            raise ValueError(words)
        return value

    return parse


def _integer(low: int, high: int) -> Callable[[str], Any]:
    return _number(int, low, high, f"a whole number from {low} to {high}")


def _seconds(low: float, high: float) -> Callable[[str], Any]:
    return _number(float, low, high, f"seconds from {low:g} to {high:g}")


def _choice(*allowed: str) -> Callable[[str], str]:
    def parse(raw: str) -> str:
        if raw not in allowed:
            raise ValueError("one of " + ", ".join(allowed))
        return raw

    return parse


def _switch(raw: str) -> bool:
    words = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}
    if raw.lower() not in words:
        raise ValueError("1 or 0")
    return words[raw.lower()]


def _path(raw: str) -> str:
    """Absolute, so that it means the same after a change of the working directory."""
    return str(Path(raw).absolute())


def _origins(raw: str) -> tuple[str, ...]:
    origins = tuple(part.strip() for part in raw.split(",") if part.strip())
    for origin in origins:
        if origin != "*" and not re.fullmatch(r"[a-z][a-z0-9+.-]*://[^/\s]+", origin):
            raise ValueError(
                "a comma-separated list of origins such as https://example.org or "
                "chrome-extension://ID, or *"
            )
    return origins


def _address(raw: str) -> str:
    if raw == "localhost":
        return "127.0.0.1"
    try:
        return str(ipaddress.ip_address(raw))
    except ValueError:
        raise ValueError("an IP address such as 127.0.0.1, 0.0.0.0 or ::") from None


def usable_cpus() -> int:
    """Processors this process may use: its affinity, capped by a cgroup v2 quota."""
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
        if quota != "max":
            count = min(count or 1, max(1, int(quota) // int(period)))
    except (OSError, ValueError):
        pass
    return count or 1


def _knob(name: str, parse: Callable[[str], Any], default: Any) -> Any:
    return field(default=default, metadata={"environment": name, "parse": parse})


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings of one server. Times are seconds, sizes are as their names say.

    Raises:
        ConfigurationError: from ``from_environment``; names key, value and what is allowed.
    """

    # What translates.
    model: str = _knob("CSANMT_MODEL", str, DEFAULT_TAG)
    model_directory: str = _knob("CSANMT_MODEL_DIRECTORY", _path, "")
    engine: str = _knob("CSANMT_ENGINE", _choice(*ENGINES), "auto")
    isa: str = _knob("CSANMT_ISA", str, "")
    translator: str = _knob("CSANMT_TRANSLATOR", str, "")  # module:function, for tests
    workers: int = _knob("CSANMT_WORKERS", _integer(0, 256), 0)  # 0: one per usable CPU
    threads: int = _knob("CSANMT_THREADS", _integer(1, 64), 1)

    # Where it listens.
    host: str = _knob("CSANMT_HOST", _address, "127.0.0.1")
    port: int = _knob("CSANMT_PORT", _integer(1, 65535), 3000)

    # How it batches.
    batch_sentences: int = _knob("CSANMT_BATCH_SENTENCES", _integer(1, 1024), 32)
    batch_seconds: float = _knob("CSANMT_BATCH_SECONDS", _seconds(0.001, 60), 0.4)
    batch_deadline: float = _knob("CSANMT_BATCH_DEADLINE", _seconds(0.1, 3600), 120.0)
    queue_sentences: int = _knob("CSANMT_QUEUE_SENTENCES", _integer(1, 1_000_000), 4096)
    queue_seconds: float = _knob("CSANMT_QUEUE_SECONDS", _seconds(0.01, 3600), 15.0)
    timeout: float = _knob("CSANMT_TIMEOUT", _seconds(0.01, 3600), 60.0)
    body_seconds: float = _knob("CSANMT_BODY_SECONDS", _seconds(0.1, 3600), 30.0)

    # What one request may ask for.
    max_body_bytes: int = _knob("CSANMT_MAX_BODY_BYTES", _integer(1024, 1 << 30), 1 << 20)
    max_characters: int = _knob("CSANMT_MAX_CHARACTERS", _integer(1, 10_000_000), 50_000)
    max_texts: int = _knob("CSANMT_MAX_TEXTS", _integer(1, 100_000), 256)
    max_segments: int = _knob("CSANMT_MAX_SEGMENTS", _integer(1, 100_000), 2048)
    max_beam: int = _knob("CSANMT_MAX_BEAM", _integer(1, 16), 8)
    max_length: int = _knob("CSANMT_MAX_LENGTH", _integer(1, 1024), 512)

    # What one document may hold, and how many there are at once. 0 bytes: no documents.
    max_document_bytes: int = _knob("CSANMT_MAX_DOCUMENT_BYTES", _integer(0, 1 << 28), 10 << 20)
    max_document_characters: int = _knob(
        "CSANMT_MAX_DOCUMENT_CHARACTERS", _integer(1, 50_000_000), 500_000
    )
    document_jobs: int = _knob("CSANMT_DOCUMENT_JOBS", _integer(1, 1000), 16)
    document_jobs_each: int = _knob("CSANMT_DOCUMENT_JOBS_EACH", _integer(1, 1000), 8)
    document_timeout: float = _knob("CSANMT_DOCUMENT_TIMEOUT", _seconds(0.01, 86_400), 1800.0)
    document_keep: float = _knob("CSANMT_DOCUMENT_KEEP", _seconds(0.01, 86_400), 600.0)

    # Who may ask.
    api_keys_file: str = _knob("CSANMT_API_KEYS_FILE", _path, "")
    private_network: bool = _knob("CSANMT_PRIVATE_NETWORK", _switch, False)
    requests_per_minute: int = _knob("CSANMT_REQUESTS_PER_MINUTE", _integer(0, 10_000_000), 0)
    trust_proxy: bool = _knob("CSANMT_TRUST_PROXY", _switch, False)
    cors_origins: tuple[str, ...] = _knob("CSANMT_CORS_ORIGINS", _origins, ())
    openai: bool = _knob("CSANMT_OPENAI", _switch, False)  # /v1/chat/completions

    # What it keeps.
    suggestions_file: str = _knob("CSANMT_SUGGESTIONS_FILE", _path, "")
    glossaries_file: str = _knob("CSANMT_GLOSSARIES_FILE", _path, "")  # empty: in memory
    glossary_bytes: int = _knob("CSANMT_GLOSSARY_BYTES", _integer(1024, 1 << 40), 16 << 20)
    memory_file: str = _knob("CSANMT_MEMORY_FILE", _path, "")
    memory_entries: int = _knob("CSANMT_MEMORY_ENTRIES", _integer(1, 1_000_000), 20_000)
    memory_suggestions: bool = _knob("CSANMT_MEMORY_SUGGESTIONS", _switch, True)

    # What it says about itself.
    log_format: str = _knob("CSANMT_LOG_FORMAT", _choice("json", "text"), "json")
    git_commit: str = _knob("CSANMT_GIT_COMMIT", str, "")

    @property
    def runner_count(self) -> int:
        """Runner processes to start: ``workers``, or usable CPUs divided by ``threads``."""
        return self.workers or max(1, usable_cpus() // self.threads)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Settings:
        """Read every ``CSANMT_*`` knob; absent or empty ones keep their default."""
        values: dict[str, Any] = {}
        for knob in fields(cls):
            name = knob.metadata["environment"]
            raw = environment.get(name, "").strip()
            if not raw:
                continue
            try:
                values[knob.name] = knob.metadata["parse"](raw)
            except ValueError as error:
                raise ConfigurationError(f"{name} is {raw!r}; allowed is {error}") from None
        return cls(**values)

    def to_environment(self) -> dict[str, str]:
        """The environment that reads back as these settings (defaults left out)."""
        out: dict[str, str] = {}
        for knob in fields(self):
            value = getattr(self, knob.name)
            if value != knob.default:
                text = ",".join(value) if isinstance(value, tuple) else str(value)
                out[knob.metadata["environment"]] = text
        return out


@lru_cache(maxsize=1024)
def is_loopback(host: str) -> bool:
    """Only this machine can reach ``host`` (an address as ``Settings.host`` holds it)."""
    try:
        return ipaddress.ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return host == "localhost"
