"""Documents that other translators return half translated, or broken."""

from __future__ import annotations

import io
import json
import re
import zipfile
from pathlib import Path

import openpyxl
import pytest

from csanmt.documents.formats import find
from csanmt.documents.limits import DocumentError, UnsupportedDocumentError
from csanmt.documents.translation import translate_document
from tests.documents.conftest import entries
from tests.documents.gloss import GlossTranslator

CASES = Path(__file__).parent / "cases"
HAN = re.compile("[\u4e00-\u9fff]")
# Names of persons, texts of fields that programs read, and what was moved away.
UNREAD = re.compile(
    r"<(docAuthor|w:instrText|w:moveFrom|w:delText|svg)\b.*?</\1>|<w:rFonts[^>]*>",
    re.S,
)


def translated(name: str, data: bytes | None = None) -> tuple[bytes, dict[str, int]]:
    source = (CASES / name).read_bytes() if data is None else data
    result = translate_document(GlossTranslator(), find(name), source)
    return result.data, {left.part: left.count for left in result.left}


def part(data: bytes, name: str) -> str:
    return entries(data)[name].decode()


# name, what stays in Chinese of it
WHOLE: list[tuple[str, dict[str, int]]] = [
    ("ncx-doctype.epub", {"images": 1}),
    ("altchunk.docx", {}),
    ("sheetjs-str-cells.xlsx", {"names": 1}),
    ("text-html-chapters.epub", {}),
    ("default-content-type.docx", {}),
    ("comment.pptx", {"embedded": 1}),
    ("bound-control.docx", {"number_formats": 1}),
]


@pytest.mark.parametrize(("name", "left"), WHOLE)
def test_document_is_translated_whole_or_says_what_is_not(name, left) -> None:
    data, found = translated(name)
    assert found == left
    body = "".join(
        text.decode("utf-8", "replace")
        for entry, text in entries(data).items()
        if re.search(r"(document|sheet\d|comment\d|slide\d)\.xml$|html?$|\.ncx$", entry)
    )
    assert not HAN.search(UNREAD.sub("", body))


def test_formulas_filters_lists_and_rules_still_find_their_cells() -> None:
    data, left = translated("formula-literals.xlsx")
    sheet = openpyxl.load_workbook(io.BytesIO(data)).worksheets[0]
    assert [sheet[f"B{row}"].value for row in (2, 3, 4)] == ["已完成", "未完成", "已完成"]
    assert (sheet["A2"].value, HAN.search(sheet["A3"].value)) == ("张三", None)
    assert left == {"formulas": 6, "named": 4, "names": 2}
    (validation,) = sheet.data_validations.dataValidation
    assert not HAN.search(validation.prompt + validation.promptTitle)
    assert not HAN.search(sheet.oddHeader.center.text)
    assert "&amp;P" in part(data, "xl/worksheets/sheet1.xml")
    assert "_x000D_" not in part(data, "xl/worksheets/sheet1.xml")


def test_workbook_is_calculated_anew_when_it_is_opened() -> None:
    data, left = translated("textbox-threaded-header.xlsx")
    assert 'fullCalcOnLoad="1"' in part(data, "xl/workbook.xml")
    for name in ("xl/drawings/drawing1.xml", "xl/threadedComments/threadedComment1.xml"):
        assert not HAN.search(part(data, name))
    assert left == {"formulas": 1, "named": 2, "names": 1}


def test_list_property_and_control_say_the_same() -> None:
    data, _ = translated("bound-control.docx")
    body, core = part(data, "word/document.xml"), part(data, "docProps/core.xml")
    title = re.search("<dc:title>(.*?)<", core)
    chosen = re.findall('displayText="(.*?)"', body)
    assert title and f">{title[1]}<" in body
    assert f">{chosen[0]}<" in body
    assert "第%1章" not in part(data, "word/numbering.xml")
    assert "%1" in part(data, "word/numbering.xml")


