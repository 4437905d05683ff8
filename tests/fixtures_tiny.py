"""A tiny CSANMT model with random weights, built in a second: for tests that need real files.

``from tests.fixtures_tiny import tiny_model_dir`` works from any room (the tests run
with the repository's root on the path).
"""

from __future__ import annotations

import io
import json
from functools import lru_cache
from pathlib import Path
from typing import Any

CHINESE = """今天天气很好，我们一起去公园散步吧。
他昨天从北京坐火车到上海开会。
这本书讲述了一个年轻人的成长故事！
请问去火车站怎么走？谢谢你的帮助。
经济发展需要稳定的社会环境和良好的政策支持；
科学家发现了一种新的治疗方法，版本2.15.1发布了。
我们公司成立于1998年，价格是3.14元。"""
ENGLISH = """The weather is fine today, so let us walk in the park.
He took a train from Beijing to Shanghai yesterday for a meeting.
This book tells the story of how a young man grew up!
How do I get to the railway station? Thank you for your help.
The economy needs a stable environment and good policies;
Scientists have found a new treatment, and version 2.15.1 is out.
Our company was founded in 1998, and the price is 3.14 yuan."""


@lru_cache(maxsize=4)
def piece_model(text: str, size: int = 420, control: tuple[str, ...] = ()) -> bytes:
    """A SentencePiece model with our ids: eos 0, unk 1, bytes for every other character.

    Args:
        control: pieces that no text encodes to, such as copy tokens; they come on top.
    """
    import sentencepiece

    buffer = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(text.splitlines()),
        model_writer=buffer,
        model_type="unigram",
        vocab_size=size + len(control),
        control_symbols=list(control),
        hard_vocab_limit=False,
        character_coverage=1.0,
        byte_fallback=True,
        split_digits=True,
        eos_id=0,
        unk_id=1,
        bos_id=-1,
        pad_id=-1,
        minloglevel=2,
    )
    return buffer.getvalue()


def tiny_model_dir(directory: Path, *, seed: int = 0, **overrides: Any) -> Path:
    """Write a model's directory (float weights, SentencePiece tokenizer) and return it.

    Args:
        directory: made if it is not there.
        seed: of the random weights.
        overrides: keys of ``CsanmtConfig``; the vocabulary sizes follow the tokenizer
            unless they are given (never smaller than it).
    """
    import torch

    from csanmt.configuration import CsanmtConfig
    from csanmt.modeling import CsanmtForConditionalGeneration
    from csanmt.tokenization_sentencepiece import SentencePieceTokenizer

    shared = bool(overrides.get("share_embeddings"))
    control = tuple(overrides.get("copy_tokens", ()))
    source = piece_model(CHINESE + "\n" + ENGLISH if shared else CHINESE, control=control)
    target = source if shared else piece_model(ENGLISH, control=control)
    tokenizer = SentencePieceTokenizer(source, target)
    values: dict[str, Any] = {
        "vocab_size": tokenizer.source_size,
        "target_vocab_size": tokenizer.target_size,
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_attention_heads": 4,
        "num_encoder_layers": 2,
        "num_decoder_layers": 2,
        "num_semantic_encoder_layers": 2,
        "max_relative_distance": 8,
        **overrides,
    }
    torch.manual_seed(seed)
    model = CsanmtForConditionalGeneration(CsanmtConfig(**values))
    directory.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(directory)
    tokenizer.save(directory / "tokenizer")
    generation = {"beam": 4, "length_penalty": 0.6, "max_length": 100}
    (directory / "generation_config.json").write_text(json.dumps(generation) + "\n")
    (directory / "model_card.md").write_text("# Tiny random model for tests\n")
    return directory
