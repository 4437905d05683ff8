"""Where the product's packages and their files lie: a checkout, a bento, or site-packages."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

SOURCE_TREE = Path(__file__).resolve().parent.parent


def head_commit(root: Path = SOURCE_TREE) -> str:
    """The commit checked out in ``root``, or nothing where that cannot be known."""
    try:
        out = subprocess.run(
            ["git", "rev-parse", "HEAD"],
            cwd=root,
            capture_output=True,
            text=True,
            timeout=5,
            check=True,
        ).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return ""
    return out if re.fullmatch(r"[0-9a-f]{40,64}", out) else ""
