"""The portable engine: the model in torch, searched as the reference does at batch size 1."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import torch

from csanmt.errors import InvalidInputError
from csanmt.search import beam_search, best_hypotheses
from csanmt.translator import Copies, DecodingOptions, ShouldStop, TokenHypothesis

if TYPE_CHECKING:
    from csanmt.modeling import CsanmtForConditionalGeneration


class TorchEngine:
    """Implements ``csanmt.translator.Engine`` over a float model. Safe across threads.

    Args:
        model: put into evaluation mode.
        batch_size: sentences decoded side by side. At 1, the default, a sentence's
            scores are bitwise independent of its neighbours; above, padding may
            change their last digits.
    """

    name = "torch"

    def __init__(self, model: CsanmtForConditionalGeneration, batch_size: int = 1) -> None:
        self.model = model.eval()
        self.batch_size = batch_size

    @classmethod
    def load(cls, directory: str | os.PathLike[str]) -> TorchEngine:
        """Read a model's directory: config.json and float weights, else the packed ones.

        Raises:
            CheckpointError: the weights do not fit the configuration, or are damaged.
        """
        from csanmt.modeling import load_model

        return cls(load_model(directory))

    def translate_ids(
        self,
        sources: Sequence[Sequence[int]],
        options: DecodingOptions = DecodingOptions(),
        *,
        prefixes: Sequence[Sequence[int]] | None = None,
        copies: Copies | None = None,
        should_stop: ShouldStop | None = None,
    ) -> list[list[TokenHypothesis]]:
        """Decode each source (ids without eos) on its own.

        Raises:
            CancelledError: ``should_stop`` answered true.
            InvalidInputError: an id is outside the vocabulary, a prefix holds eos, or the
                number of prefixes is not that of the sources.
        """
        self._check(sources, prefixes)
        results: list[list[TokenHypothesis]] = [[] for _ in sources]
        # Like lengths side by side waste the least on padding.
        order = sorted(range(len(sources)), key=lambda i: len(sources[i]))
        for start in range(0, len(order), self.batch_size):
            part = order[start : start + self.batch_size]
            found = beam_search(
                self.model,
                self._batch([sources[i] for i in part]),
                options,
                prefixes=prefixes and [prefixes[i] for i in part],
                copies=copies and replace(copies, required=tuple(copies.required[i] for i in part)),
                should_stop=should_stop,
            )
            for i, beams in zip(part, found, strict=True):
                results[i] = best_hypotheses(beams, options.n_best)
        return results

    def _batch(self, sources: Sequence[Sequence[int]]) -> torch.Tensor:
        """(B, S) int64 with eos."""
        width = 1 + max(len(ids) for ids in sources)
        rows = [list(ids) + [0] * (width - len(ids)) for ids in sources]
        return torch.tensor(rows, dtype=torch.long, device=self.model.device)

    def _check(
        self, sources: Sequence[Sequence[int]], prefixes: Sequence[Sequence[int]] | None
    ) -> None:
        config = self.model.config
        if prefixes is not None and len(prefixes) != len(sources):
            raise InvalidInputError(
                f"there are {len(prefixes)} prefixes for {len(sources)} sources; one each is needed"
            )
        for what, least, size, lists in (  # 0 would end a prefix
            ("source", 0, config.vocab_size, sources),
            ("prefix", 1, config.target_vocab_size, prefixes or ()),
        ):
            for wrong in (token for ids in lists for token in ids if not least <= token < size):
                raise InvalidInputError(f"{what} id {wrong} is outside {least} to {size - 1}")
