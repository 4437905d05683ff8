"""Makes transformers' auto classes know our model versions, without loading transformers.

``from transformers import AutoModelForSeq2SeqLM`` may come before ``import csanmt`` or after it:
before, our classes are registered at once; after, as soon as transformers has been loaded.
"""

from __future__ import annotations

import importlib.util
import sys

from wrapt import register_post_import_hook

_CONFIGURATION = "csanmt.configuration"  # loads transformers itself, and registers at its end
_CLASSES = (_CONFIGURATION, "csanmt.modeling", "csanmt.tokenization_transformers")


def register_with_transformers() -> None:
    """Register now if transformers is loaded, else when it will be."""
    register_post_import_hook(
        lambda _: register_classes() if _CONFIGURATION not in sys.modules else None, "transformers"
    )


def register_classes() -> None:
    """Load our modules of transformers' classes, which register them."""
    if importlib.util.find_spec("torch"):
        for name in _CLASSES:
            importlib.import_module(name)
