"""The queue: rotation, sizes, admission, retries, cancellation. No runner and no clock."""

from __future__ import annotations

import asyncio

import pytest

from csanmt.errors import CsanmtError, UnavailableError
from csanmt.translator import DecodingOptions, Hypothesis, Translation
from serving.http.errors import status_of
from serving.runners.batching import FIXED_COST, BatchLimits, BatchQueue, QueueFullError

pytestmark = pytest.mark.anyio

GREEDY = DecodingOptions(beam=1)
BEAM = DecodingOptions(beam=4)


def queue_of(**limits) -> BatchQueue:
    return BatchQueue(BatchLimits(**limits), runner_count=1)


async def take(queue: BatchQueue) -> list[str]:
    return (await asyncio.wait_for(queue.next_batch(), 5)).texts


def answer(batch) -> None:
    for sentence in batch.sentences:
        translation = Translation(sentence.text, (Hypothesis(sentence.text.upper(), 0.0),))
        sentence.ticket.deliver(sentence.index, translation)


async def test_waiting_requests_share_a_batch():
    queue = queue_of()
    queue.submit(["a"], GREEDY)
    queue.submit(["b", "c"], GREEDY)
    assert await take(queue) == ["a", "b", "c"]
    assert queue.waiting == 0


async def test_different_options_never_share_a_batch():
    queue = queue_of()
    queue.submit(["a"], GREEDY)
    queue.submit(["b"], BEAM)
    queue.submit(["c"], GREEDY)
    assert await take(queue) == ["a", "c"]
    assert await take(queue) == ["b"]


async def test_a_huge_request_does_not_starve_a_small_one():
    queue = queue_of(sentences=8)
    queue.submit([f"huge {n}" for n in range(1000)], GREEDY)
    await take(queue)
    queue.submit(["small 1", "small 2"], GREEDY)
    batch = await take(queue)
    assert {"small 1", "small 2"} <= set(batch)
    assert len(batch) == 8


async def test_other_options_get_their_turn_beside_a_huge_request():
    queue = queue_of(sentences=4)
    queue.submit([f"huge {n}" for n in range(100)], GREEDY)
    queue.submit(["other"], BEAM)
    assert ["other"] in [await take(queue) for _ in range(3)]


async def test_more_requests_than_fit_are_served_in_rotation():
    queue = queue_of(sentences=2)
    for name in "abc":
        queue.submit([f"{name}1", f"{name}2"], GREEDY)
    taken = [await take(queue) for _ in range(3)]
    assert taken == [["a1", "b1"], ["c1", "a2"], ["b2", "c2"]]


async def test_batch_is_limited_by_its_predicted_time():
    queue = queue_of(seconds=1.0)
    cost = 10 + FIXED_COST
    queue.speed.observe(GREEDY, cost, 0.3)  # seconds for one sentence of ten characters
    queue.submit([f"{n:010}" for n in range(4)], GREEDY)
    assert len(await take(queue)) == 3
    assert len(await take(queue)) == 1


async def test_batch_grows_when_requests_wait_longer_anyway():
    queue = queue_of(seconds=1.0, queue_seconds=1000)
    queue.speed.observe(GREEDY, 10 + FIXED_COST, 0.3)
    queue.submit([f"{n:010}" for n in range(20)], GREEDY)  # six seconds of work
    assert len(await take(queue)) == 10


async def test_a_sentence_longer_than_any_batch_still_goes():
    queue = queue_of(seconds=0.001)
    queue.speed.observe(GREEDY, 1, 10.0)
    queue.submit(["x" * 100], GREEDY)
    assert len(await take(queue)) == 1


async def test_results_come_in_order_as_soon_as_they_can():
    queue = queue_of(sentences=1)
    ticket = queue.submit(["a", "b"], GREEDY)
    first, second = await queue.next_batch(), await queue.next_batch()
    results = ticket.in_order()
    pending = asyncio.ensure_future(anext(results))
    answer(second)
    await asyncio.sleep(0)
    assert not pending.done()
    answer(first)
    assert (await pending).text == "A"
    assert (await anext(results)).text == "B"


async def test_full_queue_is_refused_with_a_time_to_come_back():
    queue = queue_of(queue_sentences=3)
    queue.submit(["a", "b"], GREEDY)
    queue.speed.observe(GREEDY, 1 + FIXED_COST, 2.0)
    with pytest.raises(QueueFullError) as refused:
        queue.submit(["c", "d"], GREEDY)
    assert status_of(refused.value) == 429
    assert refused.value.retry_after == 4
    queue.submit(["c"], GREEDY)


async def test_queue_that_would_take_too_long_is_full():
    queue = queue_of(queue_seconds=5.0)
    queue.speed.observe(GREEDY, 1 + FIXED_COST, 2.0)
    queue.submit(["a", "b", "c"], GREEDY)
    with pytest.raises(QueueFullError):
        queue.submit(["d"], GREEDY)
    await take(queue)
    queue.submit(["d"], GREEDY)


async def test_empty_queue_takes_a_request_larger_than_itself():
    queue = queue_of(queue_sentences=2)
    queue.submit(["a", "b", "c"], GREEDY)
    assert queue.waiting == 3


async def test_cancelled_request_leaves_the_queue():
    queue = queue_of()
    ticket = queue.submit(["a", "b"], GREEDY)
    queue.submit(["c"], GREEDY)
    ticket.cancel()
    assert queue.waiting == 1
    assert await take(queue) == ["c"]


