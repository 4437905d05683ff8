"""Whatever the markup and however odd the alignment: no tag lost, doubled or crossed."""

from __future__ import annotations

import random
from collections import Counter

from hypothesis import example, given, settings
from hypothesis import strategies as st

from csanmt.documents.markdown import MarkdownText
from csanmt.markup import (
    html_rules,
    parse_markup,
    translate_documents,
    xml_rules,
)
from csanmt.markup.tokens import TokenKind, tokenize
from csanmt.translator import DecodingOptions, Hypothesis, Translation
from tests.stub_translator import StubTranslator

TEXTS = [
    "我",
    "喜欢",
    "苹果。",
    " ",
    "\n",
    "你好，世界。",
    "abc",
    "&amp;",
    "&lt;b&gt;",
    "3 < 5",
    "…",
    "😀",
]
INLINE = ["b", "i", "a", "span", "x-y"]
BLOCK = ["p", "div", "li"]
LOOSE = ["<br>", "<img src=a>", "<!-- c -->", "<hr/>", "<x id='1'></x>", "<code>x<b></b></code>",
         "<script>'<b>'</script>", "<a translate='no'>你</a>", "<i", "<!", "</", "<b>", "</b>",
         "<p>", "</i>", "</p>"]  # fmt: skip
BALANCED = LOOSE[:8]


def element(name, attributes, inside):
    return f"<{name}{attributes}>{''.join(inside)}</{name}>"


def trees(leaves):
    return st.recursive(
        leaves,
        lambda inner: st.builds(
            element,
            st.sampled_from(INLINE + BLOCK),
            st.sampled_from(["", " class='q'", ' title="a > b"']),
            st.lists(inner, max_size=4),
        ),
        max_leaves=12,
    )


balanced = st.lists(trees(st.sampled_from(TEXTS + BALANCED)), max_size=6).map("".join)
anything = st.lists(trees(st.sampled_from(TEXTS + LOOSE)), max_size=8).map("".join)


class Scrambler:
    """Translates to a random number of words, aligned at random or not at all."""

    model_tag, source_language, target_language = "stub:v0.0.0", "zh", "en"
    max_source_tokens = None

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def count_tokens(self, text: str) -> int:
        return len(text)

    def translate(self, sources, options=DecodingOptions(), *, should_stop=None):
        return [self._one(source) for source in sources]

    def _one(self, source: str) -> Translation:
        text, pairs = "", []
        kept = [c for c in source if ord(c) > 0xFFFF]
        self.random.shuffle(kept)
        words = [
            self.random.choice(["a", "word", ",", "the"]) for _ in range(self.random.randint(0, 7))
        ]
        for word in words + kept[: self.random.randint(0, len(kept))] + kept[:1]:
            text += " " if text else ""
            low = self.random.randint(0, len(source))
            high = self.random.randint(low, len(source))
            pairs.append(((low, high), (len(text), len(text) + len(word))))
            text += word
        alignment = tuple(pairs) if self.random.random() < 0.8 else None
        return Translation(source, (Hypothesis(text, -1.0, alignment=alignment),), 1)


def tags(source: str, xml: bool = False) -> Counter:
    kinds = (TokenKind.TEXT, TokenKind.CDATA)
    return Counter(t.raw for t in tokenize(source, xml=xml) if t.kind not in kinds)


def is_balanced(source: str, xml: bool = False) -> bool:
    stack = []
    for token in tokenize(source, xml=xml):
        if token.kind is TokenKind.START:
            stack.append(token.name)
        elif token.kind is TokenKind.END and (not stack or stack.pop() != token.name):
            return False
    return not stack


