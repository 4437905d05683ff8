"""docx, pptx, xlsx, epub: made and opened again by libraries that the product does not use."""

from __future__ import annotations

import io
from pathlib import Path

import docx
import openpyxl
import pptx
import pytest
import xlsxwriter
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls
from ebooklib import ITEM_DOCUMENT, epub
from lxml import etree
from openpyxl.cell.rich_text import TextBlock
from pptx.util import Inches

from csanmt.documents.limits import DocumentError
from tests.documents.conftest import entries

FIELD = (
    "<w:r {ns}><w:fldChar w:fldCharType='begin'/></w:r>",
    "<w:r {ns}><w:instrText>PAGE</w:instrText></w:r>",
    "<w:r {ns}><w:fldChar w:fldCharType='separate'/></w:r>",
    "<w:r {ns}><w:t>1</w:t></w:r>",
    "<w:r {ns}><w:fldChar w:fldCharType='end'/></w:r>",
)
LINK = '<w:hyperlink {ns} w:anchor="x"><w:r><w:t>这里</w:t></w:r></w:hyperlink>'
TEXT_BOX = """<w:r {ns} xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006">
<mc:AlternateContent><mc:Fallback><w:pict><w:txbxContent><w:p><w:r><w:t>小车</w:t></w:r></w:p>
</w:txbxContent></w:pict></mc:Fallback></mc:AlternateContent></w:r>"""


def saved(document) -> bytes:
    target = io.BytesIO()
    document.save(target)
    return target.getvalue()


def word_document() -> bytes:
    document = docx.Document()
    document.add_heading("你好", 1)
    paragraph = document.add_paragraph("我")
    paragraph.add_run("爱").bold = True
    paragraph.add_run("你")
    paragraph.add_run("。").font.hidden = None
    paragraph.add_run().add_break()
    paragraph.add_run("红色\t大", style="Strong")
    table = document.add_table(2, 2)
    table.cell(0, 0).text, table.cell(1, 1).text = "名字", "一二三"
    linked = document.add_paragraph("请看")
    for part in (LINK, TEXT_BOX):
        linked._p.append(parse_xml(part.format(ns=nsdecls("w"))))
    section = document.sections[0]
    section.header.paragraphs[0].text = "书"
    footer = section.footer.paragraphs[0]
    footer.text = "第"
    for part in FIELD:
        footer._p.append(parse_xml(part.format(ns=nsdecls("w"))))
    footer.add_run("页")
    return saved(document)


def test_word_keeps_runs_tables_links_fields_and_text_boxes(translate) -> None:
    source = word_document()
    result = translate("a.docx", source)
    document = docx.Document(io.BytesIO(result))
    heading, styled, linked = document.paragraphs
    assert (heading.text, heading.style.name) == ("you good", "Heading 1")
    assert styled.text == "I love you.\nred colour\tbig"
    assert [run.text for run in styled.runs if run.bold] == ["love"]
    assert "red colour" in [r.text for r in styled.runs if r.style.name == "Strong"]
    cells = [[cell.text for cell in row.cells] for row in document.tables[0].rows]
    assert cells == [["name word", ""], ["", "one two three"]]
    assert [link.text for link in linked.hyperlinks] == ["this here"]
    assert linked.text.startswith("please see this here")
    assert [t.text for t in linked._p.iterfind(".//{*}txbxContent//{*}t")] == ["small car"]
    section = document.sections[0]
    assert section.header.paragraphs[0].text == "book"
    footer = section.footer.paragraphs[0]._p
    names = [e.tag.rpartition("}")[2] for e in footer.iter()]
    assert names.count("fldChar") == 3
    assert section.footer.paragraphs[0].text.split() == ["number", "1", "page"]


def test_word_parts_without_text_stay_byte_for_byte(translate) -> None:
    source = word_document()
    before, after = entries(source), entries(translate("a.docx", source))
    assert list(before) == list(after)
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {"word/document.xml", "word/header1.xml", "word/footer1.xml"}


