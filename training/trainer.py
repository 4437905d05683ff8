"""The training loop: two stages, a wall-clock or step budget, exact resume.

Stage 1 trains the semantic encoder by the tangential contrastive loss; stage 2
trains everything else under semantic vectors sampled around each pair, the semantic
encoder resting, as in the reference's trainer.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from hashlib import blake2b
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from csanmt.errors import CancelledError, InvalidInputError
from csanmt.modeling import CsanmtForConditionalGeneration
from training.batches import Batch, collate, plan_round
from training.checkpoint import (
    TrainingState,
    find_checkpoint,
    load_tensors,
    read_progress,
    save_checkpoint,
)
from training.evaluation import Stop
from training.gradients import Gradients
from training.objective import TrainableCsanmt
from training.optimizer import Optimizer, learning_rate, optimizer_for, update_average
from training.packed import PackedSplit
from training.recipe import Recipe

Report = Callable[[dict[str, Any]], None]
Clock = Callable[[], float]


class Trainer:
    """One run in one directory; ``run`` starts or continues it."""

    def __init__(
        self,
        recipe: Recipe,
        trainable: TrainableCsanmt,
        train: PackedSplit,
        directory: Path,
        *,
        minutes: float | None = None,
        clock: Clock = time.monotonic,
        evaluate: Callable[[CsanmtForConditionalGeneration], dict[str, float]] | None = None,
        report: Report | None = None,
        stop: Stop = lambda: False,
    ) -> None:
        """
        Args:
            recipe: what to do.
            trainable: the model, fresh or from a checkpoint.
            train: packed pairs.
            directory: checkpoint and metrics go here.
            minutes: wall-clock budget, else the recipe's.
            clock: seconds; tests hand in their own.
            evaluate: called with the averaged model; ``loss`` in its answer decides early stop.
            report: called with every metrics line.
            stop: asked after every step; true ends ``run``, as its deadline does.
        """
        self.recipe, self.trainable, self.split = recipe, trainable, train
        self.directory, self.clock, self.evaluate = directory, clock, evaluate
        self.report, self.stop = report or (lambda _line: None), stop
        self.budget = 60.0 * (recipe.training.minutes if minutes is None else minutes)
        self.device = next(trainable.parameters()).device
        self.gradients = Gradients(recipe, trainable)
        self.progress = TrainingState()
        self.average: dict[str, Tensor] = {}
        self.best: dict[str, Tensor] = {}  # the average at the best evaluation, with patience
        self.workers = ThreadPoolExecutor(recipe.training.workers)
        trainable.train()
        self.optimizer = self._start_stage("contrastive" if self._has_contrast() else "translation")

    # -- stages --------------------------------------------------------------

    def _has_contrast(self) -> bool:
        return self.recipe.model.use_augmentation and self.recipe.contrastive.share > 0

    def _start_stage(self, stage: str) -> Optimizer:
        semantic, owner = stage == "contrastive", self.trainable
        self.trained = owner.semantic_parameters() if semantic else owner.translation_parameters()
        owner.requires_grad_(False)
        for parameter in self.trained:
            parameter.requires_grad_(True)
        self.progress.stage = stage
        if self.recipe.model.use_augmentation:  # at rest in stage 2: no dropout either
            owner.model.semantic_encoder.train(semantic)
        named = [(name, p) for name, p in owner.named_parameters() if p.requires_grad]
        return optimizer_for(named, self.recipe.training, plain=semantic)

    def _used(self) -> float:
        """Part of the current stage's budget that is used, 0…1: by time or by steps."""
        p, contrast = self.progress, self.recipe.contrastive
        start, end, steps = p.stage_start, self.budget, self.recipe.training.max_steps
        if p.stage == "contrastive":
            end, steps = self.budget * contrast.share, contrast.max_steps
        return max((p.elapsed - start) / max(end - start, 1e-9), p.step / steps)

    # -- the loop ------------------------------------------------------------

    def resume(self) -> bool:
        """Continue from the directory's checkpoint if it has one."""
        place = find_checkpoint(self.directory / "checkpoint")
        if place is None:
            return False
        progress = read_progress(place)
        self.optimizer = self._start_stage(progress.stage)
        self.progress = progress
        self.average, self.best = load_tensors(place, self.trainable, self.optimizer)
        return True

    def take_data(self, data: str, tokenizer: str, keys: Sequence[str], changed: bool) -> None:
        """Note what this command trains on; log it, and begin a round, if that is new.

        Args:
            data, tokenizer: digests of the packed data and of its vocabularies.
            keys: settings that differ from those of the command before.
            changed: whether new data is allowed.

        Raises:
            InvalidInputError: it is new and not allowed, or its vocabulary is another.
        """
        p = self.progress
        if p.tokenizer not in ("", tokenizer):
            raise InvalidInputError(
                f"{self.directory} was trained with another vocabulary; prepare the data with "
                "--like and the packed data it had"
            )
        if p.data not in ("", data):
            if not changed:
                raise InvalidInputError(
                    f"{self.directory} was trained on other data; pass --changed to go on with this"
                )
            p.round, p.batch = p.round + 1, 0
        if p.data not in ("", data) or keys:
            self._write({"event": "changed", **self._where(), "settings": list(keys), "data": data})
        p.data, p.tokenizer = data, tokenizer

    def finished(self) -> bool:
        """Whether the budget, the steps or the patience is used up."""
        patience = self.recipe.training.patience
        if patience and self.progress.since_best >= patience:
            return True
        return self.progress.stage == "translation" and self._used() >= 1.0

    def minutes_left(self) -> float:
        """What is left of the wall-clock budget; the steps or the patience may end first."""
        return 0.0 if self.finished() else max(self.budget - self.progress.elapsed, 0.0) / 60

    def run(self, deadline: float = math.inf) -> TrainingState:
        """Train until the run is finished or the clock shows ``deadline``; saves at the end.

        At least one step is made of a run that is not finished, so that commands
        that resume one another come to an end.
        """
        settings = self.recipe.training
        self.directory.mkdir(parents=True, exist_ok=True)
        started, before = self.clock(), self.progress.elapsed
        saved = started
        batches = self._batches()
        while not self.finished():
            if self._used() >= 1.0:
                self._next_stage()
                batches = self._batches()
            self._step(batches)
            now = self.clock()
            self.progress.elapsed = before + now - started
            if now - saved >= 60 * settings.checkpoint_minutes:
                self.save()
                saved = now
            if now >= deadline or self.stop():
                break
            if self._evaluation_is_due():
                self.save()
                saved = now
                self._evaluate()
                if self.stop():
                    break
                self.progress.elapsed = before + self.clock() - started
                self.progress.evaluated = self.progress.elapsed
        self.save()
        if self.finished() and self.progress.evaluated_step != self.progress.step:
            self._evaluate()
            self.save()
        return self.progress

    def _evaluation_is_due(self) -> bool:
        since = self.progress.elapsed - self.progress.evaluated
        due = since >= 60 * self.recipe.training.evaluate_minutes
        return due and self.progress.stage == "translation"

    def _next_stage(self) -> None:
        elapsed = self.progress.elapsed
        fresh = TrainingState(stage_start=elapsed, elapsed=elapsed, evaluated=elapsed)
        fresh.data, fresh.tokenizer = self.progress.data, self.progress.tokenizer
        self.progress = fresh
        self.optimizer = self._start_stage("translation")

    def _batches(self) -> Iterator[Batch]:
        """Endless batches from where ``progress`` stands."""
        settings = self.recipe.training
        while True:
            plan = plan_round(
                self.split,
                self.recipe.data.weight,
                settings.batch_tokens,
                settings.seed,
                self.progress.round,
            )
            while self.progress.batch < len(plan):
                indices = plan[self.progress.batch]
                if self.progress.stage == "contrastive":
                    indices = indices[: self.recipe.contrastive.batch]
                self.progress.batch += 1
                yield collate(self.split, indices).to(self.device)
            self.progress.round, self.progress.batch = self.progress.round + 1, 0

    def _step(self, batches: Iterator[Batch]) -> None:
        s, used = self.recipe.training, self._used()
        semantic = self.progress.stage == "contrastive"
        if semantic:
            schedule, warmup, peak = "linear-to-zero", 100, self.recipe.contrastive.learning_rate
            loss = self._contrast(next(batches))
        else:
            schedule, warmup, peak = s.schedule, s.warmup_steps, s.learning_rate
            loss = self._translate(batches)
        rate = learning_rate(schedule, self.progress.step, used, warmup, peak, s.decay_share)
        norm = torch.nn.utils.clip_grad_norm_(self.trained, s.clip_norm)
        self.optimizer.step(rate, self.workers if s.workers > 1 else None)
        for parameter in self.trained:
            parameter.grad = None
        self.progress.step += 1
        if not semantic:
            weights = self.trainable.model.state_dict()
            update_average(self.average, weights, self.progress.step, s.ema_decay)
        if self.progress.step % s.log_steps == 0:  # reading a number waits for the GPU
            self._log(float(loss), rate, float(norm))

    def _contrast(self, batch: Batch) -> Tensor:
        p = self.progress
        loss, posterior = self.gradients.contrast(batch, self._chance(0), p.confidence)
        p.confidence = 0.99 * p.confidence + 0.01 * posterior
        return loss

    def _translate(self, batches: Iterator[Batch]) -> Tensor:
        """One accumulated step; its batches are computed side by side if there are workers."""
        settings = self.recipe.training
        small = self.progress.step < settings.small_steps
        count = max(1, settings.accumulation // 2) if small else settings.accumulation
        group = [next(batches) for _ in range(count)]
        samples = self._samples()
        tokens = sum(batch.target_tokens for batch in group)
        compute = partial(
            self.gradients.translation,
            samples=samples,
            scale=tokens * max(samples, 1),
            parameters=self.trained,
        )
        chances = [self._chance(i) for i in range(len(group))]
        parallel = len(group) > 1 and settings.workers > 1
        results = list((self.workers.map if parallel else map)(compute, group, chances))
        for _, gradients in results:  # in order, so that the sum does not depend on timing
            for parameter, gradient in zip(self.trained, gradients, strict=True):
                grad = parameter.grad
                parameter.grad = gradient if grad is None else grad.add_(gradient)
        self.progress.tokens += tokens
        return torch.stack([loss for loss, _ in results]).sum()

    def _chance(self, place: int) -> torch.Generator:
        """The random numbers of one batch: a function of seed, stage, step and place alone."""
        p = self.progress
        key = (self.recipe.training.seed, len(p.stage), p.step, place)
        seed = int.from_bytes(blake2b(repr(key).encode(), digest_size=7).digest(), "big")
        return torch.Generator(self.device).manual_seed(seed)

    def _samples(self) -> int:
        """K of this step: the last part of the run trains on the source's own vector."""
        settings = self.recipe.augmentation
        return 0 if self._used() >= 1.0 - settings.last_plain else settings.num_of_samples

    # -- around the step -----------------------------------------------------

    def chosen(self) -> CsanmtForConditionalGeneration:
        """What the run is for: the averaged weights, with patience those of the best evaluation."""
        return self._copy(self.best or self.average)

    def _copy(self, weights: dict[str, Tensor]) -> CsanmtForConditionalGeneration:
        """A copy of the model under these weights, in eval mode."""
        copy = CsanmtForConditionalGeneration(self.trainable.model.config)
        copy.load_state_dict(weights or self.trainable.model.state_dict())
        return copy.to(self.device).eval()

    def save(self) -> None:
        parts = {
            "model": self.trainable.state_dict(),
            "optimizer": self.optimizer.state(),
            "average": self.average,
            "best": self.best,
        }
        save_checkpoint(self.directory / "checkpoint", self.progress, parts)

    def _evaluate(self) -> None:
        if self.evaluate is None:
            return
        p, settings = self.progress, self.recipe.training
        torch.set_num_threads(max(settings.threads, settings.workers))
        try:
            scores = self.evaluate(self._copy(self.average))
        except CancelledError:
            return
        finally:
            torch.set_num_threads(settings.threads)
        self._write({"event": "evaluation", **self._where(), **scores})
        loss, patience = scores.get("loss", 0.0), settings.patience
        better = loss < p.best
        p.best, p.since_best = (loss, 0) if better else (p.best, p.since_best + 1)
        p.evaluated_step = p.step
        if better or not patience:
            p.scores = scores
        if better and patience:
            self.best = {name: value.clone() for name, value in self.average.items()}

    def _where(self) -> dict[str, Any]:
        p = self.progress
        return {
            "stage": p.stage,
            "step": p.step,
            "seconds": round(p.elapsed, 1),
            "round": p.round,
            "tokens": p.tokens,
        }

    def _log(self, loss: float, rate: float, norm: float) -> None:
        line = {"event": "step", **self._where(), "loss": loss, "rate": rate, "norm": norm}
        line["left"] = round(self.budget - self.progress.elapsed, 1)
        if self.progress.stage == "contrastive":
            line["posterior"] = self.progress.confidence
        self._write(line)

    def _write(self, line: dict[str, Any]) -> None:
        with (self.directory / "metrics.jsonl").open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(line) + "\n")
        self.report(line)
