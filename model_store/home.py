"""Where the store is: the one place that decides it for every command.

``$BENTOML_HOME`` if it is set. Else the source tree that this package lies in keeps its
own, ``.bentoml``, so that a checkout can be tried and thrown away; and a package that was
installed without its tree uses BentoML's own default.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from csanmt.source_tree import SOURCE_TREE

VARIABLE = "BENTOML_HOME"
OWN_HOME = ".bentoml"
BENTOMLS_HOME = "~/bentoml"


def store_home(environ: Mapping[str, str], tree: Path = SOURCE_TREE) -> Path:
    """The BENTOML_HOME of our commands, absolute; it need not exist."""
    if not environ.get(VARIABLE) and (tree / "service.py").is_file():
        return tree / OWN_HOME
    return bentomls_home(environ)


def bentomls_home(environ: Mapping[str, str]) -> Path:
    """The one that BentoML itself uses, which knows no source tree."""
    home = environ.get(VARIABLE) or BENTOMLS_HOME
    return Path(os.path.expandvars(home)).expanduser().absolute()
