"""Files that reproduce what people reported lost, through the shipped model."""

from __future__ import annotations

import io
import json
import re
import zipfile
from html import unescape
from pathlib import Path

import pytest

from csanmt.documents.formats import PARSERS, find
from csanmt.documents.translation import translate_document
from csanmt.loading import load_translator
from csanmt.markup import translate_documents
from csanmt.text_translator import TextTranslator
from csanmt.texts import translate_texts

CASES = Path(__file__).parent / "cases"
HAN = re.compile("[\u4e00-\u9fff]")


@pytest.fixture(scope="module")
def shipped() -> TextTranslator:
    return load_translator(Path(__file__).parents[3] / "model_store" / "default")


@pytest.fixture
def document(shipped: TextTranslator):
    def run(name: str) -> bytes:
        return translate_document(shipped, find(name), (CASES / name).read_bytes()).data

    return run


def answers(translator: TextTranslator, name: str) -> list[str]:
    found = []
    for line in (CASES / name).read_text().splitlines():
        query = json.loads(line)
        if query.get("format") == "html":
            page = PARSERS["html"](query["q"])
            found += translate_documents(translator, [page])
        else:
            found.append(translate_texts(translator, [query["q"]])[0].text)
    return found


def test_a_person_stays_beside_what_stands_for_a_word(shipped: TextTranslator) -> None:
    held = [
        "{name}",
        "{file}",
        "{order_id}",
        "<code>a.txt</code>",
        '<span translate="no">微信</span>',
    ]
    for piece, text in zip(held, answers(shipped, "04-standin-names.jsonl"), strict=True):
        assert text.count(piece) == 1
        assert "Tom" in text.replace(piece, "")
        assert text.index("Tom") < text.index(piece)


def test_addresses_come_back_in_texts(shipped: TextTranslator) -> None:
    held = [
        "support@example.com",
        "https://example.com/a?b=1&c=2",
        "www.example.com",
        "/home/user/doc/a_b.txt",
    ]
    for piece, text in zip(held, answers(shipped, "07-addresses.jsonl"), strict=True):
        assert text.count(piece) == 1
        assert re.search(r"[A-Za-z]{2}", text.replace(piece, ""))  # and words around it
        assert not HAN.search(text)


@pytest.mark.parametrize(
    ("name", "held"),
    [
        (
            "07-addresses.txt",
            ["https://example.com/help", "support@example.com", "https://example.com/a"],
        ),
        (
            "07-addresses.md",
            ["https://example.com/help", "support@example.com", "<https://example.com>"],
        ),
    ],
)
def test_addresses_come_back_in_documents(document, name: str, held: list[str]) -> None:
    text = document(name).decode()
    assert not HAN.search(text)
    assert all(text.count(piece) == 1 for piece in held[:2])
    assert held[2] in text


MATRIX = ["https://example.com/a?b=1&c=2", "https://example.com/help", "www.example.com",
          "%{count}", "$1", "$2", "$USER_NAME$", "__name__", "<%= name %>", "{name}",
          "/home/user/doc/a_b.txt", "A-2024-001", "@zhang_san"]  # fmt: skip


@pytest.mark.parametrize("name", ["07-matrix.html", "07-matrix.docx"])
def test_every_kind_comes_back_in_a_page_and_in_word(document, name: str) -> None:
    data = document(name)
    if name.endswith(".docx"):
        data = zipfile.ZipFile(io.BytesIO(data)).read("word/document.xml")
    text = unescape(re.sub(r"<[^<>]+>", " ", data.decode()))
    assert {piece: text.count(piece) for piece in MATRIX} == dict.fromkeys(MATRIX, 1)
    assert text.count("support@example.com") == 2
    assert text.count("%d%%") == 2
    assert re.search("Tom .*{name}", text)
    assert not HAN.search(text)


def test_placeholders_of_every_program_come_back(document) -> None:
    values = json.loads(document("08-placeholders.json"))
    held = {
        "chrome": ["$USER_NAME$"],
        "mediawiki": ["$1", "$2"],
        "underscore": ["__name__"],
        "erb": ["<%= name %>"],
        "mention": ["@zhang_san"],
        "mnemonic": ["(_O)"],
    }
    for key, pieces in held.items():
        assert all(values[key].count(piece) == 1 for piece in pieces), values[key]
        assert not HAN.search(values[key])
    assert [part.count("{count}") for part in values["vue"].split(" | ")] == [0, 0, 1]


def test_escaped_markup_in_a_catalogue_stays_markup(document) -> None:
    first, second = re.findall(
        "<target[^<>]*>(.*?)</target>", document("09-html-in-xliff.xlf").decode()
    )
    assert re.search(r"<b>\s*here\s*</b>", unescape(first))
    assert re.search(r'<a href="%url">[^<>]*here</a>', unescape(second))


def test_numbered_tags_of_a_message_move_with_their_words(shipped: TextTranslator) -> None:
    source = json.dumps({"a": "请点击<0>这里</0>。<1/>"}, ensure_ascii=False).encode()
    text = json.loads(translate_document(shipped, find("a.json"), source).data)["a"]
    assert re.search(r"<0>\s*here\s*</0>", text)
    assert text.count("<1/>") == 1


