"""A recipe: one TOML file that says everything about a training run.

Every section is a frozen dataclass; an unknown key, a wrong type or a value out of
range is refused with the key's full name, the value and what is allowed.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from csanmt.errors import ConfigurationError, NotFoundError
from csanmt.tables import build, read_toml
from training.corpus import FAMILIES, base, source
from training.filtering import FilterSettings
from training.vocabulary import VocabularySettings

Schedule = Literal["inverse-root", "inverse-root-to-zero", "linear-to-zero", "stable-linear"]
Optimizer = Literal["adamw", "muon"]
Precision = Literal["auto", "bf16", "float32"]


@dataclass(frozen=True)
class DataSettings:
    """Which text, how much of each origin, which test sets must stay out.

    ``weights`` gives how often an origin is seen in one round of training: 1 is every
    pair once, 0.1 a random tenth. ``origin:short`` are its targets of at most
    ``short_words`` words, which without a weight of their own have the origin's. Origins
    without a weight get that of their kind (``back`` for ``back:news``) or ``default_weight``.

    corpora: files, or ``synthetic:N``: so many generated pairs (``training.synthetic``).
    languages: source and target; the columns of ``.tsv`` are Chinese and English whichever way.
    without_families: licence families (``sources.FAMILIES``) whose sources stay out.
    held_out: pairs of each origin kept back, for losses by domain.
    bare_share, joined_share, copy_share, insert_share: part of the pairs that also come without
        full stop, in a joined line, with copy tokens for names, with copy tokens put in
        (``training.preparation``).
    """

    corpora: tuple[str, ...] = ()
    dev: str = "dev.tsv"
    exclude: tuple[str, ...] = ()
    languages: tuple[str, str] = ("zh", "en")
    without_families: tuple[str, ...] = ()
    weights: dict[str, float] = field(default_factory=dict)
    default_weight: float = 0.0
    cap: int = 100_000
    held_out: int = 0
    short_words: int = 0
    bare_share: float = 0.0
    joined_share: float = 0.0
    copy_share: float = 0.0
    insert_share: float = 0.0
    max_source_tokens: int = 96
    max_target_tokens: int = 96
    filter: FilterSettings = field(default_factory=FilterSettings)

    def weight(self, origin: str) -> float:
        """Passes over this origin in one round."""
        if source(origin).family in self.without_families:
            return 0.0
        kind = self.weights.get(origin.split(":")[0], self.default_weight)
        whole = self.weights.get(base(origin), kind)
        return self.weights.get(origin, whole)


@dataclass(frozen=True)
class ModelSettings:
    """Shape of the model; the vocabulary sizes come from the trained tokenizer."""

    hidden_size: int = 256
    intermediate_size: int = 1024
    num_attention_heads: int = 4
    num_encoder_layers: int = 6
    num_decoder_layers: int = 2
    num_semantic_encoder_layers: int = 1
    position_type: str = "absolute"
    max_relative_distance: int = 16
    normalization: str = "pre"
    use_augmentation: bool = True
    dropout: float = 0.1
    attention_dropout: float = 0.0
    activation_dropout: float = 0.0


@dataclass(frozen=True)
class ContrastiveSettings:
    """Stage 1: the semantic encoder learns that a pair means one thing (paper, section 3.1).

    share: part of the wall-clock budget; batch: sentence pairs, each the others'
    negatives; temperature divides the cosine; slack is the paper's zeta.
    """

    share: float = 0.05
    batch: int = 256
    learning_rate: float = 1e-3
    temperature: float = 0.05
    slack: float = 0.9
    max_steps: int = 100_000


@dataclass(frozen=True)
class AugmentationSettings:
    """Stage 2: sampling semantic vectors around the pair (paper, section 3.2).

    num_of_samples: K decoder passes a pair; 0 trains on the source's own vector
    alone; 1 (ours) halves the batch between the two directions of the chain, so that
    augmentation costs no decoder time. eta: weight of the w_r term. last_plain: the
    final part of training that uses the source's vector, as inference does.
    """

    num_of_samples: int = 2
    eta: float = 0.6
    last_plain: float = 0.0


@dataclass(frozen=True)
class TrainingSettings:
    """Optimisation.

    minutes: wall-clock budget unless the command gives one; batch_tokens: padded
    positions of a batch; accumulation: batches a step, half of them in the first
    ``small_steps``. optimizer: ``adamw``, or ``muon`` for the matrices (``optimizer.py``).
    decay_share: last part of the budget, in which ``stable-linear`` goes to zero.
    workers: threads that compute the batches of a step side by side, which on a shared CPU
    beats ``threads`` inside every operation, since they meet once a step and not once an
    operation. precision: ``bf16``, ``float32``, or ``auto``, which takes bf16 where the
    processor multiplies it (elsewhere it is emulated and slower); a run goes on in the
    precision of its machine. log_steps: steps between two lines of ``metrics.jsonl``.
    """

    minutes: float = 10.0
    max_steps: int = 1_000_000
    batch_tokens: int = 4096
    accumulation: int = 1
    small_steps: int = 0
    optimizer: Optimizer = "adamw"
    learning_rate: float = 2e-3
    warmup_steps: int = 400
    schedule: Schedule = "inverse-root-to-zero"
    decay_share: float = 0.25
    label_smoothing: float = 0.1
    beta1: float = 0.9
    beta2: float = 0.98
    weight_decay: float = 0.0
    clip_norm: float = 1.0
    ema_decay: float = 0.999
    precision: Precision = "bf16"
    seed: int = 1
    log_steps: int = 1
    checkpoint_minutes: float = 4.0
    evaluate_minutes: float = 8.0
    patience: int = 0
    threads: int = 1
    workers: int = 1


@dataclass(frozen=True)
class EvaluationSettings:
    """Decoding of the dev set during and after training; the version keeps it.

    max_source_tokens: the version's; 0 takes the longest line of the data. Shorter is better as
    long as long lines are rare in the data (docs/benchmarks.md, Long sentences).
    max_length_factor: the version's: most target tokens a source token; 0 sets no such limit.
    repair_numbers: the version's: a sentence that lost a quantity is decoded once more.
    """

    beam: int = 4
    length_penalty: float = 0.6
    max_length: int = 100
    sentences: int = 200
    max_source_tokens: int = 0
    max_length_factor: int = 0
    repair_numbers: bool = False


@dataclass(frozen=True)
class StartSettings:
    """Where weights come from: empty means random, else a model version directory, of whose
    weights the share ``kept`` is in those that are exported (Wortsman et al., CVPR 2022)."""

    initial_model: str = ""
    kept: float = 0.0
    teacher: str = ""


@dataclass(frozen=True)
class Recipe:
    """A whole run; see ``training/recipes``."""

    name: str
    description: str = ""
    data: DataSettings = DataSettings()
    vocabulary: VocabularySettings = field(default_factory=VocabularySettings)
    model: ModelSettings = ModelSettings()
    contrastive: ContrastiveSettings = ContrastiveSettings()
    augmentation: AugmentationSettings = AugmentationSettings()
    training: TrainingSettings = TrainingSettings()
    evaluation: EvaluationSettings = EvaluationSettings()
    start: StartSettings = StartSettings()

    def __post_init__(self) -> None:
        t, share, weights = self.training, self.contrastive.share, self.data.weights
        k, unknown = self.augmentation.num_of_samples, {*self.data.without_families} - {*FAMILIES}
        below_one = "0 up to below 1"
        kept, begun = self.start.kept, bool(self.start.initial_model)
        for key, value, good, allowed in (
            ("augmentation.num_of_samples", k, k == 1 or k % 2 == 0, "0, 1 or an even number"),
            ("training.decay_share", t.decay_share, 0 <= t.decay_share <= 1, "0 to 1"),
            ("data.without_families", sorted(unknown), not unknown, ", ".join(FAMILIES)),
            ("data.weights", weights, all(w >= 0 for w in weights.values()), "0 or more each"),
            ("training.minutes", t.minutes, t.minutes > 0, "above 0"),
            ("training.batch_tokens", t.batch_tokens, t.batch_tokens >= 64, "at least 64"),
            ("training.accumulation", t.accumulation, t.accumulation >= 1, "at least 1"),
            ("training.log_steps", t.log_steps, t.log_steps >= 1, "at least 1"),
            ("training.label_smoothing", t.label_smoothing, 0 <= t.label_smoothing < 1, below_one),
            ("contrastive.share", share, 0 <= share < 1, below_one),
            ("start.kept", kept, kept == 0 or (begun and 0 < kept < 1), "0, or below 1 of a model"),
        ):
            _allow(key, value, good, allowed)


def _allow(key: str, value: object, good: bool, allowed: str) -> None:
    if not good:
        raise ConfigurationError(f"{key} is {value!r}; allowed is {allowed}")


def load_recipe(path: Path) -> Recipe:
    """Read and check one recipe; ``extends`` names one beside it whose values it replaces.

    Raises:
        NotFoundError: no such file.
        ConfigurationError: not TOML, an unknown key, a wrong type, a value out of range.
    """
    body = _read(path)
    if "extends" in body:
        base = _read(path.parent / str(body.pop("extends")))
        _allow(f"{path.name}: extends", base, "extends" not in base, "a recipe that extends none")
        body = _merged(base, body)
    return recipe_from_dict({**body, "name": body.get("name", path.stem)})


def _read(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise NotFoundError(f"no recipe {str(path)!r}")
    if path.suffix == ".json":  # as a run's directory and a package hold it
        body: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return body
    return read_toml(path)


def _merged(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """``base`` with the values of ``over``, table by table."""
    merged = dict(base)
    for key, value in over.items():
        below = merged.get(key)
        both = isinstance(below, dict) and isinstance(value, dict)
        merged[key] = _merged(below, value) if both else value  # type: ignore[arg-type]
    return merged


def recipe_from_dict(body: dict[str, Any]) -> Recipe:
    """The recipe of a parsed TOML or JSON body; raises as ``load_recipe``."""
    return build(Recipe, body)


def recipe_to_dict(recipe: Recipe) -> dict[str, Any]:
    """Plain values of JSON, as ``recipe_from_dict`` reads them."""
    plain: dict[str, Any] = json.loads(json.dumps(dataclasses.asdict(recipe)))
    return plain
