"""Muon over the matrices that are stacked in one parameter, and the state of all parts."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from torch import Tensor, nn

from training.optimizer import is_matrix, optimizer_for
from training.recipe import TrainingSettings

SETTINGS = TrainingSettings(optimizer="muon", workers=2)


def parameters() -> dict[str, nn.Parameter]:
    torch.manual_seed(1)
    shapes = {"layer.qkv.weight": (12, 4), "layer.output.weight": (4, 8), "layer.qkv.bias": (12,)}
    named = {name: nn.Parameter(torch.randn(shape)) for name, shape in shapes.items()}
    for parameter in named.values():
        parameter.grad = torch.randn_like(parameter)
    return named


def test_each_stacked_matrix_gets_torchs_own_muon_update():
    named = parameters()
    query = nn.Parameter(named["layer.qkv.weight"].detach()[4:8].clone())
    query.grad = named["layer.qkv.weight"].grad[4:8].clone()
    alone = torch.optim.Muon([query], lr=0.1, weight_decay=0.0, adjust_lr_fn="match_rms_adamw")
    alone.step()
    with ThreadPoolExecutor(2) as workers:
        optimizer_for(list(named.items()), SETTINGS).step(0.1, workers)
    assert torch.equal(named["layer.qkv.weight"][4:8], query)


def test_everything_else_gets_adamw():
    named, other = parameters(), parameters()
    optimizer_for(list(named.items()), SETTINGS).step(0.1)
    optimizer_for(list(other.items()), TrainingSettings()).step(0.1)
    assert torch.equal(named["layer.qkv.bias"], other["layer.qkv.bias"])
    assert not torch.equal(named["layer.output.weight"], other["layer.output.weight"])


@pytest.mark.parametrize("kind", ["adamw", "muon"])
def test_a_state_put_back_gives_the_same_next_step(kind: str):
    settings = TrainingSettings(optimizer=kind, workers=2)
    named = parameters()
    first = optimizer_for(list(named.items()), settings)
    first.step(0.1)
    again = {name: nn.Parameter(p.detach().clone()) for name, p in named.items()}
    for name, parameter in again.items():
        parameter.grad = named[name].grad.clone()
    second = optimizer_for(list(again.items()), settings)
    second.load_state({name: value.clone() for name, value in first.state().items()})
    first.step(0.1)
    second.step(0.1)
    assert all(torch.equal(named[name], again[name]) for name in named)


def test_a_state_of_another_optimizer_is_refused():
    named = parameters()
    muon = optimizer_for(list(named.items()), SETTINGS)
    muon.step(0.1)
    with pytest.raises(IndexError):
        optimizer_for(list(named.items()), TrainingSettings()).load_state(muon.state())


@pytest.mark.parametrize(
    ("name", "shape", "matrix"),
    [
        ("encoder.layers.0.feed_forward.input.weight", (8, 4), True),
        ("encoder.layers.0.feed_forward.input.bias", (8,), False),
        ("source_embedding.weight", (8, 4), False),
        ("softmax.weight", (8, 4), False),
        ("semantic_encoder.layers.0.self_attention.relative_key", (8, 4), False),
    ],
)
def test_what_counts_as_a_matrix(name: str, shape: tuple[int, ...], matrix: bool):
    value: Tensor = torch.zeros(shape)
    assert is_matrix(name, nn.Parameter(value)) is matrix
