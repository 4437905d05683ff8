"""``python -m benchmarks.service [--against DIR]``: this checkout beside another, interleaved.

Prints Markdown for docs/load.md: processor time a request of gateway and runners, latency by
length of text and number of clients, and how soon a stream shows something. Both sides serve
the same weights; slices alternate, so that what else the machine does hits both.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.service.clients import latencies, until_first_segment
from benchmarks.service.servers import Service, memory
from csanmt.source_tree import SOURCE_TREE

SENTENCES = (SOURCE_TREE / "benchmarks/suites/tatoeba/source.zh").read_text("utf-8").splitlines()
SHORT = [line for line in SENTENCES if len(line) <= 16]
PARAGRAPHS = ["".join(SENTENCES[n : n + 5]) for n in range(0, 200, 5)]
PAGES = ["".join(SENTENCES[n : n + 40]) for n in range(0, 1000, 40)]
LENGTHS = {"one short sentence": SHORT, "5 sentences": PARAGRAPHS, "40 sentences": PAGES}
DEFAULT = SOURCE_TREE / "model_store" / "default"
CONNECTIONS = 16
PORT = 3300


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.service", description=__doc__)
    parser.add_argument("--against", type=Path, metavar="DIR", help="another checkout, installed")
    parser.add_argument("--rounds", type=int, default=6, help="slices of each side (6)")
    parser.add_argument("--model", type=Path, default=DEFAULT, metavar="DIR", help="a version")
    parser.add_argument("--footprint", action="store_true", help="start and memory by runners")
    args = parser.parse_args()
    model = args.model.resolve()
    if args.footprint:
        footprint(model)
        return 0
    trees = {"this": SOURCE_TREE} | ({"other": args.against.resolve()} if args.against else {})
    services = [
        Service(label, tree, PORT + n, model) for n, (label, tree) in enumerate(trees.items())
    ]
    for service in services:
        service.start()
    try:
        for service in services:
            service.wait()
            asyncio.run(latencies(service.port, SHORT, CONNECTIONS, 320))  # warm
        overhead(services, args.rounds)
        waiting(services, args.rounds)
        streaming(services, args.rounds)
    finally:
        for service in services:
            service.stop()
    return 0


def footprint(model: Path) -> None:
    """Seconds until all runners answer, and megabytes that are each process' own, by runners."""
    size = sum(path.stat().st_size for path in model.rglob("*") if path.is_file())
    say(f"\n{model.name}: {size / 1e6:.0f} MB on disk\n")
    say("| runners | ready after, s | gateway, MB | a runner, MB | shared by all runners, MB |")
    say("|--:|--:|--:|--:|--:|")
    for workers in (1, 2, 4):
        service = Service("this", SOURCE_TREE, PORT, model, workers)
        started = time.monotonic()
        service.start()
        try:
            service.wait()
            seconds = time.monotonic() - started
            asyncio.run(latencies(service.port, SHORT, CONNECTIONS, 320))
            gateway = sum(memory(service.gateway)) / 1e6
            runners = [memory(pid) for pid in service.runners]
        finally:
            service.stop()
        own = sum(private for private, _ in runners) / len(runners) / 1e6
        shared = max(shared for _, shared in runners) / 1e6
        say(f"| {workers} | {seconds:.1f} | {gateway:.0f} | {own:.0f} | {shared:.0f} |")


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def turns(services: Sequence[Service], rounds: int) -> list[Service]:
    """Each service once a round, in the order that the round before ended with."""
    return [s for n in range(rounds) for s in (services if n % 2 == 0 else services[::-1])]


def overhead(services: Sequence[Service], rounds: int) -> None:
    """Milliseconds of processor time a request, and the gateway's as a share of the runners'."""
    requests = 100 * CONNECTIONS
    found: dict[str, list[tuple[float, float]]] = {service.label: [] for service in services}
    for service in turns(services, rounds):
        before = service.processor_seconds()
        asyncio.run(latencies(service.port, SHORT, CONNECTIONS, requests))
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
                found[service.label] += asyncio.run(
                    latencies(service.port, texts, clients, requests)
                )
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
        place = len(first[service.label])
        lone = PAGES[place % len(PAGES)].split("。")[0] + "。"
        alone[service.label] += asyncio.run(latencies(service.port, [lone], 1, 3))[1:]
        page = PAGES[place % len(PAGES)]
        first[service.label].append(asyncio.run(until_first_segment(service.port, page)))
    for label in alone:
        short, streamed = statistics.median(alone[label]), statistics.median(first[label])
        times = f"{1000 * streamed:.1f} ms | {1000 * short:.1f} ms | {streamed / short:.2f}"
        say(f"| {label}: {times} |")


if __name__ == "__main__":
    raise SystemExit(main())