def test_xliff_says_that_it_is_translated_and_a_second_run_leaves_it() -> None:
    data, _ = translated("xliff-state.xlf")
    text = data.decode()
    assert text.count('state="translated"') == 2
    assert '</seg-source><target state="translated">' in text
    edited = text.replace('state="translated">I ', 'state="translated">You ')
    assert edited != text
    assert translated("a.xlf", edited.encode())[0].decode() == edited


def test_segment_of_xliff_2_says_that_it_is_translated() -> None:
    source = (
        '<xliff version="2.0" xmlns="urn:oasis:names:tc:xliff:document:2.0"><file><unit><segment>'
        '<source>你<mrk translate="no">书</mrk></source></segment></unit></file></xliff>'
    )
    data, left = translated("a.xlf", source.encode())
    assert '<segment state="translated"><source>' in data.decode()
    assert left == {"marked": 1}
    assert translated("a.xlf", data)[0] == data


TARGETS = [
    ("<target>书</target>", '<target state="translated">book</target>'),
    ("<target>__书</target>", '<target state="translated">book</target>'),
    ('<target state="new">a</target>', '<target state="translated">book</target>'),
    ('<target state="final">书</target>', '<target state="final">书</target>'),
    ("<target>a</target>", "<target>a</target>"),
]


@pytest.mark.parametrize(("target", "expected"), TARGETS)
def test_target_that_repeats_its_source_is_no_translation(target, expected) -> None:
    head = '<xliff version="1.2" xmlns="urn:oasis:names:tc:xliff:document:1.2"><file><body>'
    unit = f"<trans-unit><source>书</source>{target}</trans-unit>"
    new = "<trans-unit><source>你</source></trans-unit></body></file></xliff>"
    assert expected in translated("a.xlf", (head + unit + new).encode())[0].decode()


def test_catalogue_changes_in_the_strings_that_were_filled_and_nowhere_else() -> None:
    source = (CASES / "crlf.po").read_bytes()
    assert translated("crlf.po")[0] == source[: source.rindex(b'""')] + b'"you good"\r\n'


MESSAGES = [
    ("你<br>好<br/>我", "you<br>good<br/>I"),
    ("<b>你好", "<b>you good"),
    ("<p>你好</p>\n", "<p>you good</p>\n"),
    ("看书\tCtrl+O", "see book\tCtrl+O"),
    ("<b>名</b>\t\t字：\n\t大\t", "<b>name</b>\t\tword ：\n\tbig\t"),
    ("\n<p><b>你</b>\n</p>\n\n", "\n<p><b>you</b>\n</p>\n\n"),
    ("你好</b>", "you good</b>"),
    (
        "看<ruby>书<rp>(</rp><rt>shū</rt><rp>)</rp></ruby>",
        "see <ruby>book<rp>(</rp><rt>shū</rt><rp>)</rp></ruby>",
    ),
    ("看 <img src='a'> 书", "see <img src='a'> book"),
    ("<name> 你好", "<name> you good"),
    ("<b>你<i>好</b>我</i>", "<b>you<i> good</b> I</i>"),
    ("<a title='书'>你</a>", "<a title='书'>you</a>"),
    ("a<b 你 c>d", "a<b you c>d"),
    ("1 < 2 你", "1 < 2 you"),
]


@pytest.mark.parametrize(("source", "expected"), MESSAGES)
def test_tags_of_messages_stay_beside_their_words(source, expected) -> None:
    data, _ = translated("a.json", json.dumps([source]).encode())
    assert json.loads(data) == [expected]


