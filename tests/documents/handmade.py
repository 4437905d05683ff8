"""Office documents and books of a few lines, for what no library writes."""

from __future__ import annotations

import io
import zipfile

_OFFICE = "http://schemas.openxmlformats.org/"
_TYPE = "application/vnd.openxmlformats-officedocument."
_WORD = (
    f'xmlns:w="{_OFFICE}wordprocessingml/2006/main" '
    f'xmlns:r="{_OFFICE}officeDocument/2006/relationships" '
    f'xmlns:m="{_OFFICE}officeDocument/2006/math" '
    f'xmlns:mc="{_OFFICE}markup-compatibility/2006" '
    'xmlns:v="urn:schemas-microsoft-com:vml" xmlns:o="urn:schemas-microsoft-com:office:office"'
)
_SHEET = f'xmlns="{_OFFICE}spreadsheetml/2006/main"'
_ODF = " ".join(
    f'xmlns:{prefix}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"'
    for prefix, name in (
        ("office", "office"),
        ("text", "text"),
        ("table", "table"),
        ("draw", "drawing"),
        ("svg", "svg-compatible"),
        ("form", "form"),
        ("style", "style"),
        ("meta", "meta"),
        ("presentation", "presentation"),
        ("number", "datastyle"),
    )
)
Files = dict[str, str | bytes]


def zipped(files: Files) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as out:
        for name, data in files.items():
            out.writestr(name, data)
    return target.getvalue()


def word(text: str) -> str:
    """A paragraph of Word."""
    return f"<w:p><w:r><w:t>{text}</w:t></w:r></w:p>"


def docx(body: str, files: Files | None = None, types: dict[str, str] | None = None) -> bytes:
    """``types``: content types of the other parts."""
    declared = _declared(
        {"word/document.xml": "wordprocessingml.document.main+xml", **(types or {})}
    )
    document = f"<w:document {_WORD}><w:body>{body}</w:body></w:document>"
    return zipped({"[Content_Types].xml": declared, "word/document.xml": document, **(files or {})})


def xlsx(cells: str, files: Files | None = None, types: dict[str, str] | None = None) -> bytes:
    """``cells``: rows, and what stands behind them in a sheet."""
    parts = {
        "xl/workbook.xml": "spreadsheetml.sheet.main+xml",
        "xl/worksheets/sheet1.xml": "spreadsheetml.worksheet+xml",
        **(types or {}),
    }
    book = f'<workbook {_SHEET}><sheets><sheet name="a" sheetId="1"/></sheets></workbook>'
    return zipped(
        {
            "[Content_Types].xml": _declared(parts),
            "xl/workbook.xml": book,
            "xl/worksheets/sheet1.xml": f"<worksheet {_SHEET}>{cells}</worksheet>",
            **(files or {}),
        }
    )


def rows(*texts: str) -> str:
    """Cells below one another."""
    cells = (f'<row><c t="inlineStr"><is><t>{t}</t></is></c></row>' for t in texts)
    return f"<sheetData>{''.join(cells)}</sheetData>"


def odf(kind: str, body: str, files: Files | None = None) -> bytes:
    media_type = f"application/vnd.oasis.opendocument.{kind}"
    manifest = (
        '<m:manifest xmlns:m="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0">'
        f'<m:file-entry m:full-path="/" m:media-type="{media_type}"/></m:manifest>'
    )
    content = f"<office:document-content {_ODF}>{body}</office:document-content>"
    return zipped({"META-INF/manifest.xml": manifest, "content.xml": content, **(files or {})})


def epub(metadata: str, items: dict[str, str], files: Files) -> bytes:
    """``items``: media types of the files in the book."""
    container = (
        '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container">'
        '<rootfile full-path="a.opf"/></container>'
    )
    manifest = "".join(f'<item href="{name}" media-type="{kind}"/>' for name, kind in items.items())
    package = (
        '<package xmlns="http://www.idpf.org/2007/opf" xmlns:dc="http://purl.org/dc/elements/1.1/">'
        f"<metadata>{metadata}</metadata><manifest>{manifest}</manifest></package>"
    )
    return zipped({"META-INF/container.xml": container, "a.opf": package, **files})


def _declared(types: dict[str, str]) -> str:
    named = "".join(
        f'<Override PartName="/{name}" ContentType="{kind if "/" in kind else _TYPE + kind}"/>'
        for name, kind in types.items()
    )
    return f'<Types><Default Extension="xml" ContentType="application/xml"/>{named}</Types>'
