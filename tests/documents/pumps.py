"""What a stranger may repeat: pieces that make a bad pattern or parser try again and again."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable

from tests.documents.handmade import docx, epub, odf, word, xlsx

PIECES = (
    "你", "a ", "\t", " ", "\n", "\r\n", "你\n\n", "a  \n", "*", "**", "_", "`", "``a", "[", "](",
    "![", "[^", "]", "\\", "<", "<a ", "<a>", "</a>", "<b>你", "<!--", "<!DOCTYPE<[>", "<![CDATA[",
    "&", "&lt;", "$", "$$", "$a", "{", "{:", "{{", "%", "|", "\n|a", "> ", "- ", "\n- a", "1. ",
    "#", ":", "::: a\n", "!!! a\n", '"', '""', ",", "-->", "00:00:01,000 --> 00:00:02,000\n",
    "{\\an8}", "{\\", "[[a]]", "@", "http://a", "a@b.", "=", "\n===\n", "~", "<?xml", "]]>",
    "[a]: b\n", "[^1]: a\n", "\n    a", '\n\nmsgid "a"\nmsgstr ""\n', "<rt>", "<ruby>",
    "[00:01.00]a\n", "[00:01.00]", "Dialogue: 0,a,b,c,d,1,2,3,,你\n", "　", "(", "(a)", "&C", "x",
)  # fmt: skip
HEADS = {
    ".vtt": "WEBVTT\n\n",
    ".srt": "1\n00:00:01,000 --> 00:00:02,000\n",
    ".ass": "[Events]\nFormat: a, b\n",
    ".lrc": "[00:01.00]x\n",
    ".json": '["',
    ".po": 'msgid ""\nmsgstr ""\n',
    ".html": "<html>",
    ".md": "",
    ".txt": "",
    ".csv": "",
    ".tsv": "",
    ".xlf": '<xliff version="1.2"><file><body><trans-unit><source>',
}
TAILS = {".json": '"]', ".xlf": "</source></trans-unit></body></file></xliff>"}
_FIELD = '<w:r><w:fldChar w:fldCharType="{}"/></w:r>'
# Containers, and what a stranger may repeat in their parts in XML.
CONTAINERS: dict[str, tuple[Callable[[str], bytes], tuple[str, ...]]] = {
    ".docx": (docx, (
        word("你"), "<w:p/>", "<w:sdt><w:sdtPr><w:date/></w:sdtPr></w:sdt>",
        '<w:p><w:pict><v:shape alt="你"/></w:pict></w:p>',
    )),
    ".docx/p": (lambda text: docx(f"<w:p>{text}</w:p>"), (
        "<w:r><w:t>你</w:t></w:r>", "<w:r><w:rPr><w:b/></w:rPr><w:t>你</w:t></w:r><w:r/>",
        _FIELD.format("begin"), _FIELD.format("begin") + _FIELD.format("end"), "<w:r><w:br/></w:r>",
        "<m:oMath><m:t>你</m:t></m:oMath>", "<w:hyperlink><w:r><w:t>a</w:t></w:r></w:hyperlink>",
    )),
    ".xlsx": (lambda text: xlsx(f"<sheetData>{text}</sheetData>"), (
        '<c t="inlineStr"><is><t>你</t></is></c>', '<c><f>A="你"</f></c>',
        '<c t="str"><f>FIND("好",A1)</f><v>你</v></c>', "<r/>",
    )),
    ".odt": (lambda text: odf("text", text), (
        "<text:p>你</text:p>", "<text:p>a<text:span>你</text:span></text:p>",
        '<table:table-cell office:string-value="你"/>', "<text:p><text:p>你</text:p></text:p>",
    )),
    ".epub": (lambda text: epub(text, {}, {}), (
        "<dc:title>你</dc:title>", "<dc:language>zh</dc:language>", "<meta>你</meta>",
    )),
}  # fmt: skip
STEP = 4  # how much longer the second input is
WORST = 8.0  # times its time; 16 would be quadratic, 4 linear, and clocks are coarse
WORTH = 0.02  # seconds: less says nothing


def seconds(run: Callable[[], object]) -> float:
    """Processor time of this process; what the last run left is no memory of this one."""
    gc.collect()
    started = time.process_time()
    run()
    return time.process_time() - started


def superlinear(run: Callable[[int], object], size: int) -> bool:
    """Whether ``run(4 * size)`` takes much more than four times what ``run(size)`` does.

    Looked at twice more before it is believed: a collection of garbage is not the input's.
    """
    for _ in range(3):
        short = seconds(lambda: run(size))
        if short < WORTH / STEP:
            return False
        if seconds(lambda: run(STEP * size)) < WORST * short:
            return False
    return True
