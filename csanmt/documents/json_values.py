"""JSON: string values are translated; keys, numbers, order and layout stay as they are."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator

from csanmt.documents.leftovers import Part, count
from csanmt.documents.limits import DocumentError
from csanmt.documents.messages import Message, read_message
from csanmt.documents.patches import Patches, PatchUnit
from csanmt.documents.plain import Render, TextFormat
from csanmt.documents.segments import Segment
from csanmt.surrogates import lone_surrogate

# In valid JSON this finds every string and nothing else.
_STRING = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"')
_COLON = re.compile(r"\s*+:")


class JsonValues(TextFormat):
    name = "JSON (values)"
    suffixes = (".json",)
    media_type = "application/json"

    def changes(self, text: str, kept: Counter[Part]) -> Iterator[PatchUnit[str]]:
        try:
            json.loads(text)
        except RecursionError:
            raise DocumentError("JSON nested too deep") from None
        except ValueError as error:
            raise DocumentError(f"not JSON: {str(error).partition(';')[0]}") from None
        ascii_only = text.isascii()
        for found in _STRING.finditer(text):
            if _COLON.match(text, found.end()):
                kept += count("keys", [json.loads(found[0], strict=False)])
            else:
                message = _message(found)
                kept += count("attributes", message.raw.values())
                render = _rendering(message, ascii_only)
                yield PatchUnit(message.segment, *found.span(), render)


def _message(found: re.Match[str]) -> Message:
    value = json.loads(found[0], strict=False)
    if lone_surrogate(value) is not None:
        raise DocumentError("a string holds half of a surrogate pair")
    return read_message(value)


def _rendering(message: Message, ascii_only: bool) -> Render:
    def render(segment: Segment, _patches: Patches[str]) -> str:
        return json.dumps(message.write(segment), ensure_ascii=ascii_only)

    return render
