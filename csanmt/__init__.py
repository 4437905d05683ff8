"""CSANMT translation: the model as a library.

>>> import csanmt
>>> translator = csanmt.load("csanmt-zh-en:v1.5.0")  # or a model version's directory
>>> translator.translate("你好，世界。你好吗？").text  # a text of any length
>>> translator.translate(["你好，世界。"])[0].text  # sentences

Importing this package loads neither torch nor transformers; the names below are
resolved when they are first used. After it transformers' ``AutoConfig``, ``AutoTokenizer``
and ``AutoModelForSeq2SeqLM`` know model versions. More is in ``docs/library.md``.
"""

from __future__ import annotations

import pkgutil
from typing import TYPE_CHECKING, Any

from csanmt.auto_classes import register_with_transformers

if TYPE_CHECKING:  # what ``_LAZY`` names, for type checkers
    # ruff: noqa: F401
    from csanmt.configuration import CsanmtConfig
    from csanmt.loading import load_translator as load
    from csanmt.modeling import CsanmtForConditionalGeneration
    from csanmt.text_translator import TextTranslator
    from csanmt.texts import TextTranslation, translate_texts
    from csanmt.translator import DecodingOptions, Hypothesis, Translation, Translator

__version__ = "0.1.0"

_LAZY = {  # where each name is, and what it is called there
    "CsanmtConfig": "csanmt.configuration:CsanmtConfig",
    "CsanmtForConditionalGeneration": "csanmt.modeling:CsanmtForConditionalGeneration",
    "DecodingOptions": "csanmt.translator:DecodingOptions",
    "Hypothesis": "csanmt.translator:Hypothesis",
    "TextTranslation": "csanmt.texts:TextTranslation",
    "TextTranslator": "csanmt.text_translator:TextTranslator",
    "Translation": "csanmt.translator:Translation",
    "Translator": "csanmt.translator:Translator",
    "load": "csanmt.loading:load_translator",
    "translate_texts": "csanmt.texts:translate_texts",
}

register_with_transformers()


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module 'csanmt' has no attribute {name!r}")
    value = pkgutil.resolve_name(_LAZY[name])
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*_LAZY, "__version__"]
