"""CSANMT translation: the model as a library.

>>> import csanmt
>>> translator = csanmt.load("csanmt-zh-en:v1.3.0")  # or a model version's directory
>>> translator.translate("你好，世界。你好吗？").text  # a text of any length
>>> translator.translate(["你好，世界。"])[0].text  # sentences

Importing this package loads neither torch nor transformers; the names below are
resolved when they are first used. After it transformers' ``AutoConfig``, ``AutoTokenizer``
and ``AutoModelForSeq2SeqLM`` know model versions. More is in ``docs/library.md``.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from csanmt.auto_classes import register_with_transformers

if TYPE_CHECKING:
    from csanmt.configuration import CsanmtConfig
    from csanmt.loading import load_translator as load
    from csanmt.modeling import CsanmtForConditionalGeneration
    from csanmt.text_translator import TextTranslator
    from csanmt.texts import TextTranslation, translate_texts
    from csanmt.translator import DecodingOptions, Hypothesis, Translation, Translator

__version__ = "0.1.0"

_LAZY = {
    "CsanmtConfig": ("csanmt.configuration", "CsanmtConfig"),
    "CsanmtForConditionalGeneration": ("csanmt.modeling", "CsanmtForConditionalGeneration"),
    "DecodingOptions": ("csanmt.translator", "DecodingOptions"),
    "Hypothesis": ("csanmt.translator", "Hypothesis"),
    "TextTranslation": ("csanmt.texts", "TextTranslation"),
    "TextTranslator": ("csanmt.text_translator", "TextTranslator"),
    "Translation": ("csanmt.translator", "Translation"),
    "Translator": ("csanmt.translator", "Translator"),
    "load": ("csanmt.loading", "load_translator"),
    "translate_texts": ("csanmt.texts", "translate_texts"),
}

__all__ = [
    "CsanmtConfig",
    "CsanmtForConditionalGeneration",
    "DecodingOptions",
    "Hypothesis",
    "TextTranslation",
    "TextTranslator",
    "Translation",
    "Translator",
    "__version__",
    "load",
    "translate_texts",
]


register_with_transformers()


def __getattr__(name: str) -> Any:
    try:
        module, attribute = _LAZY[name]
    except KeyError:
        raise AttributeError(f"module 'csanmt' has no attribute {name!r}") from None
    value = getattr(importlib.import_module(module), attribute)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
