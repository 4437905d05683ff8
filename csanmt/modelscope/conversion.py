"""A ModelScope model's directory → a model version's directory of ours."""

from __future__ import annotations

import json
import math
import os
import re
import struct
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from csanmt.durable import file_sha256
from csanmt.engine.native import is_available
from csanmt.engine.packing import pack
from csanmt.errors import CheckpointError, ConflictError, CsanmtError, NotFoundError
from csanmt.modelscope.checkpoint import Checkpoint
from csanmt.modelscope.configuration import (
    CONFIGURATION,
    ModelScopeConfiguration,
    read_configuration,
)
from csanmt.modelscope.tokenization import ModelScopeTokenizer, read_text
from csanmt.modelscope.variables import CheckpointWeights
from csanmt.self_check import compare_weights, torch_is_installed, translate_probe
from csanmt.translator import DecodingOptions
from csanmt.version import (
    CONFIG,
    FLOAT_WEIGHTS,
    PACKED_WEIGHTS,
    TOKEN_IDS,
    TOKENIZER,
    read_config,
    write_decoding,
    write_json,
)

CHECKPOINTS = "tf_ckpts"
MOST_COMPARED = 1 << 30  # bytes of float weights; more would need more memory than the import
Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class ConversionReport:
    """What an import read and found.

    Attributes:
        source: SHA-256 of every file read, by path relative to the model's directory.
        variables: how many became weights; ``parameters`` counts their numbers.
        ignored: variables that only training needs.
        notes: what was adapted, and what was not checked.
        self_check: what was translated to prove that the result works, and how it came out.
        packing: whether there is an ``engine.bin``, and why not or how it answered.
        agreement: of the packed with the float weights (``csanmt.self_check``), if compared.
    """

    source: dict[str, str]
    variables: int
    parameters: int
    ignored: tuple[str, ...]
    notes: tuple[str, ...]
    self_check: dict[str, Any]
    packing: dict[str, Any]
    agreement: dict[str, Any] | None

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def convert(
    directory: str | os.PathLike[str],
    out_directory: str | os.PathLike[str],
    *,
    floats: bool = True,
    int8: bool = False,
    compare: Sequence[str] = (),
    progress: Tell | None = None,
) -> ConversionReport:
    """Write config.json, generation_config.json, tokenizer/ and the weights.

    The weights go through memory one by one. A sentence is translated with the result before
    this returns, by the torch engine, or by the native one where torch is not installed.
    Nothing in the source is executed or unpickled. A failed import leaves files behind only in
    ``out_directory``.

    Args:
        directory: holds configuration.json, the vocabularies, BPE codes and tf_ckpts/.
        out_directory: new or empty.
        floats: keep model.safetensors.
        int8: also write engine.bin. Where torch is installed its answers are compared with the
            floats' on sentences made from the vocabulary; of more than ``MOST_COMPARED`` bytes
            of floats only if ``compare`` asks for it.
        compare: more sentences for that.
        progress: told in a few words what is being done.

    Raises:
        NotFoundError, ConfigurationError: of the source's files; see ``read_configuration``.
        CheckpointError: the checkpoint is damaged or does not fit its configuration.
        ConflictError: ``out_directory`` holds something.
    """
    say = progress or (lambda _: None)
    place, out = Path(directory), Path(out_directory)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ConflictError(f"{str(out)!r} is not an empty directory; name a new one")
    say("reading the configuration and the vocabularies")
    configuration = read_configuration(place)
    tokenizer = _tokenizer(configuration)
    prefix = find_checkpoint(place)
    weights = CheckpointWeights(Checkpoint.open(prefix), configuration.config)
    parameters = sum(math.prod(shape) for shape in weights.shapes.values())
    out.mkdir(parents=True, exist_ok=True)
    tokenizer.save(out / TOKENIZER)
    write_json(out / CONFIG, _config_json(configuration))
    write_decoding(out, DecodingOptions(**configuration.generation))
    compared = int8 and torch_is_installed() and (bool(compare) or 4 * parameters <= MOST_COMPARED)
    if floats or compared:
        say("writing the float weights")
        _write_floats(out / FLOAT_WEIGHTS, weights)
    able = torch_is_installed() and (out / FLOAT_WEIGHTS).is_file()
    check = _probe(out, "torch", say) if able and (compared or not int8) else None
    packing: dict[str, Any] = {"packed": False}
    if int8:
        packing = _pack(weights, out, floats, check, say)
    native: dict[str, Any] | None = packing.get("self_check")
    if check is None:
        check = (
            native if native else _probe(out, "torch", say) if able else {"skipped": "no engine"}
        )
    agreement = None
    if compared and native:
        say("comparing the packed weights with the floats")
        agreement = compare_weights(out, compare)
    if not floats:
        (out / FLOAT_WEIGHTS).unlink(missing_ok=True)
    say("computing digests of the source")
    return ConversionReport(
        source=_digests(place, configuration, prefix),
        variables=len(weights),
        parameters=parameters,
        ignored=tuple(weights.leftovers),
        notes=configuration.notes,
        self_check=check,
        packing=packing,
        agreement=agreement,
    )


