"""Agreement with ModelScope's own code, number by number, on every golden fixture."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from csanmt.modeling import CsanmtEncoderOutput, CsanmtForConditionalGeneration
from csanmt.translator import DecodingOptions
from tests.csanmt.golden import Golden, tolerance
from tests.csanmt.reference_translator import decode_like_reference

BEAMS = (4, 1)


def test_encoder_semantic_vector_and_first_step_agree(each_golden: Golden) -> None:
    model, arrays = each_golden.model, each_golden.arrays
    for case in each_golden.cases["cases"]:
        key = case["id"]
        with torch.inference_mode():
            encoded = model.encode(each_golden.input_ids(key))
            start = torch.zeros(encoded.mask.shape[0], 1, dtype=torch.long)
        assert encoded.last_hidden_state.shape == arrays[f"{key}/enc"].shape, key
        _close(encoded.last_hidden_state, arrays[f"{key}/enc"], 1e-4, key)
        _close(encoded.semantic_vector, arrays[f"{key}/sem"], 1e-4, key)
        log_probs, allowed = _log_probs(model, encoded, start)
        _close(log_probs[:, 0], arrays[f"{key}/logp0"], allowed[:, 0], key)


def test_teacher_forced_log_probabilities_agree(each_golden: Golden) -> None:
    for forced in each_golden.cases["forced"]:
        key = forced["id"]
        source, inputs = _forced(each_golden, key)
        with torch.inference_mode():
            encoded = each_golden.model.encode(source)
            through_forward = each_golden.model(input_ids=source, decoder_input_ids=inputs).logits
        log_probs, allowed = _log_probs(each_golden.model, encoded, inputs)
        _close(log_probs, each_golden.arrays[f"{key}/logp"], allowed, key)
        assert torch.equal(through_forward.log_softmax(-1), log_probs)


def test_the_tolerance_is_1e_4_for_nearly_every_token_and_float64_needs_it_too(
    each_golden: Golden,
) -> None:
    """Shows that what exceeds 1e-4 is the reference's rounding and not a mistake of ours."""
    double = type(each_golden.model)(each_golden.model.config).double()
    double.load_state_dict(each_golden.model.state_dict())
    double.eval()
    key = each_golden.cases["forced"][0]["id"]
    source, inputs = _forced(each_golden, key)
    with torch.inference_mode():
        encoded = double.encode(source)
    log_probs, allowed = _log_probs(double, encoded, inputs)
    _close(log_probs, each_golden.arrays[f"{key}/logp"], allowed, key)
    assert float((allowed < 2e-4).double().mean()) > 0.99


def _forced(golden: Golden, key: str) -> tuple[torch.Tensor, torch.Tensor]:
    target = torch.tensor(golden.arrays[f"{key}/trg"]).long()
    return golden.input_ids(key), torch.nn.functional.pad(target[:, :-1], (1, 0))


def _log_probs(
    model: CsanmtForConditionalGeneration, encoded: CsanmtEncoderOutput, inputs: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Log-probabilities (B, T, V) and how far each may be off."""
    with torch.inference_mode():
        hidden, _ = model.decode(
            inputs, encoded.augmentation, encoded.last_hidden_state, encoded.mask
        )
        return model.logits(hidden).log_softmax(-1), tolerance(hidden, model.softmax_weight())


def _close(
    actual: torch.Tensor, expected: NDArray[Any], allowed: torch.Tensor | float, key: str
) -> None:
    excess = (actual.double() - torch.from_numpy(expected).double()).abs() - allowed
    if excess.numel():
        assert float(excess.max()) <= 0, f"{key}: {float(excess.max()):.2e} beyond what is allowed"


@pytest.mark.parametrize("beam", BEAMS)
def test_beam_search_finds_the_same_ids_and_scores(each_golden: Golden, beam: int) -> None:
    compared = 0
    for case in each_golden.cases["cases"]:
        key = case["id"]
        rows = each_golden.beams(key, beam)
        expected = each_golden.arrays[f"{key}/seqs{beam}"]
        if case[f"stable_beam{beam}"]:
            ids = np.stack([row.ids.numpy() for row in rows])
            np.testing.assert_array_equal(ids, expected, err_msg=key)
            np.testing.assert_allclose(
                np.stack([row.scores.numpy() for row in rows]),
                each_golden.arrays[f"{key}/scores{beam}"],
                rtol=1e-4,
                atol=1e-4,
                err_msg=key,
            )
            compared += 1
        elif case[f"stable_best_beam{beam}"]:
            for row, best in zip(rows, expected[:, 0], strict=True):
                assert _until_eos(row.ids[0].tolist()) == _until_eos(best.tolist()), key
            compared += 1
    assert compared >= len(each_golden.cases["cases"]) - 4


def test_tokenisation_agrees(each_golden: Golden) -> None:
    tokenizer = each_golden.translator.tokenizer
    for case in each_golden.cases["cases"]:
        if case["kind"] != "text":
            continue
        parts = case["input"].split("<SENT_SPLIT>")
        assert [tokenizer.segment(part) for part in parts] == case["bpe_tokens"], case["id"]
        ids = [tokenizer.encode(part) for part in parts]
        assert ids == [tokenizer.encode_with_spans(part)[0] for part in parts]
        width = max(map(len, ids))
        padded = [row + [0] * (width - len(row)) for row in ids]
        assert padded == each_golden.arrays[f"{case['id']}/input_ids"].tolist(), case["id"]


@pytest.mark.parametrize("beam", BEAMS)
def test_final_text_of_every_case_agrees(each_golden: Golden, beam: int) -> None:
    tokenizer = each_golden.translator.tokenizer
    for case in each_golden.cases["cases"]:
        if case["kind"] == "text" and case[f"stable_best_beam{beam}"]:
            rows = each_golden.beams(case["id"], beam)
            texts = [decode_like_reference(tokenizer, row.ids[0].tolist()) for row in rows]
            assert "<SENT_SPLIT>".join(texts) == case[f"translation_beam{beam}"], case["id"]


def test_the_public_translator_gives_the_same_text_sentence_by_sentence(
    each_golden: Golden,
) -> None:
    # One sentence, several, emoji, markers in the text, empty sentences, a line break, nothing.
    wanted = {"c00", "c05", "c10", "c17", "c18", "c22", "c25"}
    options = DecodingOptions(
        beam=each_golden.generation["beam"],
        length_penalty=each_golden.generation["length_penalty"],
        max_length=each_golden.generation["max_length"],
        repetition_guard=False,
    )
    compared = 0
    for case in each_golden.cases["cases"]:
        if case["id"] in wanted and case["kind"] == "text" and case["stable_best_beam4"]:
            (translation,) = each_golden.reference_like.translate([case["input"]], options)
            assert translation.text == case["translation_beam4"], case["id"]
            compared += 1
    assert compared >= 3


def test_postprocessing_table_agrees(each_golden: Golden) -> None:
    tokenizer = each_golden.translator.tokenizer
    for row in each_golden.cases["postprocess"]:
        assert decode_like_reference(tokenizer, row["ids"]) == row["text"]


def test_every_variable_was_used(each_golden: Golden) -> None:
    import json

    listed = json.loads((each_golden.directory / "variables.json").read_text())
    assert each_golden.report.variables == len(listed)
    assert not each_golden.report.ignored
    assert each_golden.report.parameters == sum(int(np.prod(v["shape"])) for v in listed)


def _until_eos(ids: list[int]) -> list[int]:
    return ids[: ids.index(0)] if 0 in ids else ids