def test_what_looks_like_a_tag_within_a_piece_is_none(shipped: TextTranslator) -> None:
    held = ["%<count>d", "`<b>`", "<<name>>"]
    source = json.dumps(
        [f"请看{piece}的说明，谢谢。" for piece in held], ensure_ascii=False
    ).encode()
    answers = json.loads(translate_document(shipped, find("a.json"), source).data)
    assert [piece in text for piece, text in zip(held, answers, strict=True)] == [True] * 3


def test_variables_with_chinese_between_are_no_formula(shipped: TextTranslator) -> None:
    source = "价格是$1都$(name)，公式是$x + y$。".encode()
    text = translate_document(shipped, find("a.md"), source).data.decode()
    assert [text.count(piece) for piece in ("$1", "$(name)", "$x + y$")] == [1, 1, 1]


def test_wide_blanks_are_as_many_as_they_were(document) -> None:
    text = document("17-indent.html").decode()
    paragraphs = re.findall("<p>(.*?)</p>", text)
    assert [len(p) - len(p.lstrip("\u3000")) for p in paragraphs] == [2, 0, 0]
    assert paragraphs[2].endswith("\u3000") and not paragraphs[2].endswith("\u3000\u3000")


def test_words_with_sub_and_superscripts_stay_whole(document) -> None:
    text = document("18-sub-sup.html").decode()
    for word in ("H<sub>2</sub>O", "mc<sup>2</sup>", "100m<sup>2</sup>"):
        assert text.count(word) == 1


@pytest.mark.parametrize(
    ("source", "held"),
    [
        ("<p>他说得对<sup><a href='#n'>[1]</a></sup>。</p>", "<sup><a href='#n'>[1]</a></sup>"),
        ("<p>我们都同意<sup>2</sup>。</p>", "<sup>2</sup>"),
        ("<p>我喜欢Git<b>Hub</b>。</p>", "Git<b>Hub</b>"),
        ("<p>我喜欢<i>Hel<b>lo</b></i>。</p>", "<i>Hel<b>lo</b></i>"),
    ],
)
def test_notes_and_cut_words_keep_their_tags(
    shipped: TextTranslator, source: str, held: str
) -> None:
    assert translate_documents(shipped, [PARSERS["html"](source)])[0].count(held) == 1


@pytest.mark.parametrize(
    ("source", "held"),
    [
        ("点击“文件 > 另存为”。", "File > "),
        ("## 标题", "## "),
        ("请选择A|B。", " A|B."),
        ("我今天很高兴^_^", "^_^"),
        ("我喜欢你~", "you~"),
        ("我等了1~3天。", "1-3 days"),
        ("气温5～12℃。", "5-12"),
        ("价格是€50。", " €50."),
        ("这件衣服要$100。", " $100."),
        ("预算是US$100万。", "$1 million"),
        ("**重要**：今天不上课。", "**Important**"),
        ("选项：<无>", "<No>"),
        ("我喜欢用C#编程。", " C# "),
        ("5️⃣个苹果", "5️⃣ "),
        ("我喜欢 안녕 这个词。", "안녕"),
        ("𠮷野家很好吃。", "𠮷"),
        ("台湾的天气很好，{name}来了。", " and {name} here."),
        ("仅限年龄≥19岁的人。", "≥19"),
        ("你确定要删除“%s”吗？", ' "%s"?'),
        ("电压220V~240V。", "220V-240V"),
        ("时间：2024-03-15 14:30:00", "2024-03-15 14:30:00"),
        ("版权所有 © 2024 某某公司", "© 2024"),
        ("他问道：『你是谁？』", " 『Who are you"),
        ("请在[设置]里打开[通知]。", "[the notification]"),
        ("二〇二四年一月五日，他出生了。", "2024"),
    ],
)
def test_signs_that_the_vocabulary_lacks_stay(
    shipped: TextTranslator, source: str, held: str
) -> None:
    assert held in shipped.translate(source).text


@pytest.mark.parametrize(
    ("source", "held"),
    [
        ("<b>你好</b>", "<b>Hello</b>"),
        ("按下<kbd>Ctrl</kbd>键", "<kbd>Ctrl</kbd> key"),
        ('请点击<a href="https://a.com/?x=1">这里</a>。', '=1">here</a>.'),
        ("点击<b>保存</b>继续。", "<b>Save</b> to"),
        ("<g1>中国的首都</g1>是北京。", "<g1>The capital of China</g1> is"),
        ("<p>今天<br>天气很好</p>", "<p> <br> The weather is good today</p>"),
        ("请看<m id=1>的说明。", " <m id=1>"),
        ("把{a}改成{b}。", "Change {a} to {b}."),
        ("{n} 个苹果|{n} 个苹果", "{n} apples|{n} apples"),
        ("*{name}* 已加入", "*{name}* added"),
        ("第{page}页，共{total}页", "Page {page} of {total}"),
        ("他今年{age}岁", "{age} years old"),
        ("{hours}小时{minutes}分{seconds}秒", "{hours} hours"),
        ("温度{t}度", "{t} degrees"),
        ("{count}个文件已删除", "{count} files"),
    ],
)
def test_tags_and_placeholders_stand_where_their_words_do(
    shipped: TextTranslator, source: str, held: str
) -> None:
    assert held in shipped.translate(source).text
