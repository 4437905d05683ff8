"""A version's tokenizer as transformers knows tokenizers, for ``AutoTokenizer``.

Its tokens are ids in decimal: nothing in a text can be read as a control token by their names.
"""

from __future__ import annotations

import os
from typing import Any

from transformers import AutoTokenizer, PreTrainedTokenizer

from csanmt.configuration import CsanmtConfig
from csanmt.loading import load_tokenizer
from csanmt.tokenization import Tokenizer
from csanmt.tokenization_copy import Side


class CsanmtTokenizer(PreTrainedTokenizer):
    """Source text → ids with their end; ids of the target → text. ``text_target`` makes labels."""

    model_input_names = ["input_ids", "attention_mask"]

    def __init__(self, tokenizer: Tokenizer, **kwargs: Any) -> None:
        self.ours = tokenizer
        self._side: Side = "source"
        super().__init__(eos_token="0", pad_token="0", **kwargs)

    @classmethod
    def from_pretrained(
        cls, pretrained_model_name_or_path: str | os.PathLike[str], *_: Any, **__: Any
    ) -> CsanmtTokenizer:
        """The tokenizer of a version's directory; errors as ``csanmt.loading.load_tokenizer``."""
        return cls(load_tokenizer(pretrained_model_name_or_path))

    def save_pretrained(
        self, save_directory: str | os.PathLike[str], *_: Any, **__: Any
    ) -> tuple[str, ...]:
        """Write it into ``tokenizer/`` of a version's directory."""
        place = os.path.join(save_directory, "tokenizer")
        os.makedirs(place, exist_ok=True)
        self.ours.save(place)
        return tuple(os.path.join(place, name) for name in sorted(os.listdir(place)))

    @property
    def vocab_size(self) -> int:
        return max(self.ours.source_size, self.ours.target_size)

    def get_vocab(self) -> dict[str, int]:
        return {str(token): token for token in range(self.vocab_size)}

    def tokenize(self, text: str, **_: Any) -> list[str]:
        ids, _spans = self.ours.encode_with_spans(text, (), self._side)
        return [str(token) for token in ids]

    def _convert_token_to_id(self, token: str) -> int:
        return int(token)

    def _convert_id_to_token(self, index: int) -> str:
        return str(index)

    def build_inputs_with_special_tokens(
        self, token_ids_0: list[int], token_ids_1: list[int] | None = None
    ) -> list[int]:
        return [*token_ids_0, *(token_ids_1 or []), 0]

    def _switch_to_input_mode(self) -> None:
        self._side = "source"

    def _switch_to_target_mode(self) -> None:
        self._side = "target"

    def _decode(
        self, token_ids: int | list[int], skip_special_tokens: bool = False, **_: Any
    ) -> str:
        ids = [token_ids] if isinstance(token_ids, int) else list(token_ids)
        start = 1 if ids and ids[0] == 0 else 0  # what ``generate`` begins with
        return self.ours.decode(ids[start:])


AutoTokenizer.register(CsanmtConfig, slow_tokenizer_class=CsanmtTokenizer)
