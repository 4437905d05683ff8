"""Gettext catalogues (po): empty ``msgstr`` are filled; what is translated stays."""

from __future__ import annotations

import polib

from csanmt.documents.encoding import Decoded, decode
from csanmt.documents.limits import DocumentError, Limits
from csanmt.documents.messages import read_message
from csanmt.documents.protocol import Languages
from csanmt.documents.segments import marked, unmarked
from csanmt.markup import MarkedText, Placed

_PLURAL_FORMS = {"en": "nplurals=2; plural=(n != 1);", "zh": "nplurals=1; plural=0;"}


class Gettext:
    name = "Gettext catalogue"
    suffixes = (".po",)
    media_type = "text/x-gettext-translation"

    def open(self, data: bytes, limits: Limits, languages: Languages) -> _Catalogue:
        source = decode(data)
        if source.text and "msgid" not in source.text:
            raise DocumentError("a catalogue without a msgid")
        try:
            # polib reads a *file* when the text is the name of one; no name has line ends.
            catalogue = polib.pofile(source.text + "\n", encoding="utf-8", wrapwidth=78)
        except (OSError, ValueError, IndexError, KeyError, AttributeError) as error:
            raise DocumentError(f"not a gettext catalogue: {_reason(error)}") from None
        return _Catalogue(catalogue, source, languages)


def _reason(error: Exception) -> str:
    """polib's sentence without the text that it quotes."""
    return str(error).partition("(")[2].rstrip(")") or type(error).__name__


class _Catalogue:
    def __init__(self, catalogue: polib.POFile, source: Decoded, languages: Languages) -> None:
        self._catalogue, self._source, self._target = catalogue, source, languages.target
        empty = [e for e in catalogue if not e.obsolete and not e.translated() and not e.fuzzy]
        self.units = [unit for entry in empty for unit in _units(entry, self._forms())]

    def _forms(self) -> int:
        """How many plural forms the target has, by the header, else by its language."""
        given = self._catalogue.metadata.get("Plural-Forms", "")
        text = given if "nplurals=" in given and "INTEGER" not in given else ""
        digits = (text or _PLURAL_FORMS.get(self._target, "nplurals=2")).partition("nplurals=")[2]
        return min(int(digits[:1]) if digits[:1].isdigit() else 2, 6)

    def save(self) -> bytes:
        metadata = self._catalogue.metadata
        if any(unit.translation for unit in self.units):
            metadata["Language"] = metadata.get("Language") or self._target
            forms = metadata.get("Plural-Forms", "")
            if (not forms or "INTEGER" in forms) and self._target in _PLURAL_FORMS:
                metadata["Plural-Forms"] = _PLURAL_FORMS[self._target]
            metadata["Content-Type"] = "text/plain; charset=UTF-8"
            metadata.setdefault("Content-Transfer-Encoding", "8bit")
        return (str(self._catalogue).rstrip("\n") + "\n").encode()


class _MessageUnit:
    """One string of an entry: its msgstr, or one of its plural forms."""

    def __init__(self, entry: polib.POEntry, source: str, forms: tuple[int, ...] = ()) -> None:
        self._entry, self._source, self._forms = entry, source, forms
        self._message = read_message(source)
        self.translation = ""

    @property
    def text(self) -> MarkedText:
        return marked(self._message.segment)

    def put(self, translation: Placed) -> None:
        text = self._message.write(unmarked(translation))
        text = _same_ends(self._source, text)
        self.translation = text
        if self._forms:
            self._entry.msgstr_plural.update(dict.fromkeys(self._forms, text))
        else:
            self._entry.msgstr = text


def _units(entry: polib.POEntry, forms: int) -> list[_MessageUnit]:
    if not entry.msgid_plural:
        return [_MessageUnit(entry, entry.msgid)]
    plurals = tuple(range(1, forms)) if forms > 1 else (0,)
    units = [_MessageUnit(entry, entry.msgid_plural, plurals)]
    if forms > 1:
        units.insert(0, _MessageUnit(entry, entry.msgid, (0,)))
    return units


def _same_ends(source: str, text: str) -> str:
    """msgfmt wants a line break at the ends of both or of neither."""
    text = text.strip("\n")
    return "\n" * source.startswith("\n") + text + "\n" * source.endswith("\n")
