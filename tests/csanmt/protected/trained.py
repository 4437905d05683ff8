"""Train the tiny model in ``trained/``, which has learnt what copy tokens are.

Its five sentences reorder their tokens; it has seen each with random numbers, so that it answers
any numbers only by copying. Ten seconds of one core:

    python -m tests.csanmt.protected.trained
"""

from __future__ import annotations

import random
from pathlib import Path

import torch

from csanmt.engine.packing import pack
from csanmt.loading import load_tokenizer
from csanmt.modeling import load_model
from csanmt.tokenization import Tokenizer
from csanmt.tokenization_copy import NAMES
from tests.fixtures_tiny import tiny_model_dir

# A sentence and its translation; what it says does not matter.
PAIRS = (
    ("请把{0}发到{1}。", "Send {0} to {1} today."),
    ("在{0}旁边有{1}。", "There is {1} in {0}."),
    ("没有{0}就不能去{1}！", "Get {1} for the {0}!"),
    ("{0}昨天从{1}来。", "Yesterday {0} took {1}."),
    ("我们的{0}比{1}好。", "Our {0} is the {1}."),
)
STEPS, BATCH = 350, 48


def train(directory: Path) -> None:
    place = tiny_model_dir(
        directory,
        copy_tokens=NAMES,
        hidden_size=64,
        intermediate_size=128,
        num_encoder_layers=1,
        num_decoder_layers=1,
        num_semantic_encoder_layers=1,
        dropout=0.0,
    )
    tokenizer, model = load_tokenizer(place), load_model(place).train()
    chance = random.Random(1)
    optimizer = torch.optim.AdamW(model.parameters(), lr=4e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 4e-3, total_steps=STEPS)
    for _ in range(STEPS):
        rows = [_example(tokenizer, chance) for _ in range(BATCH)]
        sources, targets = _padded([s for s, _ in rows], 0), _padded([t for _, t in rows], -100)
        loss = model(input_ids=sources, labels=targets).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    model.eval().save_pretrained(place)
    pack(place, place / "engine.bin")
    (place / "model.safetensors").unlink()


def _example(tokenizer: Tokenizer, chance: random.Random) -> tuple[list[int], list[int]]:
    numbers = chance.sample(range(len(NAMES)), 2)
    source, target = chance.choice(PAIRS)
    return tuple(
        tokenizer.encode_with_spans(*_with_tokens(text, numbers), side)[0]
        for text, side in ((source, "source"), (target, "target"))
    )


def _with_tokens(text: str, numbers: list[int]) -> tuple[str, list[tuple[int, int]]]:
    """A character for each ``{i}``, and where they stand."""
    shown = text.replace("{0}", "0").replace("{1}", "1")
    return shown, [(at, numbers[int(c)]) for at, c in enumerate(shown) if c in "01"]


def _padded(rows: list[list[int]], filler: int) -> torch.Tensor:
    width = max(map(len, rows)) + 1
    return torch.tensor([[*ids, 0, *[filler] * (width - len(ids) - 1)] for ids in rows])


if __name__ == "__main__":
    train(Path(__file__).with_name("trained"))
