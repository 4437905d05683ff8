"""Makes a COMET checkpoint with a tiny encoder of random weights.

Run by the Python that has COMET: ``python tiny_comet.py FOLDER`` prints the checkpoint's path.
The tokenizer is trained on ten lines, the encoder is XLM-RoBERTa with 2 layers of width 32.
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch
import yaml
from comet.models import RegressionMetric
from tokenizers import Tokenizer, models, pre_tokenizers, processors, trainers
from transformers import XLMRobertaConfig, XLMRobertaTokenizerFast

SPECIAL = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
TEXT = ["今天天气很好。 The weather is fine today.", "他买了三本书。 He bought three books."] * 5


def main(folder: Path) -> None:
    encoder, checkpoints = folder / "encoder", folder / "checkpoints"
    encoder.mkdir(parents=True)
    checkpoints.mkdir()
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    trainer = trainers.UnigramTrainer(vocab_size=80, special_tokens=SPECIAL, unk_token="<unk>")
    tokenizer.train_from_iterator(TEXT, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>",
        special_tokens=[("<s>", 0), ("</s>", 2)],
    )  # fmt: skip
    XLMRobertaTokenizerFast(tokenizer_object=tokenizer).save_pretrained(encoder)
    XLMRobertaConfig(
        vocab_size=tokenizer.get_vocab_size(), hidden_size=32, num_hidden_layers=2,
        num_attention_heads=2, intermediate_size=64, max_position_embeddings=130, type_vocab_size=1,
        pad_token_id=1, bos_token_id=0, eos_token_id=2,
    ).save_pretrained(encoder)  # fmt: skip
    torch.manual_seed(5)
    settings = {"pretrained_model": str(encoder), "hidden_sizes": [16, 8]}
    model = RegressionMetric(**settings, load_pretrained_weights=False)
    torch.save(
        {
            "state_dict": model.state_dict(),
            "hyper_parameters": dict(model.hparams),
            "pytorch-lightning_version": "2.0.0",
        },
        checkpoints / "model.ckpt",
    )
    (folder / "hparams.yaml").write_text(
        yaml.safe_dump({"class_identifier": "regression_metric", **settings})
    )
    print(checkpoints / "model.ckpt")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