@settings(max_examples=80, deadline=None)
@given(balanced, st.integers(0, 2**32), st.booleans())
@example("我<b><b> <x id='1'></x></b>我</b>", 0, True)  # in both runs only white space is in a <b>
@example("我<b><b> <hr/> </b></b>我", 0, False)
@example("我<b>我我<p></p></b><i>我</i>", 0, False)  # an end tag alone in a run
@example("<b><p></p></b><i><img src=a><code>x<b></b></code><b>我<br><img src=a></b></i>", 0, False)
def test_balanced_markup_stays_balanced(source: str, seed: int, xml: bool) -> None:
    rules = xml_rules() if xml else html_rules()
    (result,) = translate_documents(Scrambler(seed), [parse_markup(source, rules)])
    if not xml:  # <br> and <img> are unbalanced as XML
        assert is_balanced(source)
    assert tags(result, xml) == tags(source, xml)
    if is_balanced(source, xml):
        assert is_balanced(result, xml)


@settings(max_examples=80, deadline=None)
@given(anything, st.integers(0, 2**32), st.booleans())
@example(
    "我<b>我<b>我<code>x<b></b></code><code>x<b></b></code></b><a translate='no'>你</a></b>",
    0,
    True,
)
def test_broken_markup_loses_and_doubles_nothing(source: str, seed: int, xml: bool) -> None:
    rules = xml_rules() if xml else html_rules()
    document = parse_markup(source, rules)
    (result,) = translate_documents(Scrambler(seed), [document])
    assert tags(result, xml) == tags(source, xml)


@settings(max_examples=80, deadline=None)
@given(st.text(alphabet="<>/!?-&;'\"= abpix我。[]\n\U0010f000", max_size=60), st.booleans())
def test_tokens_lose_no_character(source: str, xml: bool) -> None:
    assert "".join(token.raw for token in tokenize(source, xml=xml)) == source
    parse_markup(source, xml_rules() if xml else html_rules())


@settings(max_examples=60, deadline=None)
@given(balanced.filter(lambda source: "我" not in source))
@example("<b><img src=a>abc</b>abc")
def test_what_needs_no_translation_comes_back_as_it_was(source: str) -> None:
    source = "".join(c for c in source if not "\u3000" <= c <= "\uffff")
    (result,) = translate_documents(StubTranslator(), [parse_markup(source, html_rules())])
    expected = source.replace("3 < 5", "3 &lt; 5")
    assert "".join(result.split()) == "".join(expected.split())


MARKED = ["我", "苹果。", "abc ", "`ls -l`", "![图](a.png)", "<https://a.b>", "**喜欢**", "*车*",
          "[苹果](http://x.y \"我\")", "~~我~~", "  \n", "\n"]  # fmt: skip
LINES = ["# ", "- ", "> ", "1. ", ""]
CONSTRUCTS = ["`ls -l`", "![图](a.png)", "<https://a.b>", '](http://x.y "我")']


@settings(max_examples=80, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(LINES), st.lists(st.sampled_from(MARKED), max_size=6))),
    st.integers(0, 2**32),
)
def test_markdown_constructs_are_neither_lost_nor_doubled(paragraphs, seed: int) -> None:
    source = "\n\n".join(start + " ".join(parts) for start, parts in paragraphs)
    (result,) = translate_documents(Scrambler(seed), [MarkdownText(source)])
    for construct in CONSTRUCTS:
        assert result.count(construct) == source.count(construct)
    for emphasis in ("**", "~~"):  # with no word left to emphasise it goes, as a pair
        assert result.count(emphasis) <= source.count(emphasis)
        assert result.count(emphasis) % 2 == 0


@settings(max_examples=60, deadline=None)
@given(st.text(alphabet="*_`[]()!<>b/\\\n #-|~我。a&;{}", max_size=60), st.integers(0, 2**32))
@example("~我~", 2531732)
def test_no_markdown_is_too_broken(source: str, seed: int) -> None:
    document = MarkdownText(source)
    inside = sum(len(text.text) for text in document.texts)
    (result,) = translate_documents(Scrambler(seed), [document])
    emphasis = sum(map(source.count, "*_~"))  # around no word it goes
    assert len(result) >= len(source) - inside - emphasis - 2 * len(set(source) & set("\\&"))