def _probe(out: Path, engine: str, say: Tell) -> dict[str, Any]:
    say("translating a sentence to check the result")
    return translate_probe(out, engine)


def _pack(
    weights: CheckpointWeights,
    out: Path,
    floats: bool,
    reference: dict[str, Any] | None,
    say: Tell,
) -> dict[str, Any]:
    """Write ``engine.bin`` and translate with it.

    Args:
        floats: are kept, so that a model that does not work packed stays one of floats.
        reference: their self-check, if it was made.
    """
    say("packing for the CPU engine")
    try:
        pack(weights, out / PACKED_WEIGHTS, read_config(out))
        if not is_available():
            return {"packed": True, "self_check": None}
        check = _probe(out, "native", say)
        if reference and reference["translation"] and not check["translation"]:
            raise CheckpointError("packed to int8 the model answers the self-check with nothing")
        return {"packed": True, "self_check": check}
    except CsanmtError as error:
        if not floats:
            raise
        (out / PACKED_WEIGHTS).unlink(missing_ok=True)
        say(f"no {PACKED_WEIGHTS}, the torch engine will be used: {error}")
        return {"packed": False, "reason": str(error)}


def find_checkpoint(directory: Path) -> Path:
    """The prefix of the checkpoint: ``tf_ckpts/ckpt-0``, the one named current, or the only one.

    Raises:
        NotFoundError: there is none.
        ConflictError: there are several and none is named current.
    """
    for folder in (directory / CHECKPOINTS, directory):
        found = {path.stem: path.with_suffix("") for path in sorted(folder.glob("*.index"))}
        for name in ("ckpt-0", _current(folder)):
            if name in found:
                return found[name]
        if len(found) > 1:
            raise ConflictError(
                f"{str(folder)!r} holds several checkpoints ({', '.join(found)}) and no file "
                "'checkpoint' says which is current; leave only one"
            )
        for only in found.values():
            return only
    raise NotFoundError(
        f"no TensorFlow checkpoint in {str(directory)!r}: {CHECKPOINTS}/ckpt-0.index is missing"
    )


def _current(folder: Path) -> str:
    """The name of the checkpoint that the file ``checkpoint`` says is current, if any."""
    state = folder / "checkpoint"
    said = state.read_text(encoding="utf-8", errors="replace") if state.is_file() else ""
    found = re.search(r'^\s*model_checkpoint_path\s*:\s*"?([^"\n]*)', said, re.MULTILINE)
    # Often an absolute path of the machine it was trained on: only the name counts.
    return Path(found[1].strip()).name if found else ""


def _tokenizer(configuration: ModelScopeConfiguration) -> ModelScopeTokenizer:
    config = configuration.config
    return ModelScopeTokenizer(
        read_text(configuration.source_vocabulary),
        read_text(configuration.target_vocabulary),
        read_text(configuration.source_bpe),
        source_size=config["vocab_size"],
        target_size=config["target_vocab_size"],
        source_language=config["source_language"],
        target_language=config["target_language"],
    )


def _config_json(configuration: ModelScopeConfiguration) -> dict[str, Any]:
    return {
        "model_type": "csanmt",
        "architectures": ["CsanmtForConditionalGeneration"],
        **configuration.config,
        "is_encoder_decoder": True,
        **TOKEN_IDS,
    }


def _write_floats(path: Path, weights: CheckpointWeights) -> None:
    """Write safetensors tensor by tensor; the library's own writer wants all of them at once."""
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    end = 0
    for name, shape in weights.shapes.items():
        start, end = end, end + 4 * math.prod(shape)
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [start, end]}
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for name in weights:
            weights[name].astype("<f4", copy=False).tofile(file)


def _digests(place: Path, configuration: ModelScopeConfiguration, prefix: Path) -> dict[str, str]:
    checkpoint = Checkpoint.open(prefix)
    files = [
        place / CONFIGURATION,
        configuration.source_vocabulary,
        configuration.target_vocabulary,
        configuration.source_bpe,
        prefix.with_name(prefix.name + ".index"),
        *(checkpoint.shard_path(shard) for shard in range(checkpoint.shards)),
    ]
    digests = {}
    for path in files:
        digests[os.path.relpath(path.resolve(), place.resolve())] = file_sha256(path)
    return dict(sorted(digests.items()))
