"""The formats there are, and which one a file is in."""

from __future__ import annotations

from pathlib import PurePosixPath

from csanmt.documents.catalogues import Gettext
from csanmt.documents.epub import Epub
from csanmt.documents.hypertext import Html
from csanmt.documents.json_values import JsonValues
from csanmt.documents.limits import UnsupportedDocumentError
from csanmt.documents.lyrics import Ass, Lrc
from csanmt.documents.markdown import Markdown
from csanmt.documents.office import Docx, Pptx, Xlsx
from csanmt.documents.opendocument import Odp, Ods, Odt
from csanmt.documents.plain import PlainText
from csanmt.documents.protocol import Format
from csanmt.documents.subtitles import SubRip, WebVtt
from csanmt.documents.tables import Csv, Tsv
from csanmt.documents.xliff import Xliff

FORMATS: tuple[Format, ...] = (
    PlainText(), Markdown(), Html(), SubRip(), WebVtt(), Docx(), Pptx(), Xlsx(), Epub(),
    Odt(), Ods(), Odp(), Gettext(), Xliff(), JsonValues(), Csv(), Tsv(), Ass(), Lrc(),
)  # fmt: skip
SUFFIXES = tuple(suffix for known in FORMATS for suffix in known.suffixes)


def find(name: str) -> Format:
    """The format of a file of this name.

    Raises:
        UnsupportedDocumentError: none here; lists the suffixes there are.
    """
    suffix = PurePosixPath(name.replace("\\", "/")).suffix.lower()
    for known in FORMATS:
        if suffix in known.suffixes:
            return known
    given = f"{suffix!r} files are not" if suffix else "a file without a suffix is not"
    raise UnsupportedDocumentError(f"{given} supported; these are: {', '.join(SUFFIXES)}")