MARKDOWN = [
    ("> [!NOTE]\n> 你好", "> [!NOTE]\n> you good"),
    ("> [!note] 书\n> 你好", "> [!note] book\n> you good"),
    ("::: tip\n你好\n:::", "::: tip\nyou good\n:::"),
    ("::: tip 书\n你好\n:::", "::: tip book\nyou good\n:::"),
    ('!!! note "书"\n    你好', '!!! note "book"\n    you good'),
    ('!!! note "书"\n\n    你好', '!!! note "book"\n\n    you good'),
    ("> <div>\n> 大 <b>小</b>\n> </div>", "> <div>\n> big <b>small</b>\n> </div>"),
    ("1. [   书](a)好", "1. [book](a) good"),
    ("!!! note\n    - 一\n    - 二", "!!! note\n    - one\n    - two"),
    (
        '??? tip "书"\n\n    你好\n\n    - 一\n\n        大\n',
        '??? tip "book"\n\n    you good\n\n    - one\n\n        big\n',
    ),
    (
        "!!! a\n\n    ??? b\n        1. 一\n        2. 二",
        "!!! a\n\n    ??? b\n        1. one\n        2. two",
    ),
    (
        "!!! a\n\n    ```\n    书\n    ```\n\n    你好",
        "!!! a\n\n    ```\n    书\n    ```\n\n    you good",
    ),
    (
        '=== "书"\n\n\t|大|小|\n\t|-|-|\n\t|一|二|',
        '=== "book"\n\n\t|big|small|\n\t|-|-|\n\t|one|two|',
    ),
    ("书[^1]\n\n[^1]: 大\n\n    - 一\n\n    好", "book[^1]\n\n[^1]: big\n\n    - one\n\n    good"),
    ("- 书\n\n  !!! a\n\n      你\n\n      好", "- book\n\n  !!! a\n\n      you\n\n      good"),
    ("书\n===\n\n    车\n\n好", "book\n===\n\n    车\n\ngood"),
    (r"看\(a_b\)和\[c*d\]", r"see \(a_b\) x \[c*d\]"),
    ("书\n: 你好", "book\n: you good"),
    ("你好\n{: .lead}", "you good\n{: .lead}"),
    ("# 书 {#a}", "# book {#a}"),
    ("看[[书]]", "see [[书]]"),
    ("看![[书.png]]", "see ![[书.png]]"),
    ("看[书]\n\n[书]: http://a", "see [book][书]\n\n[书]: http://a"),
    ("看[书][]\n\n[书]: http://a", "see [book][]\n\n[书]: http://a"),
    ("书[^1]\n\n[^1]: 你好", "book[^1]\n\n[^1]: you good"),
    ("书[^1]\n\n[^1]:你好\n    看", "book[^1]\n\n[^1]:you good see"),
    ("书 ^id", "book ^id"),
    (':::: {.a title="书"}\n你好\n::::', ':::: {.a title="书"}\nyou good\n::::'),
    (":::{tip} 书\n:class: a\n你好\n:::", ":::{tip} book\n:class: a\nyou good\n:::"),
    (':::tip{title="书"}\n你好\n:::', ':::tip{title="书"}\nyou good\n:::'),
    (":::note[书]{.a}\n你好\n:::", ":::note[book]{.a}\nyou good\n:::"),
    ("::card[书]{src=a}", "::card[book]{src=a}"),
    ("<ruby>书<rt>shū</rt></ruby>好", "<ruby>book<rt>shū</rt></ruby> good"),
    ('<p lang="zh">书</p>', '<p lang="en">book</p>'),
    ("/// note | 书\n你好\n///", "/// note | book\nyou good\n///"),
    ("{{< note >}}\n你好\n{{< /note >}}", "{{< note >}}\nyou good\n{{< /note >}}"),
    ("*[HTML]: 书", "*[HTML]: book"),
    ("你好^[书]。", "you good ^[book]."),
    ("[书]{.a} 好", "[book]{.a} good"),
    ("==书== ++车++ ~大~ ^小^", "==book== ++car++ ~big~ ^small^"),
    ("书 [车] 3~5", "book [ car ] 3~5"),
    (r"书 \[车\]", r"book \[ car \]"),
]


@pytest.mark.parametrize(("source", "expected"), MARKDOWN)
def test_markdown_dialects_keep_their_lines(source, expected) -> None:
    assert translated("a.md", source.encode())[0].decode() == expected


