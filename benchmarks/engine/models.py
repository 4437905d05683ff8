"""The same random model for every contender, at published dimensions.

The end of sentence is never chosen: its target embedding is zero, so its logit is 0,
far under the best of the others. Every search therefore runs to the length limit and
all contenders do the same work.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from csanmt.engine.packing import pack

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Dimensions:
    """The size of one benchmark model, in the words of ``CsanmtConfig``."""

    num_encoder_layers: int
    num_decoder_layers: int
    hidden_size: int
    intermediate_size: int
    num_attention_heads: int
    vocab_size: int = 50000
    num_semantic_encoder_layers: int = 4

    def config(self) -> dict[str, Any]:
        return asdict(self)


SIZES = {
    "base": Dimensions(24, 3, 512, 2048, 8),
    "large": Dimensions(24, 6, 1024, 4096, 16),
    "tiny": Dimensions(2, 1, 64, 128, 2, vocab_size=2000, num_semantic_encoder_layers=1),
}


class RandomWeights(Mapping[str, Floats]):
    """Seeded by parameter name and made when asked for, so that memory stays small."""

    def __init__(self, dimensions: Dimensions) -> None:
        import torch

        from csanmt.configuration import CsanmtConfig
        from csanmt.modeling import CsanmtForConditionalGeneration

        with torch.device("meta"):
            model = CsanmtForConditionalGeneration(CsanmtConfig(**dimensions.config()))
        self._shapes = {name: tuple(p.shape) for name, p in model.named_parameters()}

    def __iter__(self) -> Iterator[str]:
        return iter(self._shapes)

    def __len__(self) -> int:
        return len(self._shapes)

    def __getitem__(self, name: str) -> Floats:
        shape = self._shapes[name]
        if len(shape) == 1:
            return (np.ones if name.endswith("norm.weight") else np.zeros)(shape, np.float32)
        random = np.random.default_rng(zlib.crc32(name.encode()))
        value = random.standard_normal(shape, dtype=np.float32)
        value *= np.float32(shape[1] ** -0.5)
        if name == "target_embedding.weight":
            value[0] = 0.0
        return value


def native_model(dimensions: Dimensions, directory: Path) -> Path:
    """engine.bin of the random model, packed once into ``directory``."""
    path = directory / "engine.bin"
    if not path.exists():
        directory.mkdir(parents=True, exist_ok=True)
        pack(RandomWeights(dimensions), path, dimensions.config())
    return path


def torch_model(dimensions: Dimensions) -> Any:
    """The same weights as a ``CsanmtForConditionalGeneration`` in float32."""
    import torch

    from csanmt.configuration import CsanmtConfig
    from csanmt.modeling import CsanmtForConditionalGeneration

    with torch.device("meta"):
        model = CsanmtForConditionalGeneration(CsanmtConfig(**dimensions.config()))
    weights = RandomWeights(dimensions)
    state = {name: torch.from_numpy(weights[name]) for name in weights}
    model.load_state_dict(state, assign=True)
    return model.eval()


def source_sentences(dimensions: Dimensions, count: int, length: int) -> list[list[int]]:
    """Random ids without the end of sentence, the same in every run."""
    random = np.random.default_rng(7)
    return random.integers(1, dimensions.vocab_size, (count, length)).tolist()
