"""What people read in odd corners of office documents and books; what stays is said."""

from __future__ import annotations

import io
import re
import zipfile

import pytest

from csanmt.documents.formats import find
from csanmt.documents.limits import DocumentError, Limits
from csanmt.documents.protocol import Languages
from csanmt.documents.translation import take_apart, translate_document
from tests.documents.conftest import entries
from tests.documents.gloss import GlossTranslator
from tests.documents.handmade import Files, docx, epub, odf, rows, word, xlsx


def translated(name: str, data: bytes) -> tuple[str, dict[str, int]]:
    """All parts of the result in one text; what stays."""
    result = translate_document(GlossTranslator(), find(name), data)
    text = "\n".join(part.decode("utf-8", "replace") for part in entries(result.data).values())
    return text, {left.part: left.count for left in result.left}


FIELD = '<w:p><w:r><w:fldChar w:fldCharType="begin">{}</w:fldChar></w:r>{}</w:p>'
END = '<w:r><w:fldChar w:fldCharType="end"/></w:r>'
FORM = (
    '<w:ffData><w:helpText w:val="看"/><w:statusText w:val="书"/><w:textInput>'
    '<w:default w:val="大"/></w:textInput><w:ddList><w:listEntry w:val="小"/></w:ddList></w:ffData>'
)


def in_pieces(*texts: str) -> str:
    """A field's instruction as Word writes it."""
    return "".join(f"<w:r><w:instrText>{text}</w:instrText></w:r>" for text in texts)


SWITCHED = (
    "<w:p><mc:AlternateContent><mc:Choice><w:r><w:t>书</w:t></w:r></mc:Choice>"
    "<mc:Fallback><w:r><w:t>车</w:t></w:r></mc:Fallback></mc:AlternateContent></w:p>"
)
ITEM = '<w:sdt><w:sdtPr><w:comboBox><w:listItem w:value="{}"/></w:comboBox></w:sdtPr></w:sdt>'
# What Word's body holds, what is there instead of the Chinese, and what stays.
WORD: list[tuple[str, list[str], dict[str, int]]] = [
    ('<w:p><w:r><w:pict><v:shape alt="书" o:title="车"/></w:pict></w:r></w:p>',
     ['alt="book" o:title="car"'], {}),
    ("<w:p><m:oMath><m:r><m:t>大=x</m:t></m:r></m:oMath></w:p>", ["<m:t>big =x</m:t>"], {}),
    (SWITCHED, [">book<", ">car<", "</w:r></mc:Choice>"], {}),
    (FIELD.format(FORM, END), ['"see"', '"book"', '"big"', '"small"'], {}),
    (FIELD.format("", "<w:r><w:instrText> MACROBUTTON No [看]</w:instrText></w:r>" + END),
     [" MACROBUTTON No [ see ]<"], {}),
    (FIELD.format("", '<w:r><w:instrText>FILLIN "看"</w:instrText></w:r>' + END),
     ['FILLIN "see"'], {}),
    (FIELD.format("", '<w:r><w:instrText>IF a = "书" 1</w:instrText></w:r>' + END),
     ['"书"'], {"formulas": 1}),
    (FIELD.format("", "<w:r><w:instrText> SEQ 图 </w:instrText></w:r>" + END), ["图"], {}),
    (FIELD.format("", in_pieces('XE "', "书", '" \\b') + END), ['>XE "book" \\b<'], {}),
    (FIELD.format("", in_pieces('TC "大" \\l 1') + END + word("书")[5:-6]),
     ['TC "big" \\l 1', 'end"/></w:r><w:r><w:t xml:space="preserve">book<'], {}),
    (FIELD.format("", in_pieces("MACROBUTTON No [", "看", "]") + END), ["No [ see ]<"], {}),
    (FIELD.format("", in_pieces('XE "书:车"') + END), ["书:车"], {"formulas": 1}),
    (FIELD.format("", in_pieces("eq \\o\\ac(○,", "一", ")") + END), ["一"], {"formulas": 1}),
    (FIELD.format("", in_pieces('IF a = "', "书", '" 1') + END), ["书"], {"formulas": 1}),
    (FIELD.format("", in_pieces('XE "') + FIELD.format("", in_pieces("书"))[5:-6] + END
     + in_pieces('"') + END), ["书"], {"formulas": 1}),
    (FIELD.format("", '<w:r><w:instrText>DATE \\@ "M月"</w:instrText></w:r>' + END),
     ["M月"], {"number_formats": 1}),
    ('<w:p><w:fldSimple w:instr="TIME \\@ &quot;H时&quot;"><w:r><w:t>大</w:t></w:r></w:fldSimple>'
     "</w:p>", [">big<"], {"number_formats": 1}),
    ('<w:sdt><w:sdtPr><w:date><w:dateFormat w:val="M月"/></w:date></w:sdtPr></w:sdt>',
     ["M月"], {"number_formats": 1}),
    ('<w:lvl><w:numFmt w:val="chineseCounting"/><w:lvlText w:val="第%1章"/></w:lvl>',
     ['w:val="number %1 chapter"'], {"number_formats": 1}),
    (ITEM.format("书"), ['w:value="book"'], {}),
    ("<w:p><w:r><w:t>大</w:t></w:r><w:sdt><w:sdtPr><w:text/></w:sdtPr><w:sdtEndPr/><w:sdtContent>"
     "<w:r><w:t>书</w:t></w:r></w:sdtContent></w:sdt><w:smartTag><w:smartTagPr/><w:r><w:t>车</w:t>"
     "</w:r></w:smartTag></w:p>",
     ["<w:sdt><w:sdtPr><w:text/></w:sdtPr><w:sdtEndPr/><w:sdtContent><w:r>", ">book</w:t></w:r>"
      "</w:sdtContent></w:sdt>", "<w:smartTag><w:smartTagPr/><w:r>", ">car<"], {}),
    ("<w:p><w:r><w:unknown><w:x>书</w:x></w:unknown></w:r></w:p>", ["书"], {"text": 1}),
]  # fmt: skip


