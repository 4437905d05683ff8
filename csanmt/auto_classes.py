"""Makes transformers' auto classes know our model versions, without loading transformers.

``from transformers import AutoModelForSeq2SeqLM`` may come before ``import csanmt`` or after it:
before, our classes are registered at once; after, as soon as transformers has been loaded.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

_CONFIGURATION = "csanmt.configuration"  # loads transformers itself, and registers at its end
_CLASSES = (_CONFIGURATION, "csanmt.modeling", "csanmt.tokenization_transformers")


def register_with_transformers() -> None:
    """Register now if transformers is loaded, else when it will be."""
    if "transformers" in sys.modules:
        register_classes()
    else:
        sys.meta_path.insert(0, _AfterTransformers())


def register_classes() -> None:
    """Load our modules of transformers' classes, which register them."""
    if importlib.util.find_spec("torch"):
        for name in _CLASSES:
            importlib.import_module(name)


class _AfterTransformers(MetaPathFinder):
    """Finds transformers once, by those who find modules otherwise, and registers after it."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != "transformers":
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(fullname)
        if spec is not None and spec.loader is not None:
            load = spec.loader.exec_module

            def load_and_register(module: ModuleType) -> None:
                load(module)
                if _CONFIGURATION not in sys.modules:
                    register_classes()

            spec.loader.exec_module = load_and_register  # type: ignore[method-assign]
        return spec
