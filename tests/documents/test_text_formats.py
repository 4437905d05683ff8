"""Text formats: literals, and each result read by another tool than the one that wrote it."""

from __future__ import annotations

import gettext
import io
import json
import shutil
import subprocess

import pytest
import webvtt
from bs4 import BeautifulSoup
from lxml import etree
from markdown_it import MarkdownIt

from csanmt.documents.limits import DocumentError

TEXTS = [
    ("你好。\n\n我爱你。", "you good.\n\nI love you."),
    ("你好\r\n我爱你\r\n\r\n大\r\n", "you good\r\nI love you\r\n\r\nbig\r\n"),
    ("  \n\n你好 https://a.cn/a?b=1 小", "  \n\nyou good https://a.cn/a?b=1 small"),
    ("请看 a@b.org", "please see a@b.org"),
    ("no Chinese\n", "no Chinese\n"),
    ("", ""),
]


@pytest.mark.parametrize(("source", "expected"), TEXTS)
def test_plain_text_keeps_paragraphs_line_ends_and_addresses(translate, source, expected) -> None:
    assert translate("a.txt", source).decode() == expected


@pytest.mark.parametrize("encoding", ["gb18030", "utf-8-sig", "utf-16"])
def test_plain_text_is_written_in_the_encoding_it_came_in(translate, encoding) -> None:
    result = translate("a.txt", "你好，这里是书。\n".encode(encoding))
    assert result.decode(encoding) == "you good, this here x book.\n"


def test_binary_data_is_no_text(translate) -> None:
    with pytest.raises(DocumentError):
        translate("a.txt", bytes(range(256)))


MARKDOWN = [
    ("# 你好 #\n", "# you good #\n"),
    ("我**爱**你", "I **love** you"),
    ("我 *爱* ~~你~~", "I *love* ~~you~~"),
    ('请看[这里](http://a.b/c_(d) "书")。', 'please see [this here](http://a.b/c_(d) "书").'),
    ('看[这][1]\n\n[1]: http://a.b "书"', 'see [this][1]\n\n[1]: http://a.b "书"'),
    ("`代码` 好", "`代码` good"),
    ("```\n你好\n```\n\n你好", "```\n你好\n```\n\nyou good"),
    ("    你好\n\n你好", "    你好\n\nyou good"),
    ("> 你好\n> 我", "> you good I"),
    ("- [ ] 一\n- 二\n  1. 三", "- [ ] one\n- two\n  1. three"),
    (
        "| 名 | 字 |\n|:--|--:|\n| **一** | a\\|b 二 |",
        "| name | word |\n|:--|--:|\n| **one** | a\\|b two |",
    ),
    ("---\ntitle: 你好\n---\n你好", "---\ntitle: 你好\n---\nyou good"),
    ('<div class="好">\n你<b>好</b>\n</div>\n', '<div class="好">\nyou <b>good</b>\n</div>\n'),
    ("看![图](a.png)", "see ![图](a.png)"),
    ("你好  \n我", "you good  \nI"),
    ("数 $a_1 * b$ 好", "x $a_1 * b$ good"),
    ("a_b_c 好 2 * 3 * 4", "a_b_c good 2 * 3 * 4"),
    (":smile: 好", ":smile: good"),
    (":alt: value", ":alt: value"),
    ("你\r\n\r\n好", "you\r\n\r\ngood"),
]


@pytest.mark.parametrize(("source", "expected"), MARKDOWN)
def test_markdown_keeps_marks_code_and_addresses(translate, source, expected) -> None:
    assert translate("a.md", source).decode() == expected


def test_markdown_renders_to_the_same_elements(translate) -> None:
    source = "\n\n".join(text for text, _ in MARKDOWN if not text.startswith("---"))
    render = MarkdownIt("commonmark").enable(["table", "strikethrough"]).render
    before = BeautifulSoup(render(source), "html.parser")
    after = BeautifulSoup(render(translate("a.md", source).decode()), "html.parser")
    assert [tag.name for tag in after.find_all()] == [tag.name for tag in before.find_all()]


