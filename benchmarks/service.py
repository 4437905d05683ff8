"""``python -m benchmarks.service [--against DIR]``: this checkout beside another, interleaved.

Prints Markdown for docs/load.md: processor time a request of gateway and runners, latency by
length of text and number of clients, and how soon a stream shows something. Both sides serve
the same weights; slices alternate, so that what else the machine does hits both.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import aiohttp
import psutil

from benchmarks import service_process
from benchmarks.engine.models import SIZES, random_model
from csanmt.engine.packing import pack
from csanmt.source_tree import SOURCE_TREE

SENTENCES = (SOURCE_TREE / "benchmarks/suites/tatoeba/source.zh").read_text("utf-8").splitlines()
SHORT = [line for line in SENTENCES if len(line) <= 16]
PARAGRAPHS = ["".join(SENTENCES[n : n + 5]) for n in range(0, 200, 5)]
PAGES = ["".join(SENTENCES[n : n + 40]) for n in range(0, 1000, 40)]
LENGTHS = {"one short sentence": SHORT, "5 sentences": PARAGRAPHS, "40 sentences": PAGES}
DEFAULT = SOURCE_TREE / "model_store" / "default"
CONNECTIONS = 16
PORT = 3300


class Service:
    """``csanmt serve`` of one checkout, by that checkout's own environment; ready once entered."""

    def __init__(
        self, label: str, tree: Path, port: int, model: Path, workers: int = 2, warm: int = 320
    ) -> None:
        self.label, self.url, self._workers = label, f"http://127.0.0.1:{port}", workers
        self._warm, self._started = warm, time.monotonic()
        self._home = tempfile.TemporaryDirectory(prefix="csanmt-service-")
        home, log = Path(self._home.name), Path(self._home.name) / "log"
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("CSANMT_", "BENTOML_"))}
        environment = {
            **kept,
            "CSANMT_MODEL_DIRECTORY": str(model),
            "CSANMT_WORKERS": str(workers),
            "CSANMT_QUEUE_SECONDS": "300",
            "CSANMT_LOG_FORMAT": "json",
        }
        python = tree / ".venv" / "bin" / "python"
        command = [str(python), "-m", "csanmt", "serve", "--port", str(port)]
        self._handle = service_process.start(command, home, log, environment=environment, cwd=tree)

    def __enter__(self) -> Service:
        service_process.await_ready(
            self.url,
            lambda: service_process.alive(self._handle),
            lambda: service_process.last_words(Path(self._home.name) / "log"),
        )
        while self._ready_runners() < self._workers:
            time.sleep(0.1)
        self.ready_after = time.monotonic() - self._started
        below = [psutil.Process(pid) for pid in service_process.members(Path(self._home.name))]
        self.runners = [p for p in below if any("serving.runner" in w for w in p.cmdline())]
        self.gateway = self.runners[0].parent()
        asyncio.run(latencies(self, SHORT, CONNECTIONS, self._warm))
        return self

    def _ready_runners(self) -> int:
        with service_process.DIRECT.open(f"{self.url}/healthz", timeout=5) as reply:
            return int(json.load(reply)["runners"]["ready"])

    def __exit__(self, *_: object) -> None:
        service_process.stop(Path(self._home.name))
        self._home.cleanup()

    def processor_seconds(self) -> tuple[float, float]:
        """Of the gateway, and of all runners together, since they began."""
        return _seconds(self.gateway), sum(map(_seconds, self.runners))


def _seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


