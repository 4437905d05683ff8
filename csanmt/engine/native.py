"""The native CPU engine behind the ``Engine`` protocol.

``engine.bin`` is mapped read-only and shared by every process that opens it. The
extension module ``csanmt_engine`` is a distribution of its own; without it the product
falls back to the torch reference.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from csanmt.errors import (
    CancelledError,
    CheckpointError,
    EngineUnavailableError,
    InvalidInputError,
    NotFoundError,
)
from csanmt.translator import Copies, DecodingOptions, ShouldStop, TokenHypothesis
from csanmt.version import PACKED_WEIGHTS


def _extension() -> Any:
    try:
        import csanmt_engine
    except ImportError as error:
        raise EngineUnavailableError(
            f"the native engine is not installed ({error}); install csanmt-engine "
            "or choose the torch engine with CSANMT_ENGINE=torch"
        ) from error
    return csanmt_engine


def is_available() -> bool:
    """Whether the extension module can be loaded here."""
    try:
        _extension()
    except EngineUnavailableError:
        return False
    return True


class NativeEngine:
    """An ``engine.bin`` ready to decode. Safe to call from several threads.

    A sentence's hypotheses are bitwise the same alone, in any batch, on any
    instruction set and with any number of threads.

    Args:
        path: ``engine.bin``, or the model directory that holds it.
        isa: one of ``csanmt_engine.instruction_sets()`` or ``auto`` (the best there is). None
            takes the environment's ``CSANMT_ISA``, a setting of the machine rather than of
            a request, and ``auto`` if that is not set.
        threads: that share the sentences of one call; 1 scales best with several worker processes.
        max_length_factor: as ``csanmt.version.Behaviour`` has it.

    Raises:
        EngineUnavailableError: no extension module, or ``isa`` cannot run here.
        NotFoundError: no such file.
        CheckpointError: the file is foreign, newer, truncated or corrupted.
    """

    name = "native"

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        isa: str | None = None,
        threads: int = 1,
        max_length_factor: int | None = None,
    ) -> None:
        extension = _extension()
        isa = isa or os.environ.get("CSANMT_ISA") or "auto"
        file = Path(path)
        if file.is_dir():
            file = file / PACKED_WEIGHTS
        if not file.exists():
            raise NotFoundError(f"{file} does not exist")
        if not 1 <= threads <= 256:
            raise InvalidInputError(f"threads is {threads}; allowed is 1 to 256")
        try:
            self._engine = extension.Engine(str(file), isa, threads)
        except extension.FileError as error:
            raise CheckpointError(str(error)) from error
        except ValueError as error:
            raise EngineUnavailableError(str(error)) from error
        self._cancelled = extension.Cancelled
        self._max_length_factor = max_length_factor or 0
        self.info: dict[str, Any] = self._engine.info()

    def translate_ids(
        self,
        sources: Sequence[Sequence[int]],
        options: DecodingOptions = DecodingOptions(),
        *,
        prefixes: Sequence[Sequence[int]] | None = None,
        copies: Copies | None = None,
        should_stop: ShouldStop | None = None,
    ) -> list[list[TokenHypothesis]]:
        """Decode each source (ids without eos) on its own; see ``Engine``.

        The search is the reference's at batch size 1; with ``n_best=1`` it ends as soon as
        nothing alive can beat the best hypothesis. ``should_stop`` is asked before
        every encoder layer and every decoding step.

        Raises:
            CancelledError: ``should_stop`` answered true.
            InvalidInputError: an id is outside the vocabulary, a prefix holds eos, a required
                token is not reserved, or there are not as many of one as of the sources.
        """
        try:
            results = self._engine.translate(
                [list(ids) for ids in sources],
                [list(ids) for ids in prefixes] if prefixes is not None else [],
                [list(ids) for ids in copies.required] if copies else [],
                list(copies.reserved) if copies else [],
                options.beam,
                options.n_best,
                options.length_penalty,
                options.max_length,
                self._max_length_factor,
                options.repetition_guard,
                options.alignment,
                should_stop,
            )
        except self._cancelled as error:
            raise CancelledError("the translation was cancelled") from error
        except IndexError as error:
            raise InvalidInputError(str(error)) from error
        return [[TokenHypothesis(*hypothesis) for hypothesis in row] for row in results]

    def logits(self, source: Sequence[int], target: Sequence[int]) -> NDArray[np.float32]:
        """Teacher-forced logits (len(target) + 1, V): row t predicts ``target[t]``."""
        out: NDArray[np.float32] = self._engine.logits(list(source), list(target))
        return out
