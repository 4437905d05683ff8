"""What the tests of documents share: a whole translation in one call."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable

import pytest

from csanmt.documents.formats import find
from csanmt.documents.limits import Limits
from csanmt.documents.translation import translate_document
from tests.documents.gloss import GlossTranslator

Translate = Callable[..., bytes]


@pytest.fixture
def translate() -> Translate:
    """``translate("a.txt", data)``: the bytes of the translated document."""

    def run(name: str, data: bytes | str, limits: Limits = Limits()) -> bytes:
        body = data.encode() if isinstance(data, str) else data
        return translate_document(GlossTranslator(), find(name), body, limits=limits).data

    return run


def entries(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}
