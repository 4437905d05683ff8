"""JSON: string values are translated; keys, numbers, order and layout stay as they are."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from csanmt.documents.encoding import decode
from csanmt.documents.leftovers import count
from csanmt.documents.limits import DocumentError, Limits
from csanmt.documents.messages import Message, read_message
from csanmt.documents.metering import metered
from csanmt.documents.patches import Patches, PatchUnit
from csanmt.documents.plain import Render, TextDocument
from csanmt.documents.protocol import Languages
from csanmt.documents.segments import Segment
from csanmt.surrogates import lone_surrogate

# In valid JSON this finds every string and nothing else.
_STRING = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"')
_COLON = re.compile(r"\s*+:")


class JsonValues:
    name = "JSON (values)"
    suffixes = (".json",)
    media_type = "application/json"

    def open(self, data: bytes, limits: Limits, languages: Languages) -> TextDocument:
        source = decode(data)
        try:
            json.loads(source.text)
        except RecursionError:
            raise DocumentError("JSON nested too deep") from None
        except ValueError as error:
            raise DocumentError(f"not JSON: {str(error).partition(';')[0]}") from None
        ascii_only = source.text.isascii()
        keys: list[str] = []

        def units() -> Iterator[PatchUnit[str]]:
            for found in _STRING.finditer(source.text):
                if _COLON.match(source.text, found.end()):
                    keys.append(json.loads(found[0], strict=False))
                else:
                    yield _unit(found, ascii_only)

        changes = list(metered(units(), limits))
        return TextDocument(
            source.text,
            changes,
            source.encode,
            lambda result: self.open(source.again(result), limits, languages),
            count("keys", keys),
        )


def _unit(found: re.Match[str], ascii_only: bool) -> PatchUnit[str]:
    value = json.loads(found[0], strict=False)
    if lone_surrogate(value) is not None:
        raise DocumentError("a string holds half of a surrogate pair")
    message = read_message(value)
    return PatchUnit(message.segment, *found.span(), _rendering(message, ascii_only))


def _rendering(message: Message, ascii_only: bool) -> Render:
    def render(segment: Segment, _patches: Patches[str]) -> str:
        return json.dumps(message.write(segment), ensure_ascii=ascii_only)

    return render
