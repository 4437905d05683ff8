"""Names of model versions: ``name:vX.Y.Z`` with an optional ``-suffix`` such as a git hash."""

from __future__ import annotations

import re
from dataclasses import dataclass

from csanmt.errors import InvalidInputError

_PART_LENGTH = 63  # BentoML's limit for a name and for a version
_NAME = re.compile(r"[a-z0-9]([-._a-z0-9]*[a-z0-9])?")
_NUMBER = r"(0|[1-9][0-9]{0,8})"
_VERSION = re.compile(rf"v{_NUMBER}\.{_NUMBER}\.{_NUMBER}(?:-([a-z0-9]+(?:[.-][a-z0-9]+)*))?")


@dataclass(frozen=True, slots=True)
class ModelTag:
    """A checked tag. The suffix may be a git hash, a hotfix name or a pre-release.

    Unlike strict SemVer a numeric suffix may start with 0, because a git hash may.
    """

    name: str
    version: str

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name) or len(self.name) > _PART_LENGTH:
            raise InvalidInputError(
                f"model name {self.name!r} is not allowed: lower-case letters, digits, '-', '_' "
                f"and '.', a letter or digit at both ends, at most {_PART_LENGTH} characters"
            )
        if not _VERSION.fullmatch(self.version) or len(self.version) > _PART_LENGTH:
            raise InvalidInputError(
                f"model version {self.version!r} is not allowed: write vX.Y.Z or vX.Y.Z-suffix in "
                f"small letters, at most {_PART_LENGTH} characters, e.g. v1.2.0 or v1.2.0-abc12de"
            )

    def __str__(self) -> str:
        return f"{self.name}:{self.version}"

    @classmethod
    def parse(cls, text: str | ModelTag) -> ModelTag:
        """Read ``name:vX.Y.Z[-suffix]``.

        Raises:
            InvalidInputError: says what is wrong with the tag and what one looks like.
        """
        if isinstance(text, ModelTag):
            return text
        name, colon, version = text.partition(":")
        if not colon:
            raise InvalidInputError(
                f"model tag {text!r} has no version; write name:vX.Y.Z, e.g. csanmt-zh-en:v1.0.0"
            )
        return cls(name, version)

    @property
    def numbers(self) -> tuple[int, int, int]:
        """Major, minor and patch."""
        match = _VERSION.fullmatch(self.version)
        assert match is not None  # __post_init__ saw to it
        return int(match[1]), int(match[2]), int(match[3])

    @property
    def suffix(self) -> str:
        """What follows the first hyphen of the version, or an empty string."""
        return self.version.partition("-")[2]

    def precedence(self, created: str = "") -> tuple[tuple[int, int, int], bool, str, str]:
        """Sort key, oldest first: numbers, then plain after suffixed (as in SemVer), then age.

        Args:
            created: ISO 8601 time in UTC; orders versions that differ in their suffix alone.
        """
        return self.numbers, not self.suffix, created, self.suffix
