"""API keys: stored as hashes, limited to scopes, with their own allowances.

The key file is JSON and holds no secret that could be used::

    {"keys": [{"name": "website", "sha256": "…64 hex digits…", "scopes": ["translate"],
               "requests_per_minute": 600, "characters_per_day": 2000000}]}

A key is 32 random bytes, so a plain SHA-256 of it cannot be guessed back.
"""

from __future__ import annotations

import hashlib
import json
import re
import secrets
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from csanmt.errors import ConfigurationError
from csanmt.tables import build

KEY_PREFIX = "csk_"
KeyScope = Literal["translate", "metrics", "admin"]
SCOPES: tuple[KeyScope, ...] = get_args(KeyScope)


@dataclass(frozen=True, slots=True)
class ApiKey:
    """One key as stored. Zero allowances mean no limit of its own."""

    name: str
    sha256: str
    scopes: tuple[KeyScope, ...] = ("translate",)
    requests_per_minute: int = 0
    characters_per_day: int = 0

    def allows(self, scope: str) -> bool:
        return scope in self.scopes or "admin" in self.scopes


class KeyRing:
    """The known keys by the hash of the secret; an empty ring means keys are off."""

    def __init__(self, keys: tuple[ApiKey, ...] = ()) -> None:
        self._by_hash = {key.sha256: key for key in keys}

    def __len__(self) -> int:
        return len(self._by_hash)

    def find(self, secret: str) -> ApiKey | None:
        """The key whose secret this is. Looks up a hash, so timing tells nothing of use."""
        return self._by_hash.get(hash_key(secret))

    @classmethod
    def load(cls, path: str | Path) -> KeyRing:
        """Read a key file.

        Raises:
            ConfigurationError: names the file, the key and what is wrong.
        """
        try:
            data = json.loads(Path(path).read_text(encoding="utf-8"))
            entries = data["keys"]
        except OSError as error:
            raise ConfigurationError(f"key file {path}: {error.strerror}") from None
        except (ValueError, KeyError, TypeError):
            raise ConfigurationError(f'key file {path}: must be JSON {{"keys": [...]}}') from None
        if not isinstance(entries, list) or not entries:
            raise ConfigurationError(f"key file {path}: holds no keys")
        keys = tuple(_read_key(entry, f"{path}, key {n}: ") for n, entry in enumerate(entries, 1))
        if len({key.sha256 for key in keys}) != len(keys):
            raise ConfigurationError(f"key file {path}: the same key stands there twice")
        names = Counter(key.name for key in keys)
        if twice := [name for name, count in names.items() if count > 1]:
            raise ConfigurationError(f"key file {path}: two keys are named {twice[0]!r}")
        return cls(keys)


def _read_key(entry: Any, place: str) -> ApiKey:
    if not isinstance(entry, dict):  # its value may be a secret, and is not told
        raise ConfigurationError(f"{place}must be an object")
    key = build(ApiKey, entry, place)
    if not re.fullmatch(r"[0-9a-f]{64}", key.sha256):
        raise ConfigurationError(f"{place}sha256 must be 64 lower-case hexadecimal digits")
    if not key.scopes or min(key.requests_per_minute, key.characters_per_day) < 0:
        raise ConfigurationError(f"{place}a key has a scope, and limits of 0 or more")
    return key


def hash_key(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def new_key() -> str:
    """A fresh secret: shown once, kept by nobody but its owner."""
    return KEY_PREFIX + secrets.token_urlsafe(32)
