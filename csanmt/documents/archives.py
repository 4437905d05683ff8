"""ZIP containers (docx, pptx, xlsx, epub), opened with suspicion and written back as they came.

Those of Office Open XML (OPC) have content types and relations.
"""

from __future__ import annotations

import io
import posixpath
import re
import stat
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from urllib.parse import unquote

from csanmt.documents.limits import MEGABYTE, DocumentError, DocumentTooLargeError, Limits
from csanmt.documents.xml_source import find, in_utf8

_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_ENCRYPTED = 0x1
_DAMAGED = (
    zipfile.BadZipFile, zipfile.LargeZipFile, zlib.error, EOFError, OSError, ValueError,
    NotImplementedError, RuntimeError, IndexError,
)  # fmt: skip
_TYPES = "[Content_Types].xml"
# In which programs write the names of entries without saying so; the last one reads any.
_NAMES = ("utf-8", "gb18030", "cp437")


class Archive:
    """Entries of an archive by name; nothing is ever unpacked to the disk.

    Raises:
        DocumentError: no archive, damaged, encrypted, or with names that leave it.
        DocumentTooLargeError: too many entries, too large, or packed like a bomb.
    """

    def __init__(self, data: bytes, limits: Limits) -> None:
        self._limits = limits
        self._zip = _opened(data)
        self._check()
        self.names = frozenset(self._zip.namelist())
        self._folded = {_folded(name): name for name in sorted(self.names)}

    def find(self, name: str) -> str | None:
        """The entry of this name, written in whatever case and with whatever slashes."""
        return name if name in self.names else self._folded.get(_folded(name))

    def read(self, name: str) -> bytes:
        """An entry. Raises DocumentError when it is missing or damaged."""
        try:
            info = self._zip.getinfo(name)
        except KeyError:
            raise DocumentError(f"the document lacks its part {name!r}") from None
        if info.file_size > self._limits.part:
            raise DocumentTooLargeError(
                f"part {name!r} has {info.file_size} bytes; allowed is {self._limits.part}"
            )
        return self._bytes(info)

    def xml(self, name: str) -> bytes:
        """An entry of XML in UTF-8."""
        return in_utf8(self.read(name))

    def rewritten(self, changed: Mapping[str, bytes]) -> bytes:
        """The archive with some entries' bytes exchanged: same order, times and methods."""
        target = io.BytesIO()
        with zipfile.ZipFile(target, "w") as out:
            out.comment = self._zip.comment
            for info in self._zip.infolist():
                copy = zipfile.ZipInfo(info.filename, info.date_time)
                copy.compress_type = info.compress_type
                copy.external_attr, copy.create_system = info.external_attr, info.create_system
                body = changed.get(info.filename)
                out.writestr(copy, self._bytes(info) if body is None else body)
        return target.getvalue()

    def size(self, name: str) -> int:
        """Of an entry when unpacked."""
        return self._zip.getinfo(name).file_size

    def _bytes(self, info: zipfile.ZipInfo) -> bytes:
        try:
            with self._zip.open(info) as stream:
                data = stream.read(info.file_size + 1)
        except _DAMAGED:
            raise DocumentError(f"part {info.filename!r} is damaged") from None
        if len(data) != info.file_size:
            raise DocumentError(f"part {info.filename!r} is not as long as it claims")
        return data

    def _check(self) -> None:
        entries = self._zip.infolist()
        if len(entries) > self._limits.entries:
            raise DocumentTooLargeError(
                f"{len(entries)} entries in the archive; allowed is {self._limits.entries}"
            )
        total = sum(info.file_size for info in entries)
        if total > self._limits.unpacked:
            raise DocumentTooLargeError(
                f"{total} bytes when unpacked; allowed is {self._limits.unpacked}"
            )
        if len({info.filename for info in entries}) != len(entries):
            raise DocumentError("the archive holds two entries of one name")
        for info in entries:
            self._check_entry(info)

    def _check_entry(self, info: zipfile.ZipInfo) -> None:
        name = info.orig_filename
        if name.startswith(("/", "\\")) or ".." in name.replace("\\", "/").split("/"):
            raise DocumentError("the archive holds a name that leads out of it")
        if "\0" in name or ":" in name.split("/")[0] or stat.S_ISLNK(info.external_attr >> 16):
            raise DocumentError("the archive holds a link or a name that is no plain path")
        if info.flag_bits & _ENCRYPTED:
            raise DocumentError("the document is encrypted; remove its password first")
        if info.compress_type not in _METHODS:
            raise DocumentError("the archive is packed in an unusual way")
        packed = max(info.compress_size, 1)
        if info.file_size > MEGABYTE and info.file_size / packed > self._limits.ratio:
            raise DocumentTooLargeError(
                f"an entry unpacks to more than {self._limits.ratio} times its size"
            )


def _opened(data: bytes) -> zipfile.ZipFile:
    for encoding in _NAMES:
        try:
            return zipfile.ZipFile(io.BytesIO(data), metadata_encoding=encoding)
        except UnicodeDecodeError:
            continue
        except _DAMAGED:
            break
    raise DocumentError("this is not the archive its name says, or it is damaged")


def _folded(name: str) -> str:
    return posixpath.normpath(unquote(name.replace("\\", "/")).lstrip("/")).lower()


class Package:
    """An archive whose parts have content types.

    Raises:
        DocumentError: it lacks them, or its names lead out of it.

    Attributes:
        types: content type of every part there is, by its name in the archive.
    """

    def __init__(self, archive: Archive, limits: Limits) -> None:
        self.archive, self._limits = archive, limits
        source = archive.xml(archive.find(_TYPES) or _TYPES)
        named: dict[str, str] = {}
        usual: dict[str, str] = {}
        for element in find(source, limits, "Override", "Default"):
            kind = element.attribute("ContentType").strip()
            if element.name == "Default":
                usual[element.attribute("Extension").lower()] = kind
            elif (part := archive.find(element.attribute("PartName"))) is not None:
                named[part] = kind
        self.types: dict[str, str] = {}
        for part in archive.names:
            suffix = part.rpartition(".")[2].lower()
            if kind := named.get(part) or usual.get(suffix, ""):
                self.types[part] = kind

    def of_types(self, ends: tuple[str, ...]) -> list[str]:
        """Parts whose content type ends so, slide2 before slide10."""
        parts = [name for name, kind in self.types.items() if kind.lower().endswith(ends)]
        return sorted(parts, key=_natural)

    def related(self, part: str, kind: str) -> Iterator[str]:
        """Parts that ``part`` has a relation of this kind (the end of its name) with."""
        folder, name = posixpath.split(part)
        relations = self.archive.find(posixpath.join(folder, "_rels", f"{name}.rels"))
        if relations is None:
            return
        for relation in find(self.archive.xml(relations), self._limits, "Relationship"):
            if not relation.attribute("Type").endswith(f"/{kind}"):
                continue
            target = relation.attribute("Target")
            joined = target if target.startswith("/") else posixpath.join(folder, target)
            if (found := self.archive.find(posixpath.normpath(joined))) is not None:
                yield found


def _natural(name: str) -> list[int | str]:
    """The main part before headers and notes is by luck of the alphabet."""
    return [int(part) if part.isdigit() else part for part in re.split(r"([0-9]{1,9})", name)]