def test_powerpoint_keeps_slides_tables_and_notes(translate) -> None:
    deck = pptx.Presentation()
    slide = deck.slides.add_slide(deck.slide_layouts[1])
    slide.shapes.title.text = "你好"
    frame = slide.placeholders[1].text_frame
    frame.text = "我爱你"
    paragraph = frame.add_paragraph()
    for text, bold in (("红", True), ("色的车", False)):
        run = paragraph.add_run()
        run.text, run.font.bold = text, bold
    size = [Inches(n) for n in (1, 1, 3, 1)]
    slide.shapes.add_table(1, 2, *size).table.cell(0, 0).text = "大"
    slide.notes_slide.notes_text_frame.text = "请看书"
    (after,) = pptx.Presentation(io.BytesIO(translate("a.pptx", saved(deck)))).slides
    assert after.shapes.title.text == "you good"
    first, second = after.placeholders[1].text_frame.paragraphs
    assert first.text == "I love you"
    assert [r.text.strip() for r in second.runs if r.font.bold] == ["red"]
    assert second.text == "red colour of car"
    assert [s.table.cell(0, 0).text for s in after.shapes if s.has_table] == ["big"]
    assert after.notes_slide.notes_text_frame.text == "please see book"


def workbook() -> bytes:
    target = io.BytesIO()
    book = xlsxwriter.Workbook(target)
    sheet = book.add_worksheet()
    sheet.add_table(
        "A1:B2", {"columns": [{"header": "名"}, {"header": "字"}], "data": [["大小", 3]]}
    )
    sheet.write("D1", "你好")
    sheet.write_formula("D2", "=B2*2", None, 6)
    sheet.write_rich_string("E1", "红", book.add_format({"bold": True}), "色", "车")
    sheet.write_comment("D1", "请看")
    chart = book.add_chart({"type": "column"})
    chart.add_series({"values": "=Sheet1!$B$2:$B$2", "name": "书"})
    sheet.insert_chart("G1", chart)
    book.close()
    return target.getvalue()


def test_excel_keeps_numbers_formulas_charts_and_the_names_of_columns(translate) -> None:
    source = workbook()
    result = translate("a.xlsx", source)
    sheet = openpyxl.load_workbook(io.BytesIO(result), rich_text=True).active
    assert (sheet["A1"].value, sheet["A2"].value, sheet["B2"].value) == ("名", "big small", 3)
    assert (sheet["D1"].value, sheet["D2"].value) == ("you good", "=B2*2")
    assert sheet.tables["Table1"].column_names == ["名", "字"]
    assert sheet["D1"].comment.text == "please see"
    rich = sheet["E1"].value
    assert str(rich) == "red colour car"
    assert [part.text for part in rich if isinstance(part, TextBlock) and part.font.b] == ["colour"]
    before, after = entries(source), entries(result)
    assert {name for name in before if before[name] != after[name]} == {
        "xl/sharedStrings.xml",
        "xl/comments1.xml",
        "xl/charts/chart1.xml",
    }


def book(path: Path) -> bytes:
    volume = epub.EpubBook()
    volume.set_identifier("i")
    volume.set_title("书名")
    volume.set_language("zh")
    chapter = epub.EpubHtml(title="第一章", file_name="text/c 1.xhtml", lang="zh")
    chapter.content = "<h1>第一章</h1><p>我<b>爱</b>你。<br/>看<img src='a.png' alt=''/></p>"
    volume.add_item(chapter)
    volume.toc = (epub.Link("text/c 1.xhtml", "第一章", "x"),)
    volume.add_item(epub.EpubNcx())
    volume.add_item(epub.EpubNav())
    volume.spine = ["nav", chapter]
    epub.write_epub(str(path), volume)
    return path.read_bytes()


def test_book_keeps_chapters_contents_and_order(translate, tmp_path) -> None:
    (tmp_path / "en.epub").write_bytes(translate("a.epub", book(tmp_path / "zh.epub")))
    read = epub.read_epub(str(tmp_path / "en.epub"))
    assert (read.title, read.language, read.toc[0].title) == (
        "book name",
        "en",
        "number one chapter",
    )
    pages = {i.file_name: i.content for i in read.get_items_of_type(ITEM_DOCUMENT)}
    tree = etree.fromstring(pages["text/c 1.xhtml"])  # still well-formed
    assert [b.text for b in tree.iterfind(".//{*}b")] == ["love"]
    assert "I love you." in "".join(tree.itertext())
    first = (tmp_path / "en.epub").read_bytes()[30:58]
    assert first == b"mimetypeapplication/epub+zip"  # stored, and before all others


@pytest.mark.parametrize("name", ["a.docx", "a.pptx", "a.xlsx", "a.epub"])
def test_file_of_another_kind_is_refused(translate, name) -> None:
    other = word_document() if name != "a.docx" else workbook()
    for data in (b"PK\x03\x04", "你好".encode(), other):
        with pytest.raises(DocumentError):
            translate(name, data)
