"""Where the product's packages and their files lie: a checkout, a bento, or site-packages."""

from __future__ import annotations

from pathlib import Path

SOURCE_TREE = Path(__file__).resolve().parent.parent