HTML = [
    ("<p>我<b class='x'>爱</b>你</p>", "<p>I <b class='x'>love</b> you</p>"),
    ("<p>看<a href='?a=1&amp;b=2'>这里</a></p>", "<p>see <a href='?a=1&amp;b=2'>this here</a></p>"),
    ("<p translate=no>你好</p><p>你好</p>", "<p translate=no>你好</p><p>you good</p>"),
    ("<script>'你好'</script><p>你好", "<script>'你好'</script><p>you good"),
    ("<ul><li>一<li>二</ul>", "<ul><li>one<li>two</ul>"),
    ("<!-- 你好 --><p>你 &lt; 好</p>", "<!-- 你好 --><p>you &lt; good</p>"),
    ('<html lang="zh-CN"><title>好</title>', '<html lang="en"><title>good</title>'),
]


@pytest.mark.parametrize(("source", "expected"), HTML)
def test_html_keeps_tags_and_attributes(translate, source, expected) -> None:
    assert translate("a.html", source).decode() == expected


def test_html_declared_as_gb2312_is_written_so(translate) -> None:
    page = '<meta charset="gb2312"><p>你好，“书”</p>'.encode("gb2312")
    soup = BeautifulSoup(translate("a.htm", page), "html.parser")
    assert soup.p.text == "you good, “书”".replace("书", "book") or "book" in soup.p.text


SUBTITLES = """1
00:00:01,000 --> 00:00:02,500
<i>你好</i>
我爱你

2
00:00:03,000 --> 00:00:04,000
{\\an8}大
"""
VTT = """WEBVTT 标题

NOTE 你好

STYLE
::cue { color: red }

名
00:01.000 --> 00:02.000 line:0 align:start
<v 我>你好</v>

00:03.000 --> 00:04.000
看 <b>书</b>
"""


def test_subrip_keeps_times_and_marks(translate) -> None:
    result = translate("a.srt", SUBTITLES).decode()
    cues = list(webvtt.from_buffer(io.StringIO(result), format="srt"))
    assert (cues[0].start, cues[0].end) == ("00:00:01.000", "00:00:02.500")
    assert len(cues) == 2
    assert "<i>you good</i>\nI love you\n" in result
    assert "{\\an8}big\n" in result


def test_webvtt_keeps_settings_notes_and_styles(translate) -> None:
    result = translate("a.vtt", VTT).decode()
    cues = list(webvtt.from_buffer(io.StringIO(result)))
    assert [cue.text for cue in cues] == ["you good", "see book"]
    changed = [(a, b) for a, b in zip(VTT.splitlines(), result.splitlines(), strict=True) if a != b]
    assert changed == [
        ("<v 我>你好</v>", "<v 我>you good</v>"),
        ("看 <b>书</b>", "see <b>book</b>"),
    ]


@pytest.mark.parametrize(("name", "data"), [("a.srt", "你好"), ("a.vtt", "1\n你好")])
def test_text_that_is_no_subtitle_is_refused(translate, name, data) -> None:
    with pytest.raises(DocumentError):
        translate(name, data)


JSON = """{
  "标题": "你好 {name}", "n": 1.50, "l": ["我爱你", "abc", null, true],
  "书": {"看": "<b>%s</b> 好\\n小"},
  "p": "{n, plural, one {一 # 人} other {{n} 人 {x, number, ::percent}}}"
}"""


def test_json_values_are_translated_and_all_else_stays(translate) -> None:
    result = translate("a.json", JSON).decode()
    value = json.loads(result)
    assert list(value) == ["标题", "n", "l", "书", "p"]
    assert value["标题"] == "you good {name}"
    assert value["l"] == ["I love you", "abc", None, True]
    assert value["书"]["看"] == "<b>%s</b> good\nsmall"
    assert value["p"] == "{n, plural, one {one # person} other {{n} person {x, number, ::percent}}}"
    assert '"n": 1.50' in result