HTML = [
    ("<p><ruby>书<rt>shū</rt></ruby>好</p>", "<p><ruby>book<rt>shū</rt></ruby> good</p>"),
    ("<p><ruby>书<rt>shū</ruby>好</p>", "<p><ruby>book<rt>shū</ruby> good</p>"),
    (
        '<p aria-description="书">好<i aria-valuetext=车>大</i>',
        '<p aria-description="book">good <i aria-valuetext="car">big</i>',
    ),
    ("<p>你好 <%= a %>，大<% if (b) { %>小", "<p>you good <%= a %>， big<% if (b) { %> small"),
    ("<pre>大\t小\n\t水</pre>", "<pre>big\tsmall\n\twater</pre>"),
    ("<textarea>大\n小</textarea>", "<textarea>big\nsmall</textarea>"),
    ("<p>好<img alt='书' title=车></p>", "<p>good<img alt='book' title=\"car\"></p>"),
    (
        "<div translate=no>你<p translate=yes>好</p>你</div>",
        "<div translate=no>你<p translate=yes>good</p>你</div>",
    ),
    ("<meta name=description content='书'>好", "<meta name=description content='book'>good"),
    (
        '<html lang=zh xml:lang="zh-CN"><p lang="zh-Hans">好<i data-lang="zh">你</i>',
        '<html lang=en xml:lang="en"><p lang="en">good <i data-lang="zh">you</i>',
    ),
    (
        '<p translate="no" lang="zh">书</p><a hreflang="zh">好</a>',
        '<p translate="no" lang="zh">书</p><a hreflang="zh">good</a>',
    ),
    ('<html lang="zh"><code>你好</code>a 好', '<html lang="en"><code>你好</code>a good'),
]


@pytest.mark.parametrize(("source", "expected"), HTML)
def test_html_ruby_attributes_and_exceptions(source, expected) -> None:
    assert translated("a.html", source.encode())[0].decode() == expected


CUE = "1\n00:00:01,000 --> 00:00:02,000\n"
TABLES = [
    ("a.csv", '名,"大,小"\n3,"你 ""好"""\n', 'name,"big, small"\n3,"you "" good """\n'),
    ("a.csv", "你，我,3\n大，小,4\n", '"you, I",3\n"big, small",4\n'),
    ("a.txt", "名\t字\n\t书\t\t大", "name\tword\n\tbook\t\tbig"),
    ("a.txt", "名    字　　大\n书     3  你", "name    word　　big\nbook     3 you"),
    ("a.csv", "名;字\r\n3;书\r\n", "name;word\r\n3;book\r\n"),
    ("a.tsv", "名\t字\n\t书", "name\tword\n\tbook"),
    ("a.lrc", "[ti:书]\n[ar:李]\n[00:01.00][00:09.00]你好\n[00:02.00]\n",
     "[ti:book]\n[ar:李]\n[00:01.00][00:09.00]you good\n[00:02.00]\n"),
    ("a.ass", "[Script Info]\nTitle: x\n\n[Events]\nFormat: Start, End, Text\n"
     "Dialogue: 1,2,{\\an8}你好\\N我, 书\nComment: 1,2,你\n",
     "[Script Info]\nTitle: x\n\n[Events]\nFormat: Start, End, Text\n"
     "Dialogue: 1,2,{\\an8}you good\\NI, book\nComment: 1,2,你\n"),
    ("a.po", 'msgid "书"\nmsgstr "书"\n\nmsgid "OK"\nmsgstr "OK"\n',
     'msgid "书"\nmsgstr "book"\n\nmsgid "OK"\nmsgstr "OK"\n'),
    ("a.ass", "[Events]\nFormat: Text\nDialogue: {\\i1\\p1}m 0 0{\\p0}你{\\i0}\\h好",
     "[Events]\nFormat: Text\nDialogue: {\\i1\\p1}m 0 0{\\p0}you{\\i0}\\h good"),
    ("a.lrc", "[00:01.00]你\n好\n[大]\n[by:书]\n", "[00:01.00]you\ngood\n[big]\n[by:书]\n"),
    ("a.csv", '书,大\n"=COUNTIF(A:A,""书"")",车\n', '书,big\n"=COUNTIF(A:A,""书"")",car\n'),
    ("a.csv", '大书,小\n"=COUNTIF(A:A,""*书"")",车\n', '大书,small\n"=COUNTIF(A:A,""*书"")",car\n'),
    ("a.srt", f"{CUE}- 你好\n－我\n\n书\n\n{CUE}大\n",
     f"{CUE}- you good\n－I\n\nbook\n\n{CUE}big\n"),
    ("a.vtt", "WEBVTT\n\n00:01.000 --> 00:02.000\n你 &amp; 好 &lt; 我\n",
     "WEBVTT\n\n00:01.000 --> 00:02.000\nyou &amp; good &lt; I\n"),
    ("a.vtt", "WEBVTT\n\n00:01.000 --> 00:02.000\n你<ruby>书<rt>shū</ruby>\n",
     "WEBVTT\n\n00:01.000 --> 00:02.000\nyou <ruby>book<rt>shū</ruby>\n"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "source", "expected"), TABLES)
