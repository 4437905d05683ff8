"""JSON: the values that are strings are translated; keys, numbers and layout stay."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator

from csanmt.documents.leftovers import Part, count
from csanmt.documents.limits import DocumentError
from csanmt.documents.messages import read_message
from csanmt.documents.patches import PatchUnit
from csanmt.documents.protocol import Languages
from csanmt.documents.segments import Tag, written
from csanmt.surrogates import lone_surrogate

# In valid JSON this finds every string and nothing else.
_STRING = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"')
_COLON = re.compile(r"\s*+:")


def json_values(text: str, kept: Counter[Part], _: Languages) -> Iterator[PatchUnit[str]]:
    """The values. Raises DocumentError: it is no JSON."""
    try:
        json.loads(text)
    except RecursionError:
        raise DocumentError("JSON nested too deep") from None
    except ValueError as error:
        raise DocumentError(f"not JSON: {str(error).partition(';')[0]}") from None
    ascii_only = text.isascii()
    for found in _STRING.finditer(text):
        value = json.loads(found[0], strict=False)
        if _COLON.match(text, found.end()):
            kept += count("keys", [value])
            continue
        if lone_surrogate(value) is not None:
            raise DocumentError("a string holds half of a surrogate pair")
        segment = read_message(value)
        kept += count("attributes", (tag.raw for tag in segment if isinstance(tag, Tag)))
        yield PatchUnit(
            segment, *found.span(), lambda s, _: json.dumps(written(s), ensure_ascii=ascii_only)
        )
