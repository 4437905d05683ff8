"""How much arithmetic and memory traffic one sentence needs, and what the machine offers."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.engine.models import Dimensions


@dataclass(frozen=True, slots=True)
class Machine:
    """Best rates measured here: int8 multiply-adds and bytes read, per second, one thread."""

    instruction_set: str
    peak: float
    bandwidth: float

    @classmethod
    def measured(cls) -> Machine:
        import csanmt_engine

        isa = csanmt_engine.instruction_sets()[0]
        peak = max(csanmt_engine.measure_peak(isa, 0.5) for _ in range(3))
        bandwidth = max(csanmt_engine.measure_bandwidth(0.7) for _ in range(3))
        return cls(isa, peak * 1e9, bandwidth * 1e9)


@dataclass(frozen=True, slots=True)
class Work:
    """Per sentence: int8 multiply-adds of the products, and bytes of weights read from memory."""

    multiply_adds: float
    bytes_read: float


def work(d: Dimensions, batch: int, beam: int, length: int) -> Work:
    """Forced decoding of ``length`` → ``length`` tokens by our engine.

    Attention, norms and softmax (float) are not counted. Weights are read once a batch in the
    encoder and once a step in the decoder; what stays in the cache between steps is counted too.
    """
    h, f = d.hidden_size, d.intermediate_size
    layer = 4 * h * h + 2 * h * f
    tokens = length + 1
    encoder = (d.num_encoder_layers + d.num_semantic_encoder_layers) * layer + h * h
    cross = d.num_decoder_layers * 2 * h * h
    constants = d.num_decoder_layers * 2 * h * h
    step = d.num_decoder_layers * (layer + 2 * h * h) + d.vocab_size * h
    rows = 1 + (length - 1) * beam  # the first step has one live hypothesis
    products = (encoder + cross) * tokens + constants + step * rows
    traffic = (encoder + cross + constants + step * length) / batch
    return Work(float(products), float(traffic))
