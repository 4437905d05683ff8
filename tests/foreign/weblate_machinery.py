"""Weblate's machinery against a server: ``weblate_machinery.py CHECKOUT URL``.

Django and Weblate's models are stubbed; base, libretranslate, deepl and apertium are its own.
"""

from __future__ import annotations

import functools
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import requests


class ValidationError(Exception):
    pass


def ask(method: str, url: str, *, raise_for_status: bool = True, **more: Any) -> requests.Response:
    response = requests.request(method, url, **{"timeout": 30, **more})
    if raise_for_status:
        response.raise_for_status()
    return response


def stub(name: str, **members: Any) -> None:
    module = types.ModuleType(name)
    module.__getattr__ = lambda member: MagicMock(name=member)  # type: ignore[method-assign]
    module.__dict__.update(members)
    sys.modules[name] = module


def load(checkout: Path) -> None:
    """Make ``weblate.machinery`` importable without Django."""
    cache = MagicMock(get=lambda *_: None)
    stub("django.core.cache", cache=cache)
    stub("django.core.exceptions", ValidationError=ValidationError)
    stub("django.utils.functional", cached_property=functools.cached_property)
    stub("django.utils.translation", gettext=lambda text: text)
    for name in ("django", "django.core", "django.utils", "dateutil", "dateutil.parser",
                 "weblate.checks.utils", "weblate.lang.models", "weblate.utils.errors",
                 "weblate.utils.hash", "weblate.utils.similarity", "weblate.utils.site",
                 "weblate.machinery.forms", "weblate.machinery.types"):  # fmt: skip
        if name not in sys.modules:
            stub(name)
    stub("weblate.utils.requests", request=ask)
    stub("weblate.utils.site", get_site_url=lambda *_: "http://127.0.0.1")
    for name in ("weblate", "weblate.machinery", "weblate.utils", "weblate.lang", "weblate.checks"):
        package = types.ModuleType(name)
        package.__path__ = [str(checkout / name.replace(".", "/"))]
        sys.modules[name] = package


def tell(name: str, step: Callable[[], object]) -> None:
    try:
        found = step()
    except Exception as error:
        words = " ".join(str(error).split())
        print(f"fail\t{name}\t{type(error).__name__}: {words}")
    else:
        print(f"pass\t{name}\t{found}")


def main(checkout: str, url: str) -> None:
    load(Path(checkout))
    from weblate.machinery.apertium import ApertiumAPYTranslation  # type: ignore[import-not-found]
    from weblate.machinery.deepl import DeepLTranslation  # type: ignore[import-not-found]
    from weblate.machinery.libretranslate import LibreTranslateTranslation  # type: ignore[import-not-found]

    for service, settings, pair in (
        (LibreTranslateTranslation, {"url": url, "key": ""}, ("zh", "en")),
        (DeepLTranslation, {"url": f"{url}/v2", "key": "any"}, ("ZH", "EN")),
        (ApertiumAPYTranslation, {"url": url}, ("zho", "eng")),
    ):
        made: Any = service(settings)
        made.get_glossary_id = lambda *_: None  # of Weblate's own terms, which are a model
        name = service.name

        def languages(made: Any = made) -> object:
            return sorted(map(str, made.download_languages()))[:3]

        def translate(made: Any = made, pair: tuple[str, str] = pair) -> str:
            if hasattr(made, "download_multiple_translations"):
                rows = made.download_multiple_translations(*pair, [("你好", None)], None, 75)
                text = rows["你好"][0]["text"]
            else:
                text = next(iter(made.download_translations(*pair, "你好", None, None)))["text"]
            assert text == "Hello", text
            return str(text)

        def save(made: Any = made) -> str:
            made.validate_settings()
            return "saved"

        tell(f"{name}: languages", languages)
        tell(f"{name}: a text", translate)
        tell(f"{name}: settings are saved", save)


if __name__ == "__main__":
    main(*sys.argv[1:])