@pytest.mark.parametrize(("body", "there", "left"), WORD)
def test_word_is_read_wherever_it_says_something(body, there, left) -> None:
    text, found = translated("a.docx", docx(word("你好") + body))
    assert "you good" in text
    assert [piece for piece in there if piece not in text] == []
    assert found == left


OTHERS: list[tuple[str, Files, dict[str, int]]] = [
    ("image/svg+xml", {"word/a.svg": "<svg><text>书</text><script>车</script></svg>"},
     {"images": 1}),
    ("custom-properties+xml", {"docProps/custom.xml": "<P><lpwstr>书</lpwstr></P>"},
     {"properties": 1}),
    ("application/xml", {"customXml/item1.xml": "<a><b>书</b><b>书<c/>车</b></a>"},
     {"properties": 2}),
    ("wordprocessingml.settings+xml",
     {"word/settings.xml": '<s><docVar name="车" val="书"/><caption name="书"/></s>'},
     {"properties": 2}),
    ("presentationml.tags+xml", {"word/a.xml": '<t><tag name="A" val="书"/></t>'},
     {"properties": 1}),
    ("extended-properties+xml", {"docProps/app.xml": "<P><Company>书</Company></P>"}, {}),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "files", "left"), OTHERS)
def test_parts_that_are_not_read_are_looked_at(kind, files, left) -> None:
    (name,) = files
    assert translated("a.docx", docx(word("你好"), files, {name: kind}))[1] == left


MAIN = "wordprocessingml.document.main+xml"
MAINS = [
    "wordprocessingml.template.main+xml",
    "application/vnd.ms-word.document.macroEnabled.main+xml",
]


@pytest.mark.parametrize("kind", MAINS)
def test_template_and_document_with_macros_are_word_too(kind) -> None:
    source = docx(word("你好"), {}, {"word/document.xml": kind})
    assert ">you good<" in translated("a.docx", source)[0]


