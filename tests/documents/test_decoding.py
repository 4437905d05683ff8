"""A document is decoded as its version says, unless somebody says otherwise."""

from __future__ import annotations

import pytest

from csanmt.documents.formats import find
from csanmt.documents.translation import translate_document
from csanmt.translator import DecodingOptions
from tests.stub_translator import StubTranslator

OWN = DecodingOptions(beam=3, length_penalty=1.0, max_length=160)
OTHER = DecodingOptions(beam=2)


class Telling(StubTranslator):
    decoding = OWN
    seen: DecodingOptions

    def translate(self, sources, options=DecodingOptions(), *, should_stop=None):
        self.seen = options
        return super().translate(sources, options, should_stop=should_stop)


@pytest.mark.parametrize(("given", "used"), [((), OWN), ((OTHER,), OTHER)])
def test_the_options_are_the_versions_own(given, used: DecodingOptions) -> None:
    translator = Telling()
    translate_document(translator, find("a.txt"), "你好。".encode(), *given)
    assert translator.seen == used
