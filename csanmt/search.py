"""The reference's beam search, step by step, over a torch model.

This is ``beam_search`` of ModelScope's ``csanmt/translation.py``: the score is
log P / ((5 + length) / 6)^penalty in float32, ties go to the lowest index, eos
candidates compete for a finished set while the rest stays alive, and the search
ends when the worst finished score beats what the best alive hypothesis could
still reach at the length limit.

Shapes: B sentences, K beams, V target vocabulary, T steps so far, S source positions. A path
is (2, T): the ids of a hypothesis, and the source positions that they attend to (0 unless asked).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import torch
from torch import Tensor
from transformers import DynamicCache, EncoderDecoderCache

from csanmt.errors import CancelledError
from csanmt.translator import Copies, DecodingOptions, ShouldStop, TokenHypothesis

if TYPE_CHECKING:
    from csanmt.configuration import CsanmtConfig
    from csanmt.layers import DecoderLayer
    from csanmt.modeling import CsanmtEncoderOutput, CsanmtForConditionalGeneration

EOS = 0
LOWEST = torch.finfo(torch.float32).min
_LONGEST_LOOP = 16  # tokens


@dataclass(frozen=True, slots=True)
class Beams:
    """One sentence's outcome, best first.

    Attributes:
        ids: (K, T) int64; eos and everything after it is 0.
        scores: (K,) float32; slots never filled have the lowest float32.
        finished: (K,) bool; false where the length limit came before eos.
        alignment: (K, T) int64, attended source positions; None if not asked for.
    """

    ids: Tensor
    scores: Tensor
    finished: Tensor
    alignment: Tensor | None


def beam_search(
    model: CsanmtForConditionalGeneration,
    input_ids: Tensor,
    options: DecodingOptions,
    *,
    prefixes: Sequence[Sequence[int]] | None = None,
    copies: Copies | None = None,
    should_stop: ShouldStop | None = None,
    together: bool = False,
) -> list[Beams]:
    """Translate (B, S) source ids, each row ending in eos and padded with 0.

    A row of no positions at all (S = 0) is the reference's empty input.

    Args:
        prefixes: target ids each hypothesis must start with; they count as steps.
        copies: reserved tokens and which of them each row uses once. A row that owes some
            cannot end: where the model would end it, or steps run out, only they may follow.
        together: keep all rows going until each one's rule is met, as the reference does with
            several sentences (then a row's lesser beams depend on its batch mates); else each
            ends by its own, as there at batch size 1.

    Raises:
        CancelledError: ``should_stop`` answered true between two steps.
    """
    with torch.inference_mode():
        decoding = _Decoding(model, input_ids, options, prefixes, copies, together)
        while decoding.rows:
            if should_stop is not None and should_stop():
                raise CancelledError("the translation was cancelled")
            decoding.step()
        return decoding.results()


def top_k(values: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """The ``count`` largest of each row of (B, N) and where; equal values by lowest index."""
    count = min(count, values.shape[1])
    best, index = torch.topk(values, min(count + 1, values.shape[1]), dim=1)
    if bool((best[:, 1:] < best[:, :-1]).all()):
        return best[:, :count], index[:, :count]
    # topk orders ties as it likes, and may keep the wrong ones.
    best, index = torch.sort(values, dim=1, descending=True, stable=True)
    return best[:, :count], index[:, :count]


class _Decoding:
    """State of the rows still being decoded; finished rows leave it."""

    def __init__(
        self,
        model: CsanmtForConditionalGeneration,
        input_ids: Tensor,
        options: DecodingOptions,
        prefixes: Sequence[Sequence[int]] | None,
        copies: Copies | None,
        together: bool,
    ) -> None:
        self.options, self.together = options, together
        batch, beam = input_ids.shape[0], options.beam
        device = input_ids.device
        self.state = DecoderState(model, model.encode(input_ids), beam)
        self.prefixes = [list(p) for p in prefixes] if prefixes else [[] for _ in range(batch)]
        self.copies = copies or Copies((), ((),) * batch)
        self.copied = [most_copies([t for t in row if t]) for row in input_ids.tolist()]
        self.limits = _limits(input_ids, options.max_length, self.prefixes, model.config)
        self.rows = list(range(batch))  # which sentence each row of the tensors is
        self.time = 0
        self.alive = torch.zeros(batch, beam, 2, 0, dtype=torch.long, device=device)
        self.log_probs = torch.full((batch, beam), LOWEST, device=device)
        self.log_probs[:, 0] = 0.0
        self.alive_scores = torch.zeros(batch, beam, device=device)
        self.done = self.alive
        self.done_flags = torch.zeros(batch, beam, dtype=torch.bool, device=device)
        self.done_scores = torch.full((batch, beam), LOWEST, device=device)
        self._results: list[Beams | None] = [None] * batch

    def results(self) -> list[Beams]:
        return [beams for beams in self._results if beams is not None]

    # -- one step --------------------------------------------------------------

    def step(self) -> None:
        batch, beam = self.alive.shape[:2]
        last = self.alive[:, :, 0, -1] if self.time else self.alive_scores.long()
        logits, weights = self.state.step(last.reshape(-1, 1), self.options.alignment)
        log_probs = logits.float().log_softmax(dim=-1).view(batch, beam, -1)
        self._constrain(log_probs)
        self._advance(log_probs, _attended(weights, batch, beam))
        self.time += 1
        self._leave()

    def _constrain(self, log_probs: Tensor) -> None:
        """Rule out tokens, in place: all but a forced one, or what the guard forbids."""
        for i, sentence in enumerate(self.rows):
            prefix = self.prefixes[sentence]
            if self.time < len(prefix):
                token = prefix[self.time]
                kept = log_probs[i, 0, token].clone()
                log_probs[i] = -torch.inf
                log_probs[i, 0, token] = kept
                continue
            guarded = self.options.repetition_guard
            for k, ids in enumerate(self.alive[i, :, 0].tolist()):
                for token in banned_tokens(ids, self.copied[sentence]) if guarded else ():
                    log_probs[i, k, token] = -torch.inf
                # The empty answer is often the likeliest one (Stahlberg and Byrne, EMNLP 2019).
                if guarded and not ids and not self.copies.required[sentence]:
                    log_probs[i, k, EOS] = -torch.inf
                if self.copies.reserved:
                    required, limit = self.copies.required[sentence], self.limits[sentence]
                    self._settle(log_probs[i, k], ids, required, limit)

    def _settle(
        self, log_probs: Tensor, ids: list[int], required: Sequence[int], limit: int
    ) -> None:
        """log_probs (V,) of one hypothesis: no reserved token but those that it owes."""
        owed = [token for token in required if token not in ids]
        kept = log_probs[owed].clone()
        ending = log_probs[EOS].clone()
        log_probs[list(self.copies.reserved)] = -torch.inf
        if not owed:
            return
        log_probs[EOS] = -torch.inf
        log_probs[owed] = kept
        if self.time + len(owed) >= limit or bool(ending >= log_probs.max()):
            log_probs[:] = -torch.inf
            log_probs[owed] = kept

    def _advance(self, log_probs: Tensor, attended: Tensor | None) -> None:
        """log_probs (B, K, V) of the next token; attended (B, K)."""
        batch, beam, vocabulary = log_probs.shape
        penalty = self._penalty([self.time + 1])
        scores = (self.log_probs.unsqueeze(2) + log_probs) / penalty
        top_scores, top_index = top_k(scores.view(batch, beam * vocabulary), 2 * beam)
        parents, symbols = top_index // vocabulary, top_index % vocabulary  # (B, 2K)
        ended = (symbols == EOS) & top_scores.isfinite()

        seen = torch.zeros_like(symbols) if attended is None else attended.gather(1, parents)
        last = torch.stack([symbols, seen], dim=2).unsqueeze(-1)
        candidates = torch.cat([_gather(self.alive, parents), last], dim=-1)  # (B, 2K, 2, T + 1)
        alive_scores, kept = top_k(torch.where(ended, top_scores + LOWEST, top_scores), beam)
        self._keep_finished(top_scores, ended, candidates)
        self.alive_scores, self.log_probs = alive_scores, alive_scores * penalty
        self.alive = _gather(candidates, kept)
        self.state.reorder(parents.gather(1, kept))

    def _keep_finished(self, top_scores: Tensor, ended: Tensor, candidates: Tensor) -> None:
        """The best K of what was finished before and what ended in this step."""
        step_scores = torch.where(ended, top_scores, top_scores + LOWEST)
        scores = torch.cat([self.done_scores, step_scores], dim=1)
        flags = torch.cat([self.done_flags, ended], dim=1)
        self.done_scores, kept = top_k(scores, self.options.beam)
        self.done_flags = flags.gather(1, kept)
        before = torch.nn.functional.pad(self.done, (0, 1))
        self.done = _gather(torch.cat([before, candidates], dim=1), kept)

    # -- the end ---------------------------------------------------------------

    def _penalty(self, lengths: Sequence[int]) -> Tensor:
        ratios = [(5.0 + length) / 6.0 for length in lengths]
        base = torch.tensor(ratios, dtype=torch.float32, device=self.alive.device)
        return base.pow(self.options.length_penalty)

    def _bound_is_met(self) -> Tensor:
        """(B,) bool. Unfilled finished slots count as 0, so one finished row may suffice."""
        best_alive = self.log_probs[:, 0] / self._penalty([self.limits[r] for r in self.rows])
        worst = torch.where(self.done_flags, self.done_scores, 0.0).amin(dim=1)
        worst = torch.where(self.done_flags.any(dim=1), worst, worst + LOWEST)
        return (worst > best_alive) | ~best_alive.isfinite()

    def _leave(self) -> None:
        """Take out the rows that are done."""
        met = self._bound_is_met()
        met |= torch.tensor([self.time >= self.limits[r] for r in self.rows], device=met.device)
        if self.together:
            met = met.all().expand_as(met)
        if not bool(met.any()):
            return
        for i in met.nonzero().flatten().tolist():
            self._results[self.rows[i]] = self._beams(i)
        staying = (~met).nonzero().flatten()
        self.rows = [self.rows[i] for i in staying.tolist()]
        if self.rows:
            self.state.select(staying)
        for name in ("alive", "log_probs", "alive_scores", "done", "done_flags", "done_scores"):
            setattr(self, name, getattr(self, name)[staying])

    def _beams(self, i: int) -> Beams:
        finished = bool(self.done_flags[i].any())
        paths, scores = (
            (self.done, self.done_scores) if finished else (self.alive, self.alive_scores)
        )
        ids, attended = paths[i].unbind(dim=1)
        alignment = attended if self.options.alignment else None
        return Beams(ids, scores[i], self.done_flags[i], alignment)


class DecoderState:
    """B sentences with K hypotheses each; rows of a step are sentence-major, (B * K).

    The semantic vector's contribution to every layer and the keys and values of
    the encoded source are computed once a sentence, not once a hypothesis or step.
    """

    def __init__(
        self, model: CsanmtForConditionalGeneration, encoded: CsanmtEncoderOutput, beam: int
    ) -> None:
        states, mask, augmentation = encoded.last_hidden_state, encoded.mask, encoded.augmentation
        assert states is not None
        assert mask is not None
        self._model, self._beam = model, beam
        self._cache = EncoderDecoderCache(DynamicCache(), DynamicCache())
        for i, layer in enumerate(cast("Iterable[DecoderLayer]", model.decoder.layers)):
            key, value = layer.cross_attention.project(states)  # each (B, heads, S, D)
            self._cache.cross_attention_cache.update(_tile(key, beam), _tile(value, beam), i)
            self._cache.is_updated[i] = True
        self._augmentation = None if augmentation is None else _tile(augmentation, beam)
        self._encoded = _tile(states, beam)  # (B * K, S, H)
        self._mask = _tile(mask, beam)  # (B * K, S)

    def step(self, last_ids: Tensor, weights: bool = False) -> tuple[Tensor, Tensor | None]:
        """last_ids (B * K, 1) → logits (B * K, V); cross-attention (B * K, heads, 1, S) if asked.

        At the first step the ids do not matter: the decoder starts from a zero vector.
        """
        hidden, attention = self._model.decode(
            last_ids, self._augmentation, self._encoded, self._mask, self._cache, weights
        )
        return self._model.logits(hidden)[:, -1], attention

    def reorder(self, parents: Tensor) -> None:
        """Hypothesis k of sentence b goes on from hypothesis ``parents[b, k]``."""
        first = torch.arange(parents.shape[0], device=parents.device)[:, None] * self._beam
        # Only what differs between the hypotheses of a sentence moves.
        self._cache.self_attention_cache.reorder_cache((first + parents).flatten())

    def select(self, sentences: Tensor) -> None:
        """Keep only these sentences (indices into the current ones)."""
        offsets = torch.arange(self._beam, device=sentences.device)
        rows = (sentences[:, None] * self._beam + offsets).flatten()
        self._cache.self_attention_cache.batch_select_indices(rows)
        self._cache.cross_attention_cache.batch_select_indices(rows)
        self._encoded, self._mask = self._encoded[rows], self._mask[rows]
        if self._augmentation is not None:
            self._augmentation = self._augmentation[rows]


def _limits(
    input_ids: Tensor, most: int, prefixes: Sequence[Sequence[int]], config: CsanmtConfig
) -> list[int]:
    """Most target tokens of each row, of at most ``most``."""
    if config.max_length_factor is None:
        return [most] * len(prefixes)
    tokens = ((input_ids != 0).sum(dim=1) + 1).tolist()
    factor = config.max_length_factor
    return [min(most, len(p) + factor * n) for p, n in zip(prefixes, tokens, strict=True)]


def _tile(values: Tensor, beam: int) -> Tensor:
    return values.repeat_interleave(beam, dim=0)


def _attended(weights: Tensor | None, batch: int, beam: int) -> Tensor | None:
    """weights (B * K, heads, 1, S) → the position each beam attends to most (B, K)."""
    if weights is None:
        return None
    if weights.shape[-1] == 0:
        return torch.zeros(batch, beam, dtype=torch.long, device=weights.device)
    return weights[:, :, -1].mean(dim=1).argmax(dim=-1).view(batch, beam)


def _gather(values: Tensor, index: Tensor) -> Tensor:
    """Paths (B, N, 2, T), index (B, M) → (B, M, 2, T)."""
    return values.gather(1, index[:, :, None, None].expand(-1, -1, *values.shape[2:]))


def best_hypotheses(beams: Beams, count: int) -> list[TokenHypothesis]:
    """At most ``count`` of a sentence: the finished ones, or the alive if none is."""
    any_finished = bool(beams.finished.any())
    found: list[TokenHypothesis] = []
    for k in range(beams.ids.shape[0]):
        score = float(beams.scores[k])
        never_alive = bool(found) and score <= LOWEST
        if never_alive or (any_finished and not bool(beams.finished[k])):
            continue
        ids = beams.ids[k].tolist()
        length = ids.index(EOS) if EOS in ids else len(ids)
        aligned = None if beams.alignment is None else tuple(beams.alignment[k].tolist()[:length])
        found.append(TokenHypothesis(tuple(ids[:length]), score, not any_finished, aligned))
    return found[:count]


def most_copies(ids: Sequence[int]) -> int:
    """How often in a row the most repeated n-gram of ``ids`` stands there."""
    most = 1
    for length in range(1, _LONGEST_LOOP + 1):
        same = 0
        for i in range(length, len(ids)):
            same = same + 1 if ids[i] == ids[i - length] else 0
            most = max(most, same // length + 1)
    return most


def banned_tokens(ids: Sequence[int], in_source: int = 0) -> list[int]:
    """Tokens that would begin one copy too many of what ``ids`` ends in.

    Args:
        in_source: ``most_copies`` of the source, which may stand in its translation too:
            "哈哈哈哈" is language. Else three, and eight of one token: the zeros of a number.
    """
    allowed = {n: max(in_source, 8 if n == 1 else 3) for n in range(1, _LONGEST_LOOP + 1)}
    return [ids[-n] for n, copies in allowed.items() if _ends_in_copies(ids, n, copies)]


def _ends_in_copies(ids: Sequence[int], length: int, copies: int) -> bool:
    tail = list(ids[-length * copies :])
    one = length > 1 and len(set(tail)) == 1  # then the loop is of that one token
    return len(tail) == length * copies and not one and tail[length:] == tail[:-length]