CHUNKS: list[tuple[str, str | bytes, str]] = [
    ("b c.xhtml", "<p>书</p>", "application/xhtml+xml"),
    ("b.docx", docx(word("书")), MAIN),  # typed as the Open XML SDK does
]


@pytest.mark.parametrize("around", ["document", "header1"])
@pytest.mark.parametrize(("name", "data", "kind"), CHUNKS)
def test_document_within_word_is_read_once(name, data, kind, around) -> None:
    relation = f'<R><Relationship Type="a/aFChunk" Target="{name.replace(" ", "%20")}"/></R>'
    files: Files = {f"word/_rels/{around}.xml.rels": relation, f"word/{name}": data}
    files |= {"word/header1.xml": "<h/>"}
    types = {"word/header1.xml": "wordprocessingml.header+xml", f"word/{name}": kind}
    source = docx(word("你好") + "<w:altChunk/>", files, types)
    result = translate_document(GlossTranslator(), find("a.docx"), source)
    chunk = entries(result.data)[f"word/{name}"]
    said = entries(chunk)["word/document.xml"] if name.endswith("docx") else chunk
    assert b">book<" in said
    assert not result.left


def test_control_and_known_property_say_the_same() -> None:
    control = (
        '<w:p><w:sdt><w:sdtPr><w:dataBinding w:xpath="/a:Properties[1]/a:Company[1]" '
        'w:storeItemID="{6668398D-A668-4E3E-A5EB-62B293D839F1}"/></w:sdtPr>'
        "<w:sdtContent><w:r><w:t>大山</w:t></w:r></w:sdtContent></w:sdt></w:p>"
    )
    app = {
        "docProps/app.xml": "<Properties><Company>大山</Company><Manager>山</Manager></Properties>"
    }
    text, left = translated(
        "a.docx", docx(control, app, {"docProps/app.xml": "extended-properties+xml"})
    )
    assert ">big hill</w:t>" in text
    assert "<Company>big hill</Company><Manager>山</Manager>" in text
    assert not left


def test_control_and_attribute_of_custom_xml_say_the_same() -> None:
    control = (
        '<w:p><w:sdt><w:sdtPr><w:dataBinding w:xpath="/a:b[1]/@a:title" w:storeItemID="{1}"/>'
        "</w:sdtPr><w:sdtContent><w:r><w:t>书</w:t></w:r></w:sdtContent></w:sdt></w:p>"
    )
    item, properties = "customXml/item1.xml", "customXml/itemProps1.xml"
    files: Files = {
        item: '<b title="书" id="车"/>',
        "customXml/_rels/item1.xml.rels": '<R><Relationship Type="a/customXmlProps" '
        'Target="itemProps1.xml"/></R>',
        properties: '<datastoreItem itemID="{1}"/>',
    }
    text, _ = translated("a.docx", docx(control, files, {item: "application/xml"}))
    assert ">book</w:t>" in text
    assert '<b title="book" id="车"/>' in text