async def test_batch_of_cancelled_requests_is_not_wanted():
    queue = queue_of()
    one, two = queue.submit(["a"], GREEDY), queue.submit(["b"], GREEDY)
    batch = await queue.next_batch()
    one.cancel()
    assert batch.wanted
    two.cancel()
    assert not batch.wanted


async def test_failed_batch_is_retried_sentence_by_sentence_then_given_up():
    queue = queue_of()
    good, bad = queue.submit(["good"], GREEDY), queue.submit(["bad"], GREEDY)
    error = UnavailableError("the runner died")
    queue.retry_alone(await queue.next_batch(), error)
    alone = [await queue.next_batch(), await queue.next_batch()]
    assert [batch.texts for batch in alone] == [["good"], ["bad"]]
    answer(alone[0])
    queue.retry_alone(alone[1], error)
    assert (await anext(good.in_order())).text == "GOOD"
    with pytest.raises(UnavailableError):
        await anext(bad.in_order())
    assert queue.waiting == 0


async def test_failure_drops_the_rest_of_the_request():
    queue = queue_of(sentences=1)
    ticket = queue.submit(["a", "b", "c"], GREEDY)
    for _ in range(2):
        queue.retry_alone(await queue.next_batch(), CsanmtError("no"))
    assert not ticket.open
    assert queue.waiting == 0


async def test_nothing_is_taken_where_no_runner_will_come():
    queue = queue_of()
    queue.unavailable = "no runner can be started"
    with pytest.raises(UnavailableError, match="no runner"):
        queue.submit(["a"], GREEDY)


async def test_expected_wait_forgets_work_that_was_done():
    queue = queue_of(sentences=1)
    queue.speed.observe(GREEDY, 9, 1.0)
    for _ in range(50):
        queue.submit(["a"], GREEDY)
        queue.speed.observe(GREEDY, 9, 0.5)
        await take(queue)
    assert queue.expected_wait() == 0


async def test_equal_sentences_are_decoded_once_and_all_are_answered():
    queue = queue_of(sentences=8)
    tickets = [queue.submit(["same", name], GREEDY) for name in "ab"]
    batch = await queue.next_batch()
    assert batch.texts == ["same", "a", "b"]
    assert len(batch.sentences) == 4
    answer(batch)
    assert [[t.text async for t in ticket.in_order()] for ticket in tickets] == [
        ["SAME", "A"],
        ["SAME", "B"],
    ]


async def test_free_runners_share_the_sentences_of_one_text():
    queue = queue_of()
    waiting = [asyncio.ensure_future(queue.next_batch()) for _ in range(3)]
    await asyncio.sleep(0)
    queue.submit([f"sentence {n}" for n in range(9)], GREEDY)
    batches = await asyncio.wait_for(asyncio.gather(*waiting), 5)
    assert [len(batch.sentences) for batch in batches] == [3, 3, 3]


async def test_the_first_sentence_of_a_stream_goes_without_the_others_of_its_text():
    queue = queue_of()
    queue.submit([f"stream {n}" for n in range(5)], GREEDY, stream=True)
    queue.submit(["b1", "b2"], GREEDY)
    first = await queue.next_batch()
    assert first.texts == ["stream 0", "b1", "b2"]
    other = asyncio.ensure_future(queue.next_batch())  # of a runner that is free already
    await asyncio.sleep(0)
    assert not other.done()
    answer(first)
    rest = await take(queue) + (await asyncio.wait_for(other, 5)).texts
    assert sorted(rest) == [f"stream {n}" for n in range(1, 5)]


@pytest.mark.parametrize("end", ["slow", "cancelled", "failed", "stopped"])
async def test_the_rest_of_a_stream_does_not_wait_for_ever(end):
    queue = queue_of()
    ticket = queue.submit(["a", "b", "c"], GREEDY, stream=True)
    first = await queue.next_batch()
    if end == "slow":
        assert await take(queue) == ["b", "c"]
        return
    error = CsanmtError("no")
    if end == "cancelled":
        ticket.cancel()
    elif end == "failed":
        queue.retry_alone(first, error)
        queue.retry_alone(await queue.next_batch(), error)
    else:
        queue.fail_all(error)
    assert queue.waiting == 0
    assert not ticket.open
    queue.submit(["next"], GREEDY)
    assert await take(queue) == ["next"]


async def test_a_runner_that_ends_while_it_waits_takes_no_batch():
    queue, ended = queue_of(), asyncio.Event()
    waiting = asyncio.ensure_future(queue.next_batch(ended.is_set))
    await asyncio.sleep(0)
    ended.set()
    queue.wake()
    assert await asyncio.wait_for(waiting, 5) is None
    queue.submit(["a"], GREEDY)
    assert await take(queue) == ["a"]


async def test_options_with_many_terms_are_hashed_once_a_request():
    hashed = []

    class Counted(tuple):
        def __hash__(self) -> int:
            hashed.append(1)
            return super().__hash__()

    queue = queue_of(sentences=4)
    options = DecodingOptions(terms=Counted((f"词{n}", f"term {n}") for n in range(1000)))
    ticket = queue.submit([f"sentence {n}" for n in range(2000)], options)
    await take(queue)
    ticket.cancel()
    assert len(hashed) <= 2
