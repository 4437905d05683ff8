"""DeepL's ``tag_handling`` and what goes with it."""

from __future__ import annotations

import re
from functools import partial
from typing import Any

from csanmt.markup import html_rules, parse_markup, xml_rules
from serving.apis.deepl.errors import unsupported
from serving.texts import Parse

_LIST = re.compile(r"[,\s]+")
_NAME = re.compile(r"[^\s<>/\"'=]{1,200}")


def tag_parser(fields: dict[str, Any], split: str) -> Parse | None:
    """What parses the texts; None if they are plain.

    Raises:
        BadRequestError: a value that is not supported.
    """
    kind = fields.get("tag_handling", "")
    if kind not in ("", "html", "xml"):
        raise unsupported("tag_handling", "html or xml is")
    outline = str(fields.get("outline_detection", "1")).lower()
    if outline not in ("0", "1", "true", "false"):
        raise unsupported("outline_detection", "0 or 1 is")
    if fields.get("tag_handling_version", "v1") not in ("v1", "v2", ""):
        raise unsupported("tag_handling_version", "v1 or v2 is")
    names = [_names(fields, f) for f in ("splitting_tags", "non_splitting_tags", "ignore_tags")]
    if not kind:
        return None
    if kind == "html":
        return partial(parse_markup, rules=html_rules(*names))
    detected = outline in ("1", "true")
    return partial(parse_markup, rules=xml_rules(*names, outline=detected, collapse=split != "1"))


def _names(fields: dict[str, Any], field: str) -> tuple[str, ...]:
    """Tag names, separated by commas or blanks, or as a list."""
    value = fields.get(field, "")
    items = value if isinstance(value, list) else [value]
    if not all(isinstance(item, str) for item in items):
        raise unsupported(field, "tag names are, separated by commas or as a list")
    names = [name for item in items for name in _LIST.split(item) if name]
    if len(names) > 1000 or not all(map(_NAME.fullmatch, names)):
        raise unsupported(field, "at most 1000 names of tags are, without < and >")
    return tuple(names)