BUTTON = (
    '<xml xmlns:v="urn:schemas-microsoft-com:vml"><v:shape alt="书"><v:textbox><div>'
    "<font>大</font><br/>小</div></v:textbox><ClientData><FmlaMacro>山</FmlaMacro></ClientData>"
    "</v:shape></xml>"
)
PIVOT = (
    '<pivotTableDefinition rowHeaderCaption="山"><dataFields><dataField name="水"/></dataFields>'
    "</pivotTableDefinition>"
)
SHEETS: list[tuple[str, str, str, list[str], dict[str, int]]] = [
    ("", "xl/a.vml", "vmlDrawing", ['alt="book"', "<font>big</font><br/>small</div>", "山"], {}),
    ("", "xl/b.vml", "vmlDrawing", ["<div>书"], {"text": 1}),
    ("", "xl/slicer1.xml", "application/vnd.ms-excel.slicer+xml",
     ['name="山" caption="book"'], {}),
    (rows("山", "水"), "xl/pivot.xml", "spreadsheetml.pivotTable+xml",
     [">山<", ">水<"], {"named": 2, "names": 1}),
    ('<hyperlinks><hyperlink display="书" location="山!A1"/></hyperlinks>', "", "",
     ['display="book" location="山!A1"'], {}),
    ('<sheetData><row><c t="str"><f>A1</f><v>书</v></c></row></sheetData>', "", "",
     ["<v>book</v>"], {}),
    ('<sheetData><row><c><f>MATCH("大"&amp;"小",A:A)</f></c></row></sheetData>' + rows("大小"),
     "", "", [">大小<"], {"named": 1, "formulas": 1}),
    ('<sheetData><row><c><f>VLOOKUP(A1&amp;"人",A:A,1)</f></c></row></sheetData>' + rows("大人"),
     "", "", [">大人<"], {"named": 1, "formulas": 1}),
    ('<sheetData><row><c><f>COUNTIF(A:A,"vip客户")</f></c></row></sheetData>' + rows("VIP客户"),
     "", "", [">VIP客户<"], {"named": 1, "formulas": 1}),
    ('<sheetData><row><c><f>COUNTIF(A:A,"大~?")</f></c></row></sheetData>' + rows("大?"),
     "", "", [">大?<"], {"named": 1, "formulas": 1}),
    ('<sheetData><row><c><f>MATCH(CONCATENATE(A1,"山"),A:A)</f></c></row></sheetData>'
     + rows("大山"), "", "", [">大山<"], {"named": 1, "formulas": 1}),
    ('<dataValidations><dataValidation><formula1>"一,二"</formula1></dataValidation>'
     "</dataValidations>", "", "", ["一,二"], {"formulas": 1}),
]  # fmt: skip
FILES: Files = {
    "xl/a.vml": BUTTON,
    "xl/b.vml": BUTTON.replace("<font>大</font><br/>", "书<br>"),
    "xl/slicer1.xml": '<slicers><slicer name="山" caption="书"/></slicers>',
    "xl/pivot.xml": PIVOT,
}


@pytest.mark.parametrize(("cells", "name", "kind", "there", "left"), SHEETS)
def test_workbook_is_read_wherever_it_says_something(cells, name, kind, there, left) -> None:
    files, types = ({name: FILES[name]}, {name: kind}) if name else ({}, {})
    text, found = translated("a.xlsx", xlsx(rows("你好") + cells, files, types))
    assert "you good" in text
    assert [piece for piece in there if piece not in text] == []
    assert found == left


