"""A text is cut into sentences with its pieces whole; syntax between texts stays outside."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from csanmt.texts import pieces

TEXT = st.text(alphabet="中。a {}|n,%s#!?<b/>@.\n1https:", max_size=60)


def parts(text: str, protect: tuple[str, ...] = ()) -> list[str]:
    return [piece.text for piece in pieces(text, len, protect=protect)]


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("看 https://a.com/x?a=1!b。好的。", ["看 https://a.com/x?a=1!b。", "好的。"]),
        ("看 <%= a ? '。' : b %> 吧。", ["看 <%= a ? '。' : b %> 吧。"]),
        ("{n, plural, one {# 个} other {{n} 个}}吧", ["# 个", "{n} 个", "吧"]),
        ("{n, select, a {好} other {}}", ["好"]),
        ("没有 | 一个 | {n} 个", ["没有", "一个", "{n} 个"]),
        ("见[[A | b]]吧", ["见[[A | b]]吧"]),
        ("{n} 个|%d 个|没有", ["{n} 个", "%d 个", "没有"]),
        ("选A|B吧，a || b", ["选A|B吧，a || b"]),
        ("{n, plural, other {}}", [""]),
        ("", []),
    ],
)
def test_sentences_end_where_no_piece_is(text: str, sentences: list[str]) -> None:
    assert parts(text) == sentences


def test_a_callers_own_strings_are_not_cut() -> None:
    assert parts("看你好。再见。吧。") == ["看你好。", "再见。", "吧。"]
    assert parts("看你好。再见。吧。", ("你好。再见。",)) == ["看你好。再见。吧。"]


@settings(max_examples=300, deadline=None)
@given(TEXT)
def test_no_character_is_lost_and_places_are_right(text: str) -> None:
    found = pieces(text, len)
    assert "".join(s.before + s.text + s.after for s in found) == text
    assert all(text[s.start : s.end] == s.text for s in found)


@pytest.mark.parametrize("unit", ["a | %s", "{n, plural, one {", "}", "%s ", "{a}", " | ", "<b>"])
def test_the_time_grows_with_the_length_and_no_faster(unit: str) -> None:
    text = "{n, plural, one {" + unit * (40_000 // len(unit))
    start = time.process_time()
    pieces(text, len)
    assert time.process_time() - start < 6.0