def test_lines_and_cells_keep_what_is_around_the_words(name, source, expected) -> None:
    assert translated(name, source.encode())[0].decode() == expected


OLD = [
    ("a.txt", "1\n\n书\n", "1\n\nbook\n"),
    ("a.md", "- 书\n- 车\n", "- book\n- car\n"),
    ("a.html", "<p>书\n<p>车\n", "<p>book\n<p>car\n"),
    ("a.srt", f"{CUE}书\n", f"{CUE}book\n"),
    ("a.vtt", f"WEBVTT\n\n{CUE}书\n", f"WEBVTT\n\n{CUE}book\n"),
    (
        "a.ass",
        "[Events]\nDialogue: 0,1,2,,,0,0,0,,书\n",
        "[Events]\nDialogue: 0,1,2,,,0,0,0,,book\n",
    ),
    ("a.lrc", "[00:01.00]书\n好\n", "[00:01.00]book\ngood\n"),
    ("a.csv", "1,书\n2,车\n", "1,book\n2,car\n"),
    ("a.po", 'msgid "书"\nmsgstr ""\n', 'msgid "书"\nmsgstr "book"\n'),
    ("a.json", '[\n"书"\n]\n', '[\n"book"\n]\n'),
]


@pytest.mark.parametrize(("name", "source", "expected"), OLD)
def test_lines_that_end_as_on_old_macs_are_lines(name, source, expected) -> None:
    data = source.replace("\n", "\r").encode("gb18030")
    assert translated(name, data)[0] == expected.replace("\n", "\r").encode("gb18030")


ENCODINGS = [
    ("你好，我爱你。", "gb18030", "gb18030"),
    ("我們要去哪裡呢？", "big5", "big5"),
    ("謝謝", "big5", "big5"),
    ("他说：“走。”", "gbk", "gbk"),
    ("このテストは日本語の文章です。", "shift_jis", None),
    ("こんにちは", "euc_jp", None),
    ("ありがとう。", "shift_jis", None),
    ("안녕하세요 세계 여러분", "euc_kr", None),
    ("Café crème, déjà vu", "latin-1", None),
]


@pytest.mark.parametrize(("text", "written", "read"), ENCODINGS)
def test_encodings_are_told_apart_or_refused(text, written, read) -> None:
    data = (text * (3 if read is None else 1)).encode(written)
    if read is None:
        with pytest.raises(DocumentError, match="UTF-8"):
            translated("a.txt", data)
    else:
        assert not HAN.search(translated("a.txt", data)[0].decode(read))


CLAIMS = [
    (
        "a.po",
        'msgid ""\nmsgstr "Content-Type: text/plain; charset=GB2312\\n"\n\nmsgid "你好"\nmsgstr ""',
    ),
    ("a.html", '<meta charset="big5"><p>你好'),
]


def test_xml_in_an_encoding_of_china_becomes_unicode() -> None:
    source = '<?xml version="1.0" encoding="GB2312"?>' + XLIFF.format("")
    data = translated("a.xlf", source.encode("gb2312"))[0]
    assert data.startswith(b'<?xml version="1.0" encoding="UTF-8"?>')
    assert '<source>你好</source><target state="translated">you good</target>' in data.decode()