CELL = '<table:table-cell{1} office:string-value="{0}"><text:p>{0}</text:p></table:table-cell>'
FORMULA = ' table:formula="of:=IF([.A1]=1;&quot;大&quot;;2)"'
ODF: list[tuple[str, list[str], dict[str, int]]] = [
    ("<text:p><draw:frame><svg:title>书</svg:title><svg:desc>车</svg:desc></draw:frame></text:p>",
     ["<svg:title>book</svg:title><svg:desc>car<"], {}),
    ('<form:button form:label="书" form:title="车" form:name="山"/>',
     ['form:label="book" form:title="car" form:name="山"'], {}),
    ('<style:x style:num-prefix="第"/><text:list-level-style-number style:num-prefix="第"/>',
     ['<text:list-level-style-number style:num-prefix="number"/>'], {}),
    ('<text:list-level-style-number style:num-format="一, 二, 三, ..."/>', ["一, 二"],
     {"number_formats": 1}),
    ("<text:p>大<text:placeholder>书</text:placeholder><text:bookmark-ref>车</text:bookmark-ref>"
     "</text:p>", [">book</text:placeholder>", ">car</text:bookmark-ref>"], {}),
    ('<text:p><text:drop-down><text:label text:value="大"/>大</text:drop-down></text:p>',
     ['text:value="big"/>big<'], {}),
    ("<presentation:footer-decl>书</presentation:footer-decl>", [">book<"], {}),
    ('<table:help-message table:title="书"><text:p>看</text:p></table:help-message>',
     ['table:title="book"><text:p>see<'], {}),
    (CELL.format("书", ""), ['string-value="book"><text:p>book<'], {}),
    (CELL.format("大山", FORMULA), ['string-value="大山"><text:p>大山<'], {"formulas": 1}),
    (CELL.format("书", ' table:formula="of:=[.A1]"'), ['string-value="book"><text:p>book<'], {}),
    ('<table:filter-condition table:value="书"/>' + CELL.format("书", ""), ["<text:p>书"],
     {"named": 1}),
    ('<table:filter-set-item table:value="书"/>' + CELL.format("书", ""), ["<text:p>书"],
     {"named": 1}),
    ('<table:data-pilot-field table:source-field-name="书"><table:data-pilot-member '
     'table:name="车"/></table:data-pilot-field>' + CELL.format("书", "") + CELL.format("车", ""),
     ["<text:p>书", "<text:p>车"], {"named": 2}),
    ('<table:condition table:value="contains-text(&quot;山&quot;)"/>' + CELL.format("大山", ""),
     ["<text:p>大山"], {"named": 1, "formulas": 1}),
    ('<table:condition table:value="=&quot;山&quot;"/>' + CELL.format("大山", ""),
     ["<text:p>big hill"], {"formulas": 1}),
    ('<table:named-expression table:expression="&quot;山&quot;"/>' + CELL.format("山", ""),
     ["<text:p>山"], {"named": 1, "formulas": 1}),
    ('<text:user-field-decl office:string-value="书" text:name="山"/>',
     ['string-value="book" text:name="山"'], {}),
    ('<text:p>大<text:alphabetical-index-mark text:string-value="书" text:key1="车"/>'
     '<text:conditional-text text:string-value-if-true="小" text:condition="a">小'
     "</text:conditional-text></text:p>",
     ['>big<text:alphabetical-index-mark text:string-value="book" text:key1="car"/>',
      'if-true="small" text:condition="a">small<'], {}),
    ("<text:index-title-template>书</text:index-title-template>", [">book<"], {}),
    ('<table:table-cell table:formula="of:=LEFT([.A1];1)=&quot;大&quot;"/>'
     + CELL.format("大山", ""), ["<text:p>大山"], {"named": 1, "formulas": 1}),
    ('<table:table-cell table:formula="of:=COUNTIF([.A1];&quot;.*山&quot;)"/>'
     + CELL.format("大山", ""), ["<text:p>大山"], {"named": 1, "formulas": 1}),
    ("<number:number-style><number:text>水</number:text></number:number-style>", [">水<"],
     {"number_formats": 1}),
    ('<table:table table:name="书"/><table:named-range table:name="车"/>', ["书", "车"],
     {"names": 2}),
    ("<office:x>书</office:x>", [">书<"], {"text": 1}),
]  # fmt: skip


@pytest.mark.parametrize(("body", "there", "left"), ODF)
def test_opendocument_is_read_wherever_it_says_something(body, there, left) -> None:
    text, found = translated("a.odt", odf("text", "<text:p>你好</text:p>" + body))
    assert "you good" in text
    assert [piece for piece in there if piece not in text] == []
    assert found == left


def test_formula_in_a_document_and_its_own_properties_are_said() -> None:
    files: Files = {
        "Object 1/content.xml": "<math><mtext>大</mtext></math>",
        "meta.xml": "<a><creator>山</creator><user-defined>书</user-defined></a>",
    }
    left = translated("a.odt", odf("text", "<text:p>你好</text:p>", files))[1]
    assert left == {"formulas": 1, "properties": 1}