async def latencies(
    service: Service, texts: Sequence[str], clients: int, requests: int
) -> list[float]:
    """Seconds of each of ``requests`` requests to /translate, by ``clients`` connections."""
    found: list[float] = []
    async with aiohttp.ClientSession(service.url, raise_for_status=True) as session:

        async def client(number: int) -> None:
            for turn in range(requests // clients):
                body = {"text": texts[(number * 7 + turn) % len(texts)]}
                started = time.perf_counter()
                async with session.post("/translate", json=body) as reply:
                    await reply.read()
                found.append(time.perf_counter() - started)

        await asyncio.gather(*(client(number) for number in range(clients)))
    return found


async def until_first_segment(service: Service, text: str) -> float:
    """Seconds from a request to /translate/stream to the first translated sentence."""
    async with aiohttp.ClientSession(service.url, raise_for_status=True) as session:
        started, seconds = time.perf_counter(), 0.0
        async with session.post("/translate/stream", json={"text": text}) as reply:
            async for line in reply.content:
                if not seconds and line.startswith(b"event: segment"):
                    seconds = time.perf_counter() - started
    return seconds


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.service", description=__doc__)
    parser.add_argument("--against", type=Path, metavar="DIR", help="another checkout, installed")
    parser.add_argument("--rounds", type=int, default=6, help="slices of each side (6)")
    parser.add_argument("--model", type=Path, default=DEFAULT, metavar="DIR", help="a version")
    parser.add_argument("--footprint", action="store_true", help="start and memory by runners")
    parser.add_argument("--size", choices=SIZES, help="--footprint of a random model of this size")
    args = parser.parse_args()
    model = args.model.resolve()
    if args.footprint:
        with tempfile.TemporaryDirectory() as folder:
            own = random_version(args.size, Path(folder) / args.size) if args.size else model
            footprint(own, CONNECTIONS if args.size else 20 * CONNECTIONS)
        return 0
    trees = {"this": SOURCE_TREE} | ({"other": args.against.resolve()} if args.against else {})
    with ExitStack() as stack:
        services = [
            stack.enter_context(Service(label, tree, PORT + n, model))
            for n, (label, tree) in enumerate(trees.items())
        ]
        overhead(services, args.rounds)
        waiting(services, args.rounds)
        streaming(services, args.rounds)
    return 0


def random_version(size: str, directory: Path) -> Path:
    """A version with random weights, the layers of a published size and the default's words.

    Its sentences end at the length limit.
    """
    shutil.copytree(DEFAULT, directory, ignore=shutil.ignore_patterns("engine.bin"))
    config = json.loads((DEFAULT / "config.json").read_text("utf-8"))
    config |= {key: value for key, value in SIZES[size].items() if key != "vocab_size"}
    (directory / "config.json").write_text(json.dumps(config), "utf-8")
    pack(random_model(config), directory / "engine.bin")
    return directory


def footprint(model: Path, warm: int) -> None:
    """Seconds until it is ready, and megabytes that are each process' own, by runners.

    Args:
        warm: requests that are answered before the memory is looked at.
    """
    size = sum(path.stat().st_size for path in model.rglob("*") if path.is_file())
    say(f"\n{model.name}: {size / 1e6:.0f} MB on disk\n")
    say("| runners | ready after, s | gateway, MB | a runner, MB | shared by all runners, MB |")
    say("|--:|--:|--:|--:|--:|")
    for workers in (1, 2, 4):
        with Service("this", SOURCE_TREE, PORT, model, workers, warm) as service:
            seconds = service.ready_after
            gateway = service.gateway.memory_full_info()
            runners = [runner.memory_full_info() for runner in service.runners]
        own = statistics.fmean(r.uss for r in runners) / 1e6
        shared = max(r.rss - r.uss for r in runners) / 1e6
        say(f"| {workers} | {seconds:.1f} | {gateway.rss / 1e6:.0f} | {own:.0f} | {shared:.0f} |")


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def turns(services: Sequence[Service], rounds: int) -> Iterator[Service]:
    """Each service once a round, in the order that the round before ended with."""
    for n in range(rounds):
        yield from services if n % 2 == 0 else reversed(services)


def overhead(services: Sequence[Service], rounds: int) -> None:
    """Milliseconds of processor time a request, and the gateway's as a share of the runners'."""
    requests = 100 * CONNECTIONS
    found: dict[str, list[tuple[float, float]]] = {service.label: [] for service in services}
    for service in turns(services, rounds):
        before = service.processor_seconds()
        asyncio.run(latencies(service, SHORT, CONNECTIONS, requests))
        after = service.processor_seconds()
        spent = [1000 * (b - a) / requests for a, b in zip(before, after, strict=True)]
        found[service.label].append((spent[0], spent[1]))
    say(f"\n{CONNECTIONS} connections, one short sentence a request:\n")
    say("| | gateway, ms | runners, ms | gateway / runners (least to most) |\n|---|--:|--:|--:|")
    for label, slices in found.items():
        gateway, runners = (statistics.fmean(column) for column in zip(*slices, strict=True))
        ratios = sorted(g / r for g, r in slices)
        spread = f"{gateway / runners:.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})"
        say(f"| {label} | {gateway:.2f} | {runners:.2f} | {spread} |")


def waiting(services: Sequence[Service], rounds: int) -> None:
    """Milliseconds that clients wait, by length of text and number of clients."""
    labels = [service.label for service in services]
    say("\nmilliseconds at p50 / p95 / p99:\n")
    say("| text | clients | " + " | ".join(labels) + " |")
    say("|---|--:|" + "--:|" * len(labels))
    for name, texts in LENGTHS.items():
        for clients in (1, 8, 32):
            found: dict[str, list[float]] = {label: [] for label in labels}
            requests = clients * (40 if texts is SHORT else 6 if texts is PARAGRAPHS else 2)
            for service in turns(services, rounds):
                found[service.label] += asyncio.run(latencies(service, texts, clients, requests))
            cells = " | ".join(map(_percentiles, found.values()))
            say(f"| {name} | {clients} | {cells} |")


def _percentiles(seconds: Sequence[float]) -> str:
    cuts = statistics.quantiles(seconds, n=100, method="inclusive")
    return " / ".join(f"{1000 * cuts[at - 1]:.0f}" for at in (50, 95, 99))


def streaming(services: Sequence[Service], rounds: int) -> None:
    """How soon a stream of many sentences shows its first, in times of a lone short sentence."""
    say("\n| first sentence of 40 in a stream | lone short sentence | ratio |\n|---|--:|--:|")
    alone: dict[str, list[float]] = {service.label: [] for service in services}
    first: dict[str, list[float]] = {service.label: [] for service in services}
    for service in turns(services, 4 * rounds):
        page = PAGES[len(first[service.label]) % len(PAGES)]
        lone = page.split("。")[0] + "。"
        alone[service.label] += asyncio.run(latencies(service, [lone], 1, 3))[1:]
        first[service.label].append(asyncio.run(until_first_segment(service, page)))
    for label in alone:
        short, streamed = statistics.median(alone[label]), statistics.median(first[label])
        times = f"{1000 * streamed:.1f} ms | {1000 * short:.1f} ms | {streamed / short:.2f}"
        say(f"| {label}: {times} |")


if __name__ == "__main__":
    raise SystemExit(main())
