from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from csanmt.segmentation import join_with_spans, segment, split_long

# Any code point, with the ones that matter here far more often than chance has them.
TEXT = st.text(
    st.one_of(
        st.characters(),
        st.sampled_from(
            "。！？；…，、：“”‘’「」（）.!?;,\"'()[] \t\n\r\v\f\x1c\x85\u2028\u3000aB1好我"
        ),
    ),
    max_size=200,
)


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("今天天气很好。我们走吧！去哪里？", ["今天天气很好。", "我们走吧！", "去哪里？"]),
        (
            "天下难事，必作于易；天下大事，必作于细。",
            ["天下难事，必作于易；", "天下大事，必作于细。"],
        ),
        ("他说：“你好。我走了。”然后走了。", ["他说：“你好。我走了。”", "然后走了。"]),
        ("（真的。）好。", ["（真的。）", "好。"]),
        ("“好！”，他说。", ["“好！”，他说。"]),
        ("真的吗？！太好了！！！", ["真的吗？！", "太好了！！！"]),
        ("谢谢……不客气。", ["谢谢……", "不客气。"]),
        ("价格是3.14元。版本2.15.1发布。", ["价格是3.14元。", "版本2.15.1发布。"]),
        ("见https://a.com/x?y=1&z=2。谢谢！", ["见https://a.com/x?y=1&z=2。", "谢谢！"]),
        ("写信给a.b@c.com.cn!好", ["写信给a.b@c.com.cn!", "好"]),
        ("Mr. Smith paid 3.5 dollars. He left.", ["Mr. Smith paid 3.5 dollars.", "He left."]),
        ("他来了.我走了.", ["他来了.", "我走了."]),
        ("1. 第一项。", ["1. 第一项。"]),
        ("真的?真的!好", ["真的?", "真的!", "好"]),
        ("“没有结束的引用。然后呢？", ["“没有结束的引用。", "然后呢？"]),
        ("第一行\n第二行\r\n\r\n　　第三段。", ["第一行", "第二行", "第三段。"]),
        ("  \u3000 ", [""]),
        ("", []),
    ],
)
def test_sentences_end_where_a_reader_would_end_them(text: str, sentences: list[str]) -> None:
    assert [s.text for s in segment(text)] == sentences


@settings(max_examples=400, deadline=None)
@given(TEXT)
def test_segments_hold_every_character_and_their_join_in_an_unspaced_language_keeps_layout(
    text: str,
) -> None:
    segments = segment(text)
    assert "".join(s.before + s.text + s.after for s in segments) == text
    for s in segments:
        assert text[s.start : s.end] == s.text == s.text.strip()
        assert not s.before.strip()
        assert not s.after.strip()


@settings(max_examples=200, deadline=None)
@given(TEXT)
def test_join_of_sentences_that_stay_is_the_text(text: str) -> None:
    segments = segment(text)
    joined, spans = join_with_spans(segments, [s.text for s in segments], "en")
    assert joined == text
    assert [joined[a:b] for a, b in spans] == [s.text for s in segments]


@settings(max_examples=200, deadline=None)
@given(TEXT.filter(lambda t: bool(t.strip())), st.integers(1, 20))
def test_pieces_of_a_long_sentence_fit_and_lose_nothing(text: str, limit: int) -> None:
    pieces = split_long(text, lambda part: len(part) <= limit)
    assert "".join(p.before + p.text + p.after for p in pieces) == text
    assert all(len(p.text) <= limit for p in pieces)


def test_a_long_sentence_is_cut_at_commas_near_its_middle() -> None:
    text = "今天天气很好，我们一起去公园散步吧，他昨天从北京坐火车到上海开会，这本书讲述了一个故事"
    pieces = split_long(text, lambda part: len(part) <= 20)
    assert [p.text for p in pieces] == [
        "今天天气很好，我们一起去公园散步吧，",
        "他昨天从北京坐火车到上海开会，",
        "这本书讲述了一个故事",
    ]


@pytest.mark.parametrize("unit", [".", "。", "(", "a", "“", "a. ", "http://", "😀"])
def test_a_pathological_line_takes_linear_time(unit: str) -> None:
    text = unit * (100_000 // len(unit))
    calls = 0

    def fits(part: str) -> bool:
        nonlocal calls
        calls += 1
        return len(part) <= 100

    assert "".join(s.before + s.text + s.after for s in segment(text)) == text
    split_long(text[:20_000], fits)
    assert calls < 2_000


def test_an_emoji_made_of_several_code_points_is_not_cut() -> None:
    family = "👨\u200d👩\u200d👧"
    pieces = split_long("好" * 5 + family + "好" * 5, lambda part: len(part) <= 9)
    assert any(family in p.text for p in pieces)


@pytest.mark.parametrize(
    "sentences",
    [
        # What is said and who says it are one sentence, and so is a quoted word.
        ["“真的吗？”他问。", "“是。”"],
        ["“你好！”她说，“请坐。”", "我坐下了。"],
        ["“快走！”老师大声喊道。"],
        ["他说“走！”就走了。", "我没走。"],
        ["「哪裡？」她問道。"],
        ["他说：“我明天不来。”", "然后就走了。"],
        ["我问他：“你去吗？”", "他没有说话。"],
        # Punctuation alone is no sentence.
        ["……好吧。", "走吧。"],
        ["“……”他沉默了。"],
        ["他大喊：“救命啊！”。", "没人听见。"],
        ["。。。"],
        # Numbers of items and abbreviations stand before what they belong to.
        ["1. 苹果。", "2. 香蕉。", "10. 橙子。"],
        ["请看 e.g. 例如这一页。", "Dr. 李在 No. 5 楼。"],
    ],
)
def test_sentences_are_found(sentences: list[str]) -> None:
    assert [s.text for s in segment("".join(sentences))] == sentences


# --- clauses of a long sentence ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "limit", "expected"),
    [
        (
            "我们先去超市买菜，然后回家做饭，最后洗碗。",
            12,
            "我们先去超市买菜，|然后回家做饭，最后洗碗。",
        ),
        # Not within brackets, quotes, numbers or times where there is another place.
        (
            "他（住在北京，不是上海，也不是天津）昨天来过，今天早上又坐火车走了。",
            26,
            "他（住在北京，不是上海，也不是天津）昨天来过，|今天早上又坐火车走了。",
        ),
        ("一共1,250,000元，其中3,000元14:35到账", 16, "一共1,250,000元，|其中3,000元14:35到账"),
        # A comma goes before an item of a list.
        ("苹果、香蕉、橙子都有，西瓜、葡萄没有", 12, "苹果、香蕉、橙子都有，|西瓜、葡萄没有"),
        ("原因如下：一是天气不好，二是路太远", 10, "原因如下：|一是天气不好，|二是路太远"),
    ],
)
def test_a_long_sentence_is_cut_at_clauses(text: str, limit: int, expected: str) -> None:
    parts = split_long(text, lambda part: len(part) <= limit)
    assert "|".join(part.text for part in parts) == expected
