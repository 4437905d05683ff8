"""Which TensorFlow variable becomes which weight of ours."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from csanmt.engine.layout import Kind, Shape, layout, misfits
from csanmt.errors import CheckpointError
from csanmt.modelscope.checkpoint import Checkpoint
from csanmt.tables import read_toml

# What training leaves in a checkpoint: slots of the optimizers, counters, and the
# target side's semantic embedding, which only the contrastive objective reads.
_LEFTOVER = re.compile(
    r"/(Adam|Adam_1|Momentum|Adagrad|RMSProp(_1)?|Adadelta(_1)?|Ftrl(_1)?|grad_acc)$"
    r"|^(.*/)?(beta1_power|beta2_power|global_step|iter|save_counter)$"
    r"|^NmtModel/Target_Semantic_Embedding/Weights$"
)

_NAMES: dict[str, dict[str, str]] = read_toml(Path(__file__).with_name("variables.toml"))
_LEAVES = {
    (Kind.NORM, "weight"): "/layer_norm_scale",
    (Kind.NORM, "bias"): "/layer_norm_offset",
    (Kind.RELATIVE, "relative_key"): "/rpr_k",
    (Kind.RELATIVE, "relative_value"): "/rpr_v",
    **{(k, "weight"): "/matrix" for k in (Kind.LINEAR, Kind.HEADS_OUT, Kind.HEADS_IN)},
    **{(k, "bias"): "/bias" for k in (Kind.LINEAR, Kind.HEADS_OUT, Kind.HEADS_IN)},
}


@dataclass(frozen=True, slots=True)
class Variable:
    """One expected variable: its name and shape there, its name here.

    ``transposed``: TensorFlow keeps matrices as (inputs, outputs), torch as (outputs, inputs).
    """

    name: str
    shape: tuple[int, ...]
    weight: str
    transposed: bool = False


class CheckpointWeights(Mapping[str, NDArray[np.float32]]):
    """A checkpoint's weights under our names, each read when it is asked for.

    Args:
        config: keys of ``CsanmtConfig``; says which variables there must be.

    Attributes:
        shapes: of every weight, in the model's order.
        leftovers: variables that only training needs.

    Raises:
        CheckpointError: names every variable that is missing, unexpected, misshapen or not
            float32; from a look-up: the data is damaged or not finite.
    """

    def __init__(self, checkpoint: Checkpoint, config: Mapping[str, Any]) -> None:
        variables = expected_variables(config)
        self.leftovers = _check(checkpoint, variables)
        self._checkpoint = checkpoint
        self._variables = {variable.weight: variable for variable in variables}
        self.shapes = {v.weight: v.shape[::-1] if v.transposed else v.shape for v in variables}

    def __getitem__(self, weight: str) -> NDArray[np.float32]:
        variable = self._variables[weight]
        value = self._checkpoint.read(variable.name)
        if not np.isfinite(value).all():
            raise CheckpointError(f"variable {variable.name!r} holds values that are not finite")
        return np.ascontiguousarray(value.T if variable.transposed else value)

    def __iter__(self) -> Iterator[str]:
        return iter(self._variables)

    def __len__(self) -> int:
        return len(self._variables)


def _check(checkpoint: Checkpoint, expected: Sequence[Variable]) -> list[str]:
    wanted = {variable.name: variable.shape for variable in expected}
    present = checkpoint.entries
    leftovers = [name for name in present if name not in wanted and _LEFTOVER.search(name)]
    found = {name: entry.shape for name, entry in present.items() if name not in leftovers}
    others = [name for name in wanted if name in present and present[name].dtype != "float32"]
    kinds = ", ".join(f"{name} is {present[name].dtype}" for name in others[:8])
    problems = misfits(wanted, found) or (f"not float32: {kinds}" if kinds else "")
    if problems:
        raise CheckpointError(
            f"checkpoint {str(checkpoint.prefix)!r} does not fit its configuration.json; {problems}"
        )
    return leftovers


def expected_variables(config: Mapping[str, Any]) -> list[Variable]:
    """Every variable a model of this configuration has; keys of ``CsanmtConfig``."""
    shape = Shape.from_config(config)
    found: dict[str, Variable] = {}
    for entry in layout(shape):
        scope = f"NmtModel/{_scope(entry.parameter, shape.shared)}"
        for weight, size in entry.parameters(shape).items():
            leaf = _LEAVES.get((entry.kind, weight.rpartition(".")[2]), "")
            there = size[::-1] if leaf == "/matrix" else size
            # The softmax of tied weights is the target embedding again.
            found.setdefault(weight, Variable(scope + leaf, there, weight, leaf == "/matrix"))
    return list(found.values())


def _scope(parameter: str, shared: bool) -> str:
    """What the reference calls the module, or the whole variable, of one of our parameters."""
    stack, _, rest = parameter.partition(".layers.")
    if rest:
        number, _, module = rest.partition(".")
        modules = _NAMES["decoder" if stack == "decoder" else "encoder"]
        return f"{_NAMES['stacks'][stack]}/layer_{number}/{modules[module]}"
    scope = _NAMES["others"][parameter]
    return scope.replace("Source_", "Shared_") if shared else scope
