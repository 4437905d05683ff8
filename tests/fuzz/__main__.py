"""Fuzz one or all targets with atheris: ``python -m tests.fuzz [TARGET…] --seconds N``.

Each target runs in a process of its own, since libFuzzer ends the one it runs in. Inputs
that found something new are kept under ``build/fuzz/TARGET``; a finding is written to
``build/fuzz`` as ``TARGET-crash-…`` and repeated by handing that file to the target.
Exit status 1 if anything was found.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
KEPT = ROOT / "build" / "fuzz"
LONGEST = 4096  # bytes of an input
LONGEST_DOCUMENT = 256 * 1024


def main() -> int:
    """Run the command; returns the exit status."""
    parser = argparse.ArgumentParser(prog="fuzz", description=__doc__)
    parser.add_argument("targets", nargs="*", help="default: all")
    parser.add_argument("--seconds", type=int, default=60, help="for each target (60)")
    parser.add_argument("--alone", metavar="TARGET", help=argparse.SUPPRESS)
    options, rest = parser.parse_known_args()
    if options.alone:
        return _fuzz(options.alone, rest)
    from tests.fuzz.targets import TARGETS

    chosen = options.targets or list(TARGETS)
    if unknown := set(chosen) - set(TARGETS):
        parser.error(f"no target {sorted(unknown)[0]}; there are {', '.join(TARGETS)}")
    failed = [name for name in chosen if not _run(name, options.seconds)]
    print(f"found something: {', '.join(failed)}" if failed else "found nothing")
    return 1 if failed else 0


def _run(name: str, seconds: int) -> bool:
    corpus = KEPT / name
    corpus.mkdir(parents=True, exist_ok=True)
    command = [
        sys.executable,
        "-m",
        "tests.fuzz",
        "--alone",
        name,
        str(corpus),
        f"-max_total_time={seconds}",
        f"-max_len={_longest(name)}",
        "-timeout=10",
        f"-artifact_prefix={KEPT}/{name}-",
        "-print_final_stats=1",
        "-verbosity=1",
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    runs = [line.split()[-1] for line in done.stderr.splitlines() if "number_of_executed" in line]
    print(
        f"{name}: {runs[0] if runs else '?'} inputs, {'ok' if not done.returncode else 'FAILED'}",
        flush=True,
    )
    if done.returncode:
        print(done.stderr[-3000:] + done.stdout[-3000:])
    return done.returncode == 0


def _longest(name: str) -> int:
    return LONGEST_DOCUMENT if name.startswith("document_") else LONGEST


def _fuzz(name: str, arguments: list[str]) -> int:
    import atheris

    with atheris.instrument_imports(include=["csanmt", "serving"]):
        from tests.fuzz.targets import TARGETS
    atheris.Setup([sys.argv[0], *arguments], TARGETS[name])
    atheris.Fuzz()
    return 0


if __name__ == "__main__":
    sys.exit(main())