NCX = '<ncx xmlns="n" xml:lang="zh-CN"><docTitle><text>书</text></docTitle></ncx>'
ENTITY = '<!DOCTYPE ncx PUBLIC "-//NISO//DTD ncx 2005-1//EN" "x" [<!ENTITY a "b">]>'
DOCTYPES = [
    ('<!DOCTYPE ncx PUBLIC "-//NISO//DTD ncx 2005-1//EN" "http://a/ncx.dtd">', True),
    ('<!DOCTYPE ncx SYSTEM "http://www.daisy.org/z3986/2005/ncx-2005-1.dtd">', True),
    ('<!DOCTYPE ncx PUBLIC "-//NISO//DTD ncx 2005-1//EN" "x" []>', True),
    ("<!DOCTYPE ncx>", True),
    ('<!DOCTYPE ncx SYSTEM "file:///etc/passwd">', False),
    (ENTITY, False),
    (ENTITY.replace("ENTITY a", "ATTLIST text a CDATA"), False),
]


@pytest.mark.parametrize(("doctype", "accepted"), DOCTYPES)
def test_doctypes_of_the_standards_are_accepted_and_no_entities(doctype, accepted) -> None:
    data = epub("", {"a.ncx": "application/x-dtbncx+xml"}, {"a.ncx": doctype + NCX})
    if accepted:
        assert 'xml:lang="en"><docTitle><text>book</text>' in translated("a.epub", data)[0]
    else:
        with pytest.raises(DocumentError, match="entities"):
            translated("a.epub", data)


def test_package_of_an_old_book_is_read_and_says_what_it_keeps() -> None:
    metadata = (
        '<dc:Title>书</dc:Title><dc:Language>zh-cn</dc:Language><meta name="calibre:series" '
        'content="车"/><meta name="calibre:author_link_map" content="山"/>'
    )
    kinds = {
        "A.HTM": "text/x-oeb1-document",
        "a.css": "text/css",
        "a.js": "text/javascript",
        "b.xhtml": "text/xhtml",
    }
    files: Files = {
        "a.htm": "<p>你好</p>",
        "b.xhtml": "<p>小</p>",
        "a.js": "alert('水') // 大",
        "a.css": "p::before{content:'大'} b{font-family:'宋体'}",
    }
    text, left = translated("a.epub", epub(metadata, kinds, files))
    assert "<dc:Title>book</dc:Title><dc:Language>en</dc:Language>" in text
    assert "<p>small</p>" in text
    assert left == {"properties": 1, "code": 2}


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030"])
def test_names_of_entries_that_do_not_say_their_encoding_are_found(encoding) -> None:
    class Unsaid(zipfile.ZipInfo):
        def _encodeFilenameFlags(self) -> tuple[bytes, int]:
            return self.filename.encode(encoding), 0

    files = {"第一.html": "<p>你好</p>".encode(), "图.png": b""}
    source = epub("", {"第一.html": "text/html"}, files)
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as out:
        for name, data in entries(source).items():
            out.writestr(Unsaid(name), data)
    result = entries(translate_document(GlossTranslator(), find("a.epub"), target.getvalue()).data)
    assert result["第一.html"] == b"<p>you good</p>"
    assert "图.png" in result


def test_book_says_what_stays_in_its_images_and_its_package() -> None:
    data = epub(
        '<dc:title>书</dc:title><dc:creator>山</dc:creator><meta property="a">水</meta>',
        {"a.svg": "image/svg+xml", "a.html": "application/xhtml+xml"},
        {"a.svg": "<svg><title>大</title></svg>", "a.html": "<p>你好<math><mi>大</mi></math></p>"},
    )
    text, left = translated("a.epub", data)
    assert re.search("<dc:title>book</dc:title><dc:creator>山<", text)
    assert left == {"formulas": 1, "images": 1, "properties": 1}


def test_tags_between_words_count_as_no_characters() -> None:
    page = "<p>你<img src=a>好<wbr>吗</p>".encode()
    assert take_apart(find("a.html"), page, Limits(), Languages("zh", "en")).characters == 3
