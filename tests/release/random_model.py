"""A very small model with random weights that the real engine really translates with."""

from __future__ import annotations

import io
import json
from pathlib import Path

SENTENCES = (
    "你好世界",
    "今天天气很好。",
    "我们去公园吧",
    "hello world",
    "the weather is fine today",
    "let us go to the park",
    "模型每天都可能改变",
    "the service stands like a mountain",
)


def write_random_model(directory: Path, seed: int = 1) -> Path:
    """Write a model version (config, tokenizer, packed weights) of 64 units; some 1 MB."""
    import sentencepiece
    import torch

    from csanmt.configuration import CsanmtConfig
    from csanmt.engine.packing import pack
    from csanmt.modeling import CsanmtForConditionalGeneration
    from csanmt.tokenization_sentencepiece import SentencePieceTokenizer

    buffer = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(SENTENCES * 20),
        model_writer=buffer,
        vocab_size=340,
        model_type="bpe",
        eos_id=0,
        unk_id=1,
        bos_id=-1,
        pad_id=-1,
        byte_fallback=True,
        character_coverage=1.0,
        hard_vocab_limit=False,
        minloglevel=2,
    )
    directory.mkdir(parents=True)
    tokenizer = SentencePieceTokenizer(buffer.getvalue(), buffer.getvalue())
    tokenizer.save(directory / "tokenizer")
    torch.manual_seed(seed)
    config = CsanmtConfig(
        vocab_size=tokenizer.source_size,
        hidden_size=64,
        intermediate_size=128,
        num_attention_heads=2,
        num_encoder_layers=1,
        num_decoder_layers=1,
        num_semantic_encoder_layers=1,
        share_embeddings=True,
    )
    model = CsanmtForConditionalGeneration(config).eval()
    with torch.no_grad():
        for weights in model.parameters():
            if weights.shape[0] == config.vocab_size:
                weights[0] = 0  # the end is never the likeliest: no answer is empty
    config.save_pretrained(directory)
    pack(model, directory / "engine.bin")
    (directory / "generation_config.json").write_text(
        json.dumps({"beam": 2, "length_penalty": 0.6, "max_length": 20})
    )
    (directory / "model_card.md").write_text("# Random weights\n\nFor tests only.\n")
    return directory
