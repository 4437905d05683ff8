"""``python -m training.synthetic``: writes generated pairs to a file."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from csanmt.durable import replace_text
from training.synthetic import generate


def main(arguments: Sequence[str] | None = None) -> None:
    """Write ``--pairs`` lines of Chinese, English and origin to ``--out``."""
    parser = argparse.ArgumentParser(prog="python -m training.synthetic", description=__doc__)
    parser.add_argument("--pairs", type=int, default=60_000, help="how many (default 60000)")
    parser.add_argument("--seed", type=int, default=1, help="same seed, same pairs (default 1)")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE.tsv")
    options = parser.parse_args(arguments)
    lines = (
        f"{pair.source}\t{pair.target}\t{pair.origin}\n"
        for pair in generate(options.pairs, options.seed)
    )
    options.out.parent.mkdir(parents=True, exist_ok=True)
    replace_text(options.out, "".join(lines))


if __name__ == "__main__":
    main()
