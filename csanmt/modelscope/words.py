"""Text ↔ words as ModelScope's pipeline does it: jieba for Chinese, Moses for the rest."""

from __future__ import annotations

import threading
from functools import lru_cache
from typing import TYPE_CHECKING

from sacremoses import MosesDetokenizer, MosesPunctNormalizer, MosesTokenizer

if TYPE_CHECKING:
    from jieba import Tokenizer

# Pairs whose models were trained without splitting at dashes.
_UNSPLIT_DASHES = frozenset({("es", "en"), ("fr", "en"), ("en", "es"), ("en", "fr")})


class Words:
    """Words of one language pair: jieba's of Chinese, Moses' of anything else."""

    def __init__(self, source_language: str, target_language: str) -> None:
        self._detokenizer = MosesDetokenizer(lang=target_language)
        self._chinese = source_language == "zh"
        if not self._chinese:
            self._normalizer = MosesPunctNormalizer(lang=source_language)
            self._tokenizer = MosesTokenizer(lang=source_language)
        self._split_dashes = (source_language, target_language) not in _UNSPLIT_DASHES

    def tokenize(self, text: str) -> str:
        """Source text → its words with spaces between."""
        if self._chinese:
            return " ".join(_jieba().cut(text))
        normal, split = self._normalizer.normalize(text), self._split_dashes
        return str(self._tokenizer.tokenize(normal, return_str=True, aggressive_dash_splits=split))

    def unescape(self, word: str) -> str:
        """A word of ``tokenize``'s answer as it stands in the source text."""
        if self._chinese:
            return word
        return "-" if word == "@-@" else str(self._detokenizer.unescape_xml(word))

    def unescape_target(self, word: str) -> str:
        """A target word as ``detokenize`` writes it."""
        return str(self._detokenizer.unescape_xml(word)).replace("@-@", "-")

    def detokenize(self, words: list[str]) -> str:
        """Target words → text."""
        return str(self._detokenizer.detokenize(words))


_LOADING = threading.Lock()


def _jieba() -> Tokenizer:
    with _LOADING:
        return _loaded_jieba()


@lru_cache(maxsize=1)
def _loaded_jieba() -> Tokenizer:
    """jieba with its own dictionary, read from its package.

    Its ``initialize`` would read a marshalled cache from the shared temporary
    directory, which anybody on the machine may have written; so the dictionary is
    parsed here instead (about a second, once a process).
    """
    import jieba

    tokenizer = jieba.Tokenizer()
    tokenizer.FREQ, tokenizer.total = tokenizer.gen_pfdict(tokenizer.get_dict_file())
    tokenizer.initialized = True
    return tokenizer