@pytest.mark.parametrize(("name", "text"), CLAIMS)
def test_chinese_in_utf_8_is_read_so_whatever_it_says_of_itself(name, text) -> None:
    assert "you good" in translated(name, text.encode())[0].decode()


XLIFF = (
    '<xliff version="1.2" xmlns="urn:oasis:names:tc:xliff:document:1.2"><file><body>'
    "<trans-unit><source>你好</source></trans-unit>{}</body></file></xliff>"
)
LEFT = [
    ("a.json", '{"书": "你好<img alt=\'书\'>"}', {"keys": 1, "attributes": 1}),
    ("a.csv", '书,大\n"=COUNTIF(A:A,""书"")",车', {"formulas": 1, "named": 1}),
    ("a.ass", "Title: 书\n[Events]\nFormat: Text\nDialogue: 你好", {"properties": 1}),
    (
        "a.md",
        '你[好](a "书")<i title="车">大</i> $$大$$ [小]\n\n[小]: a "山"',
        {"attributes": 3, "formulas": 1},
    ),
    ("a.html", "好<math><mi>大</mi></math>", {"formulas": 1}),
    ("a.html", "好<%= t('书') %><?php echo '书' ?><!-- 书 --><%# 书 %>", {"code": 2}),
    ("a.md", "你好\n\n```\n书\n```", {"code": 1}),
    ("a.md", "你好 #书#", {"text": 1}),
    (
        "a.html",
        "<style>/* 书 */ p::before {content: '书'} b {font-family: '宋体'}</style>你好",
        {"code": 1},
    ),
    ("a.html", "<script>// 书\nalert('书' + \"车\" + 'a') /* '大' */</script>你好", {"code": 2}),
    ("a.html", "<input value='书'><iframe srcdoc='车'></iframe>你好", {"attributes": 2}),
    (
        "a.xlf",
        XLIFF.format("<bin-unit><bin-source>书</bin-source><note>车</note></bin-unit>"),
        {"text": 1},
    ),
    (
        "a.xlf",
        XLIFF.format(
            '<trans-unit><source>书</source><target state="final">书</target></trans-unit>'
        ),
        {"text": 1},
    ),
    (
        "a.xlf",
        XLIFF.format("<trans-unit><source>书<ph><sub>车</sub></ph></source></trans-unit>"),
        {"marked": 1},
    ),
    ("a.html", "<p>你好</p><p translate=no>书</p><code>车</code>", {"marked": 1, "code": 1}),
    (
        "a.po",
        'msgid ""\nmsgstr ""\n\nmsgid "你"\nmsgstr ""\n\n#, fuzzy\nmsgid "书"\nmsgstr "x"\n',
        {"fuzzy": 1},
    ),
]


@pytest.mark.parametrize(("name", "source", "left"), LEFT)
def test_what_stays_in_chinese_is_counted(name, source, left) -> None:
    assert translated(name, source.encode())[1] == left


@pytest.mark.parametrize(
    ("name", "source"), [("a.md", "```\n你好\n```"), ("a.json", json.dumps({"你好": 1}))]
)
def test_chinese_that_no_unit_holds_is_an_error(name, source) -> None:
    with pytest.raises(DocumentError, match="nothing in the document can be translated"):
        translated(name, source.encode())


def test_metadata_of_an_english_book_stays() -> None:
    source = (CASES / "text-html-chapters.epub").read_bytes()
    english = io.BytesIO()
    with zipfile.ZipFile(english, "w") as out:
        for name, data in entries(source).items():
            out.writestr(name, HAN.sub("a", data.decode()) if not name.endswith(".png") else data)
    assert b"<dc:language>en" not in b"".join(
        entries(translated("a.epub", english.getvalue())[0]).values()
    )


@pytest.mark.parametrize("name", ["a.pdf", "a.doc", "a.rtf", "a", "song.mp3"])
def test_other_types_are_refused_with_a_list(name) -> None:
    with pytest.raises(UnsupportedDocumentError, match=r"\.docx.*\.odt.*\.lrc"):
        find(name)