@pytest.mark.parametrize("data", ["{", "[" * 100_000, "{'a': 1}", '["\\ud800"]'])
def test_bad_json_is_refused(translate, data) -> None:
    with pytest.raises(DocumentError):
        translate("a.json", data)


PO = """# 译者
msgid ""
msgstr ""
"Content-Type: text/plain; charset=UTF-8\\n"

#. 注
#: a.py:1
#, python-format
msgid "你好 %(name)s\\n"
msgstr ""

msgid "已"
msgstr "done"

#, fuzzy
msgid "书"
msgstr "boat"

msgctxt "x"
msgid "%d 人"
msgid_plural "%d 人人"
msgstr[0] ""
msgstr[1] ""
"""


def test_catalogue_is_filled_and_what_was_translated_stays(translate, tmp_path) -> None:
    if shutil.which("msgfmt") is None:
        pytest.skip("msgfmt (gettext) is not installed")
    (tmp_path / "en.po").write_bytes(translate("a.po", PO))
    command = ["msgfmt", "--check", "-o", "en.mo", "en.po"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    with (tmp_path / "en.mo").open("rb") as stream:
        found = gettext.GNUTranslations(stream)
    assert found.gettext("你好 %(name)s\n") == "you good %(name)s\n"
    assert found.gettext("已") == "done"
    assert found.gettext("书") == "书"  # fuzzy: somebody has to look at it
    assert found.npgettext("x", "%d 人", "%d 人人", 1) == "%d person"
    assert found.npgettext("x", "%d 人", "%d 人人", 5) == "%d person person"


def test_catalogue_that_is_a_file_name_opens_no_file(translate, tmp_path) -> None:
    secret = tmp_path / "msgid.po"
    secret.write_text('msgid "书"\nmsgstr ""\n', encoding="utf-8")
    with pytest.raises(DocumentError) as refusal:
        translate("a.po", str(secret))
    assert "书" not in str(refusal.value)


XLIFF_1 = """<?xml version="1.0" encoding="utf-8"?>
<xliff version="1.2" xmlns="urn:oasis:names:tc:xliff:document:1.2" xmlns:o="urn:o">
 <file source-language="zh" original="f" datatype="plaintext"><body>
  <trans-unit id="1" o:x='1'><source>你<g id="1">好</g><x id="2"/>。</source></trans-unit>
  <trans-unit id="2" translate="no"><source>你</source></trans-unit>
  <trans-unit id="3"><source>我</source><target state="new"/><note>好</note></trans-unit>
  <trans-unit id="4"><source>书</source><target>tome</target></trans-unit>
 </body></file></xliff>"""
XLIFF_2 = """<xliff version="2.0" xmlns="urn:oasis:names:tc:xliff:document:2.0" srcLang="zh">
<file id="f"><unit id="u"><segment><source>我<pc id="1">爱</pc><ph id="2"/>你</source></segment>
</unit></file></xliff>"""


def test_xliff_1_gets_its_targets(translate) -> None:
    tree = etree.fromstring(translate("a.xlf", XLIFF_1))
    name = {"x": "urn:oasis:names:tc:xliff:document:1.2"}
    targets = {t.getparent().get("id"): t for t in tree.iterfind(".//x:target", name)}
    inner = "".join(targets["1"].itertext())
    assert (inner, targets["1"][0].text, targets["1"][1].get("id")) == ("you good .", "good", "2")
    assert ("2" in targets, targets["3"].text, targets["4"].text) == (False, "I", "tome")
    assert tree[0].get("target-language") == "en"


def test_xliff_2_gets_its_targets(translate) -> None:
    tree = etree.fromstring(translate("a.xliff", XLIFF_2))
    (target,) = tree.iterfind(".//{*}target")
    assert [(e.tag.rpartition("}")[2], e.text) for e in target] == [("pc", "love"), ("ph", None)]
    assert tree.get("trgLang") == "en"


def test_xml_of_another_kind_is_no_xliff(translate) -> None:
    with pytest.raises(DocumentError, match="not XLIFF"):
        translate("a.xlf", "<a/>")
